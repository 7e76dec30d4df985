"""The text of a message, its markings, and what is said of its security."""

from __future__ import annotations

import struct
from time import process_time

import pytest

from capstone.domain.facts import capture_facts, read_facts
from capstone.domain.facts.bodies import unflowed
from capstone.domain.facts.html_text import MAX_TAGS, text_of_html
from capstone.domain.facts.markings import markings_of
from tests.unit.facts.messages import attached, message, multipart
from tests.unit.facts.tnef_streams import attribute, properties, tnef_stream, variable

_PLAIN = "Content-Type: text/plain\n\nPlain words."
_HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Rich words.</p>"


def _body(raw: bytes) -> tuple[str, str]:
    facts = read_facts(raw)
    return facts.body_text, facts.body_from


def test_plain_text_is_preferred_to_its_html() -> None:
    assert _body(multipart(_PLAIN, _HTML, kind="alternative")) == ("Plain words.", "plain")
    assert _body(multipart(_HTML, _PLAIN, kind="alternative")) == ("Plain words.", "plain")


def test_an_empty_plain_text_gives_way_to_the_html() -> None:
    assert _body(multipart("Content-Type: text/plain\n\n \n", _HTML, kind="alternative")) == ("Rich words.", "html")


def test_texts_that_are_no_alternatives_are_all_read() -> None:
    assert _body(multipart(_PLAIN, _HTML)) == ("Plain words.\nRich words.", "plain")
    assert _body(multipart(_HTML, _HTML)) == ("Rich words.\nRich words.", "html")


def test_alternatives_without_text_give_none() -> None:
    assert _body(multipart(attached(b"x", "a.bin"), kind="alternative")) == ("", "none")


def test_a_text_that_is_attached_is_no_body() -> None:
    facts = read_facts(multipart(_PLAIN, attached(b"notes", "notes.txt", "text/plain")))
    assert (facts.body_text, [a.name for a in facts.attachments]) == ("Plain words.", ["notes.txt"])


def test_a_whole_message_with_a_name_is_still_a_body() -> None:
    assert _body(message("Words.\n", Content_Type='text/plain; name="a.txt"')) == ("Words.", "plain")


def test_the_declared_charset_is_told() -> None:
    assert read_facts(message("x", Content_Type="text/plain; charset=ISO-8859-1")).charset == "ISO-8859-1"
    assert read_facts(message("x")).charset is None


def test_flowed_paragraphs_become_lines() -> None:
    text = "One \ntwo.\n> quoted \n> words\n\n-- \nname"
    assert unflowed(text, joins_without_blank=False) == "One two.\n> quoted words\n\n-- \nname"
    assert unflowed("on \ne", joins_without_blank=True) == "one"
    assert _body(message("Soft \nend.\n", Content_Type="text/plain; format=flowed"))[0] == "Soft end."


def test_html_is_read_as_it_is_seen() -> None:
    head = "<head><title>t</title><style>p{}</style></head>"
    html = f"<html>{head}<body><p>A&nbsp;&amp; B</p><script>x()</script><div>C</div></body></html>"
    assert text_of_html(html).split() == ["A", "&", "B", "C"]
    assert text_of_html("") == ""


def test_html_of_very_many_tags_is_read_without_its_tree() -> None:
    assert text_of_html("<div>" * (MAX_TAGS + 1) + "words") == "words"


def test_body_lines_end_in_lf_alone() -> None:
    assert _body(message("a\r\nb\rc\n"))[0] == "a\nb\nc"


@pytest.mark.parametrize(
    ("subject", "text", "found"),
    [
        ("(U//FOUO) Plan", "", ("FOUO", "U//FOUO")),
        ("", "FOR OFFICIAL USE ONLY\n\nText", ("FOUO",)),
        ("", "Text\nThis is Law Enforcement Sensitive.", ("LES",)),
        ("", "UNCLASSIFIED//LES\nText", ("LES", "UNCLASSIFIED//LES")),
        ("", "CUI//SP-PRVCY\nText", ("CUI", "CUI//SP-PRVCY")),
        ("", "SBU\nText", ("SBU",)),
        ("", "Classification: SECRET\nClassification: x", ()),
        ("", "SECRET//NOFORN\nText", ("SECRET//NOFORN",)),
        ("", "It is confidential and secret. Sales, files, LES ENFANTS.", ()),
        ("Lunch", "Hello.", ()),
        ("", "x\n" * 2_000 + "CUI\n" + "x\n" * 2_000, ()),
    ],
)
def test_markings_are_found_at_the_edges_of_a_text(subject: str, text: str, found: tuple[str, ...]) -> None:
    assert markings_of(subject, text) == found


