"""The codes of problems inside messages, each with a plain sentence. A code is never reused for another meaning."""

from __future__ import annotations

CODES: dict[str, str] = {
    # headers
    "no_header": "The bytes do not begin with a header; everything was taken as body.",
    "leading_from_line": "A `From ` line of a mailbox file stands before the header.",
    "leading_blank_line": "Empty lines stand before the header.",
    "leading_byte_order_mark": "A byte order mark stands before the header, as editors write it.",
    "malformed_header_line": "A line inside the header is no header field and was passed over.",
    "missing_separator": "No empty line separates header and body.",
    "nul_in_header": "The header holds NUL bytes; they were left out of the facts.",
    "eight_bit_header": "The header holds bytes above 127 outside encoded words.",
    "too_many_headers": "The header has more fields than are read for their names.",
    "mixed_line_ends": "Line ends differ inside the header.",
    "bare_cr_line_ends": "Lines end in CR alone.",
    "malformed_encoded_word": "An encoded word names an unknown charset or does not decode.",
    # single facts
    "no_message_id": "There is no Message-ID.",
    "malformed_message_id": "The Message-ID is not one identifier in angle brackets.",
    "doubled_message_id": "There is more than one Message-ID; the first one counts.",
    "no_date": "There is no Date.",
    "malformed_date": "The Date cannot be read.",
    "date_implausible": "The Date lies outside 1982 to 2100 and was not used.",
    "doubled_date": "There is more than one Date; the first one counts.",
    "malformed_trace_date": "The topmost Received field has no readable date.",
    "no_from": "There is no From.",
    "malformed_from": "The From holds no address.",
    "doubled_from": "There is more than one From; the mailboxes of all count.",
    "malformed_sender": "The Sender holds no address.",
    "no_recipients": "There is neither To nor Cc nor Bcc.",
    "malformed_recipients": "To, Cc or Bcc is there but holds neither name nor address.",
    "address_list_cut_off": "A list of addresses is too long; the rest of it was not read.",
    "no_subject": "There is no Subject.",
    "doubled_subject": "There is more than one Subject; the first one counts.",
    # structure
    "no_boundary": "A multipart has no boundary or its boundary never occurs; it was taken as text.",
    "truncated_multipart": "A multipart ends without its closing boundary.",
    "nested_too_deep": "Parts are nested deeper than is read; the inner ones are unread.",
    "parts_cut_off": "There are more parts than are read; the rest is unread.",
    "too_costly_to_read": "Reading the parts would take too much memory; only the header was read.",
    "not_parsed": "No parser could read the parts; only the header was read.",
    "reader_ended": "Reading the message ended or hung the process that read it; nothing in it was read.",
    "partial_message": "The message is one piece of a message that was sent in pieces.",
    # contents
    "broken_transfer_encoding": "A part is not encoded as it says; what could be decoded was.",
    "unknown_transfer_encoding": "A part names an unknown transfer encoding; it was taken as it stands.",
    "unknown_charset": "A text names a charset that is not known; a likely one was used.",
    "undeclared_charset": "A text has bytes above 127 and no charset that allows them; a likely one was used.",
    "undecodable_text": "A text holds bytes that its charset does not know; they are shown as U+FFFD.",
    "text_cut_off": "A text is too long; only its beginning was read as text.",
    "damaged_tnef": "A winmail.dat (TNEF) part is damaged; what could be read was.",
}
"""Code to meaning. Problems describe; they never stop a capture."""
