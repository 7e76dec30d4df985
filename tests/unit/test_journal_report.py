"""A journal report says who received a message and holds it byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capstone.domain.envelopes import Envelope, ListMembers, ReceivedAs, Recipient, write_envelope
from capstone.domain.facts import read_facts
from capstone.domain.journal import JournalReport, envelope_of, merged, read_report
from tests.journal_reports import lines_for, original, report


def read(raw: bytes) -> JournalReport:
    found = read_report(raw)
    assert found is not None
    return found


def test_every_form_of_recipient_that_the_format_names_is_read() -> None:
    raw = report(
        lines_for(
            "To: user@contoso.example",
            "Cc: user2@contoso.example",
            "Bcc: user3@contoso.example",
            "To: member@contoso.example, Expanded: dl@contoso.example",
            "Cc: fwd@contoso.example, Forwarded: user@contoso.example",
            "Bcc: a@contoso.example, Expanded: dl@contoso.example, Forwarded: b@contoso.example",
            "Recipient: last@contoso.example",
        ),
        original(),
    )
    told = read(raw).envelope
    assert (told.said_by, told.sender, told.message_id) == ("exchange-journal", "director@agency.example", "m1@agency.example")
    assert told.recipients == (
        Recipient("user@contoso.example", ReceivedAs.TO),
        Recipient("user2@contoso.example", ReceivedAs.CC),
        Recipient("user3@contoso.example", ReceivedAs.BCC),
        Recipient("member@contoso.example", ReceivedAs.TO, through="dl@contoso.example"),
        Recipient("fwd@contoso.example", ReceivedAs.CC, forwarded_by="user@contoso.example"),
        Recipient("a@contoso.example", ReceivedAs.BCC, through="dl@contoso.example", forwarded_by="b@contoso.example"),
        Recipient("last@contoso.example"),
    )


def test_who_it_was_sent_for_is_read() -> None:
    raw = report(
        [*lines_for("To: b@x.example", sender="aide@agency.example"), "On-Behalf-Of: director@agency.example"], original()
    )
    assert (read(raw).envelope.sender, read(raw).envelope.on_behalf_of) == ("aide@agency.example", "director@agency.example")


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("ben@agency.example", "", "ben@agency.example"),
        ('"Ode, Ben" <ben@agency.example>', "Ode, Ben", "ben@agency.example"),
        ("SMTP:ben@agency.example", "", "ben@agency.example"),
        ("no address at all;", "", "no address at all;"),
        ("/o=Agency/ou=Staff/cn=Recipients/cn=ben", "", "/o=Agency/ou=Staff/cn=Recipients/cn=ben"),
    ],
)
def test_addresses_are_kept_as_written(written: str, name: str, address: str) -> None:
    (one,) = read(report(lines_for(f"To: {written}"), original())).envelope.recipients
    assert (one.name, one.address) == (name, address)


@pytest.mark.parametrize("between", [", ", "; ", ","])
def test_several_in_one_line_are_all_read(between: str) -> None:
    raw = report(lines_for(f"Cc: ben@agency.example{between}Cy <cy@x.example>, Expanded: dl@x.example"), original())
    assert [(one.address, one.received_as, one.through) for one in read(raw).envelope.recipients] == [
        ("ben@agency.example", ReceivedAs.CC, "dl@x.example"), ("cy@x.example", ReceivedAs.CC, "dl@x.example"),
    ]  # fmt: skip


def test_a_list_of_everybody_is_read_to_its_end() -> None:
    members = [
        f"To: member{number}@agency.example, Expanded: everybody-in-the-whole-department@agency.example"
        for number in range(60_000)
    ]
    found = read(report(lines_for(*members), original()))
    assert (len(found.envelope.recipients), found.is_whole) == (60_000, True)


@pytest.mark.parametrize(
    ("lines", "others"),
    [
        (
            ["Sender: a@x.example", "Message-ID: <m>", "Recipients:", "b@x.example, C <c@x.example>"],
            ("b@x.example", "c@x.example"),
        ),
        ([*lines_for("To: b@x.example"), "Destinataire\u00a0: c@x.example"], ("c@x.example",)),
        (lines_for("To: b@x.example", sender="<>"), ()),
        (lines_for("To: b@x.example", "Bcc: /o=Agency/cn=Recipients/cn=c"), ()),
        (lines_for("To: b@x.example, Expanded: IMCEAEX-_O=AGENCY_CN=DL@x.example"), ()),
        (lines_for(), ()),
    ],
)
def test_a_report_that_may_concern_more_people_than_it_names_says_so(lines: list[str], others: tuple[str, ...]) -> None:
    found = read(report(lines, original(), charset="utf-8", text_encoding="base64"))
    assert (found.others, found.is_whole) == (others, False)


def test_a_report_that_names_everybody_is_whole() -> None:
    found = read(report([*lines_for("To: b@x.example"), "Label: kept", ""], original()))
    assert (found.others, found.is_whole) == ((), True)


def test_the_empty_sender_is_nobody() -> None:
    assert read(report(lines_for("To: b@x.example", sender="<>"), original())).envelope.sender is None


@pytest.mark.parametrize("mark", [None, b"X-MS-Journal-Report:"])
def test_a_mark_of_byte_order_hides_no_line(mark: bytes | None) -> None:
    first, *rest = lines_for("To: b@x.example")
    raw = report(["\ufeff" + first, *rest], original(), charset="utf-8", text_encoding="base64", mark=mark)
    assert read(raw).envelope.sender == "director@agency.example"


def test_a_subject_that_looks_like_a_line_names_no_recipient() -> None:
    told = read(report(lines_for("To: b@x.example", subject="To: evil@x.example"), original())).envelope
    assert [one.address for one in told.recipients] == ["b@x.example"]


def test_the_text_may_be_coded_and_in_another_charset() -> None:
    raw = report(lines_for("To: jürgen@agency.example", subject="Über"), original(), text_encoding="base64", charset="utf-8")
    assert read(raw).envelope.recipients == (Recipient("jürgen@agency.example", ReceivedAs.TO),)


def test_both_copies_of_a_protected_message_are_kept() -> None:
    locked, clear = original(body=b"locked"), original(body=b"clear")
    assert read(report(lines_for("To: b@x.example"), locked, clear)).originals == (locked, clear)


def test_a_report_that_was_returned_is_read() -> None:
    inner = report(lines_for("To: b@x.example"), original())
    returned = b"\r\n".join([
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="r"', b"", b"--r",
        b"Content-Type: text/plain", b"", b"Your message could not be delivered.", b"--r",
        b"Content-Type: message/delivery-status", b"", b"Final-Recipient: rfc822; journal@x.example", b"--r",
        b"Content-Type: message/rfc822", b"", inner, b"--r--", b"",
    ])  # fmt: skip
    assert read(returned) == read(inner)


def test_a_report_without_its_original_still_says_who_received_it() -> None:
    found = read(report(lines_for("To: b@x.example")))
    assert (found.originals, [one.address for one in found.envelope.recipients]) == ((), ["b@x.example"])


@pytest.mark.parametrize("name", [b"Content-Identifier", b"Content-Identifer"])
def test_the_mark_of_older_servers_counts(name: bytes) -> None:
    assert read_report(report(["Sender: a@x.example"], original(), mark=name + b": ExJournalReport")) is not None


def test_a_report_is_known_by_its_form_where_a_relay_took_its_mark_away() -> None:
    assert read(report(lines_for("To: b@x.example"), original(), mark=None)).originals == (original(),)


def test_the_rarer_lines_of_the_format_make_it_no_other_thing() -> None:
    rarer = ["Label: official use", "Mailbox: a@x.example", "SentUtc: 3/4/2015 3:00:00 PM", "ReceivedUtc: 3/4/2015 3:00:01 PM"]
    found = read(report([*lines_for("To: b@x.example"), *rarer], original(), mark=None))
    assert (found.originals, found.others) == ((original(),), ("a@x.example",))


@pytest.mark.parametrize(
    "raw",
    [
        original(),
        report(lines_for("To: b@x.example"), original("other@x.example"), mark=None),
        report([*lines_for("To: b@x.example"), "and regards"], original(), mark=None),
        report(lines_for(), original(), mark=None),
        report(lines_for("To: b@x.example"), mark=None),
        report(["Hello,", *lines_for("To: b@x.example")], original(), mark=None),
        b"",
        b'Content-Type: multipart/mixed; boundary="x"\n\nno part',
    ],
)
def test_what_is_no_report_is_left_alone(raw: bytes) -> None:
    assert read_report(raw) is None


def test_boundaries_that_only_begin_alike_part_nothing() -> None:
    inside = original(body=b"--_5f1c9d5e-0000-4c1e-9d51-6a2b2f0a7c11_more\r\n x --_5f1c9d5e-0000-4c1e-9d51-6a2b2f0a7c11_")
    assert read(report(lines_for("To: b@x.example"), inside)).originals == (inside,)


def test_a_part_without_a_header_is_text() -> None:
    raw = b"X-MS-Journal-Report:\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSender: a@x.example\nTo:\n--b--\n"
    assert read(raw) == JournalReport(Envelope("exchange-journal", "a@x.example"), (), is_whole=False)


def test_an_empty_original_is_none() -> None:
    assert read(report(lines_for("To: b@x.example"), b"")).originals == ()


def test_a_report_that_was_cut_off_gives_what_came() -> None:
    whole = report(lines_for("To: b@x.example"), original(body=b"x" * 500))
    (found,) = read(whole[:-300]).originals
    assert original(body=b"x" * 500).startswith(found)


def test_parts_nested_without_end_are_left() -> None:
    raw = b"X-MS-Journal-Report:\n"
    for number in range(300):
        raw += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
    assert read(raw).originals == ()


_LOCAL = st.from_regex(r"[a-z0-9][a-z0-9.+_'-]{0,20}", fullmatch=True)
_ADDRESS = st.builds(lambda local, domain: f"{local}@{domain}.example", _LOCAL, st.from_regex(r"[a-z]{1,9}", fullmatch=True))
_RECIPIENT = st.builds(
    Recipient,
    _ADDRESS,
    st.sampled_from(ReceivedAs),
    through=st.none() | _ADDRESS,
    forwarded_by=st.none() | _ADDRESS,
)
_LINE_END = st.sampled_from([b"\r\n", b"\n"])
_NOT_CODED = st.sampled_from(["", "7bit", "8bit"])
_SUBJECT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60)


def _line(one: Recipient) -> str:
    through = f", Expanded: {one.through}" if one.through else ""
    forwarded = f", Forwarded: {one.forwarded_by}" if one.forwarded_by else ""
    return f"{one.received_as.value.title()}: {one.address}{through}{forwarded}"


@given(
    st.lists(_RECIPIENT, max_size=8),
    _ADDRESS,
    _SUBJECT,
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=2),
    _LINE_END,
    _NOT_CODED | st.sampled_from(["base64", "quoted-printable"]),
    st.sampled_from(["8bit", "base64", "quoted-printable"]),
)
def test_what_a_report_was_made_of_is_read_from_it(
    recipients: list[Recipient],
    sender: str,
    subject: str,
    bodies: list[bytes],
    line_end: bytes,
    encoding: str,
    text_encoding: str,
) -> None:
    originals = tuple(original(line_end=line_end, body=body) for body in bodies)
    raw = report(
        lines_for(*map(_line, recipients), sender=sender, subject=subject), *originals,
        encoding=encoding, text_encoding=text_encoding, charset="utf-8", line_end=line_end,
    )  # fmt: skip
    found = read(raw)
    assert found.originals == originals
    assert found.envelope == Envelope("exchange-journal", sender, None, tuple(recipients), message_id="m1@agency.example")
    assert envelope_of(raw, "eml") == found.envelope


_TOKENS = st.sampled_from([
    b"X-MS-Journal-Report:\n", b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: multipart/report; boundary=b\n",
    b"\n", b"\r\n", b"\r", b"--b\n", b"--b--\n", b"--b", b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Sender: ", b"Recipient: a@b, Expanded: ,Forwarded:", b", Expanded: ", b"On-Behalf-Of:", b"\0", b"\xff", b"(", b"<",
    b"Content-Type: text/plain; charset=utf-16\n\n", b'"', b"SMTP:",
])  # fmt: skip


@given(st.lists(_TOKENS | st.binary(max_size=8)).map(b"".join))
@example(b"X-MS-Journal-Report:\nContent-Type: multipart/mixed; boundary=b\n\n--b\n--b\n--b--")
def test_reading_a_report_never_raises(raw: bytes) -> None:
    found = read_report(raw)
    assert found is None or all(found.originals)


@pytest.mark.corpus
def test_real_reports_are_read_as_they_say(corpus: Path) -> None:
    for name, sender, recipient, size in (
        ("phish_me.email.rfc822", "CWare@company.com", "valvphish@integraldefense.com", 89_036),
        ("splunk_logging.email.rfc822", "unixfreak0037@gmail.com", "jwdavison@company.com", 21_794),
    ):
        raw = (corpus / "exchange-journal" / name).read_bytes()
        found = read(raw)
        (message,) = found.originals
        assert (len(message), raw.count(message)) == (size, 1)
        assert (found.envelope.sender, found.envelope.recipients) == (sender, (Recipient(recipient),))
        # What the other parser of this project finds inside the report is the same message.
        (nested,) = [one for one in read_facts(raw).nested if "." not in one.part]
        assert nested.message_id == read_facts(message).message_id == found.envelope.message_id


def test_forks_of_one_message_are_united() -> None:
    lists = (ListMembers("dl@x.example", "2026-01-01T00:00:00+00:00", ("a@x.example",)),)
    first = Envelope(
        "exchange-journal", "s@x.example", None, (Recipient("A@x.example"), Recipient("b@x.example")), message_id="m"
    )
    second = Envelope(
        "smtp", None, "boss@x.example",
        (Recipient("a@x.example", ReceivedAs.BCC), Recipient("b@x.example"), Recipient("b@x.example", through="dl@x.example")),
        lists, properties={"flag": "x"},
    )  # fmt: skip
    both = Envelope(
        "exchange-journal, smtp", "s@x.example", "boss@x.example",
        (Recipient("b@x.example"), Recipient("a@x.example", ReceivedAs.BCC), Recipient("b@x.example", through="dl@x.example")),
        lists, "m", {"flag": "x"},
    )  # fmt: skip
    assert merged([first, second]) == both
    assert merged([both, both]) == both
    assert merged([]) is None


@given(st.lists(st.lists(_RECIPIENT, max_size=4), max_size=4))
def test_a_union_names_everybody_and_is_the_same_in_any_grouping(forks: list[list[Recipient]]) -> None:
    envelopes = [Envelope("exchange-journal", recipients=tuple(recipients)) for recipients in forks]
    whole = merged(envelopes)
    assert (whole is None) == (not envelopes)
    if whole is not None:
        assert {one.address for one in whole.recipients} == {one.address for fork in forks for one in fork}
        step = merged(envelopes[:1])
        for one in envelopes[1:]:
            step = merged([step, one] if step else [one])
        assert step is not None
        assert set(step.recipients) == set(whole.recipients)


def test_an_envelope_is_read_in_either_form() -> None:
    envelope = Envelope("smtp", "s@x.example", recipients=(Recipient("a@x.example"),))
    assert envelope_of(write_envelope(envelope, "ab" * 32), "json") == envelope
    assert envelope_of(original(), "eml") is None
    assert envelope_of(b"nonsense", "json") is None