_SIGNED_CMS = bytes.fromhex("308006092a864886f70d010702a080")
_ENVELOPED_CMS = bytes.fromhex("308006092a864886f70d010703a080")


@pytest.mark.parametrize(
    ("raw", "security"),
    [
        (message(), ()),
        (multipart(_PLAIN, attached(b"x", "s.p7s", "application/pkcs7-signature"), kind="signed"), ("smime-signed",)),
        (multipart(_PLAIN, attached(b"x", "s.asc", "application/pgp-signature"), kind="signed"), ("pgp-signed",)),
        (multipart("Content-Type: application/pgp-encrypted\n\nVersion: 1", kind="encrypted"), ("pgp-encrypted",)),
        (message(_SIGNED_CMS, Content_Type="application/pkcs7-mime"), ("smime-signed",)),
        (message(_ENVELOPED_CMS, Content_Type="application/x-pkcs7-mime"), ("smime-encrypted",)),
        (message(b"x", Content_Type="application/pkcs7-mime; smime-type=signed-data"), ("smime-signed",)),
        (message("-----BEGIN PGP MESSAGE-----\n\nx"), ("pgp-encrypted",)),
        (message("Hi.\n-----BEGIN PGP SIGNED MESSAGE-----\n\nx"), ("pgp-signed",)),
        (message("He wrote -----BEGIN PGP MESSAGE-----"), ()),
    ],
)
def test_signed_and_encrypted_mail_is_told(raw: bytes, security: tuple[str, ...]) -> None:
    assert read_facts(raw).security == security


def test_the_content_key_is_blind_to_the_transfer() -> None:
    as_base64 = attached(b"One.\r\nTwo.\r\n", "a.txt", "text/plain")
    as_it_stands = as_base64.partition("Content-Transfer")[0] + "\nOne.\nTwo.\n"
    assert capture_facts(multipart(as_base64)).content_key == capture_facts(multipart(as_it_stands)).content_key
    as_quoted = message("Hello=2E\n", Content_Transfer_Encoding="quoted-printable")
    assert capture_facts(as_quoted).content_key == capture_facts(message()).content_key


def test_the_content_key_sees_every_change_of_content() -> None:
    inner = "Content-Type: message/rfc822\n\n"
    keys = [
        capture_facts(raw).content_key
        for raw in (
            message(),
            message("Other.\n"),
            message(Subject="Other"),
            message(To="other@agency.example"),
            message(Date="Mon, 1 Jan 2024 10:00:01 -0500"),
            message(Date="some day"),
            multipart(_PLAIN, attached(b"1", "a.bin")),
            multipart(_PLAIN, attached(b"2", "a.bin")),
            multipart(_PLAIN, attached(b"1", "b.bin")),
            multipart(inner + message().decode()),
            multipart(inner + message(Subject="Other").decode()),
            multipart(inner + message("Other.\n").decode()),
        )
    ]
    assert len(set(keys)) == len(keys)


def test_html_of_very_many_tags_keeps_its_letters() -> None:
    html = "<br>" * (MAX_TAGS + 1) + "Jos&eacute; &#233;t&#xE9; &#" + "9" * 5_000 + ";."
    assert text_of_html(html).split() == ["José", "été", "."]


@pytest.mark.parametrize(
    "html",
    [
        "<p>before</p><a " + "".join(f" a{number}=1" for number in range(100_000)) + ">after</a>",
        "<p>before</p><a " + "".join(f" a{number}='>'" for number in range(100_000)) + ">after</a>",
        "<p>before</p>" + "".join(f"<body a{number}=1 b{number}=2>" for number in range(MAX_TAGS - 10)) + "after",
    ],
)
def test_very_many_attributes_take_linear_time(html: str) -> None:
    began = process_time()
    assert text_of_html(html).split() == ["before", "after"]
    assert process_time() - began < 5


def test_a_long_picture_in_a_tag_hides_no_text() -> None:
    picture = f"<img src=\"data:image/png;base64,{'A' * 30_000}\" alt='x'>"
    assert text_of_html(f"<body><p>before {picture} and after</p>").split() == ["before", "and", "after"]


@pytest.mark.parametrize("blank", ["\xa0", "\u200b\r\n\xa0", "\ufeff"])
def test_a_plain_text_of_invisible_marks_gives_way_to_the_html(blank: str) -> None:
    plain = f"Content-Type: text/plain; charset=utf-8\n\n{blank}\n"
    assert _body(multipart(plain, _HTML, kind="alternative")) == ("Rich words.", "html")


def test_a_short_plain_text_beyond_ascii_is_a_text() -> None:
    assert _body(multipart("Content-Type: text/plain; charset=utf-8\n\n\xe9\n", _HTML, kind="alternative")) == ("é", "plain")


@pytest.mark.parametrize("declared", ["text/html", "text/html; charset=us-ascii", "text/html; charset=x-nowhere"])
def test_html_may_name_its_charset_itself(declared: str) -> None:
    html = "<html><meta http-equiv='Content-Type' content='text/html; charset=windows-1251'><p>Привет</p>".encode("cp1251")
    facts = read_facts(message(html, Content_Type=declared))
    assert facts.body_text == "Привет"
    assert facts.problems == capture_facts(message(html, Content_Type=declared)).problems == ()


@pytest.mark.parametrize("meta", ["utf-16", "x-nowhere", "iso-2022-jp"])
def test_what_html_names_wrongly_is_not_believed(meta: str) -> None:
    assert read_facts(message(f"<meta charset={meta}>caf\xe9".encode("cp1252"), Content_Type="text/html")).body_text == "café"
    assert read_facts(message(f"<meta charset={meta}>caf\xe9".encode(), Content_Type="text/html")).body_text == "café"


def test_the_text_that_outlook_wrapped_stands_in_for_an_empty_one() -> None:
    wrapped = attached(tnef_stream(attribute(0x800C, b"Wrapped words.")), "winmail.dat", "application/ms-tnef")
    assert _body(multipart("Content-Type: text/plain\n\n \n", wrapped)) == ("Wrapped words.", "plain")
    empty = attached(tnef_stream(), "winmail.dat", "application/ms-tnef")
    assert _body(multipart("Content-Type: text/plain\n\n", empty)) == ("", "plain")
    assert _body(multipart("Content-Type: text/plain\n\nOwn words.\n", wrapped)) == ("Own words.", "plain")


@pytest.mark.parametrize(
    ("rtf", "text", "kind"),
    [
        (rb"{\rtf1\ansi Plain \b words\b0 .\par}", "Plain words.", "rtf"),
        (rb"{\rtf1\ansi\fromtext Plain words.\par}", "Plain words.", "rtf"),
        (rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}Rich words.{\*\htmltag72 </p>}}", "Rich words.", "rtf"),
        (rb"{\rtf1\ansi}", "", "plain"),
    ],
)
def test_the_text_that_outlook_wrapped_as_rtf_only_is_text(rtf: bytes, text: str, kind: str) -> None:
    packed = struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf
    stream = tnef_stream(attribute(0x9003, properties(variable(0x1009, 0x0102, packed)), level=1))
    assert _body(multipart("Content-Type: text/plain\n\n", attached(stream, "winmail.dat", "application/ms-tnef"))) == (
        text,
        kind,
    )


@pytest.mark.parametrize("kind", ["text/html (rich)", "(rich) text/html", "text/html (rich); charset=utf-8"])
def test_a_comment_in_the_type_hides_no_text(kind: str) -> None:
    assert _body(message("<p>Rich words.</p>", Content_Type=kind)) == ("Rich words.", "html")
