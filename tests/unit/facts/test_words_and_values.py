"""Encoded words, parameters, charsets and transfer encodings."""

from __future__ import annotations

import pytest

from capstone.domain.facts.charsets import codec_of, decoded
from capstone.domain.facts.mime_values import file_name, read_value
from capstone.domain.facts.transfer import transfer_decoded
from capstone.domain.facts.words import unwrapped


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?Caf=C3=A9_au_lait?=", "Café au lait"),
        ("=?utf-8?b?w6k?= x", "é x"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        ("=?utf-8?q?a?=\t =?iso-8859-1?q?=E9?= b", "aé b"),
        ("x =?utf-8*en?q?y?= z", "x y z"),
        ("=?utf-8?q?a?= plain =?utf-8?q?b?=", "a plain b"),
        ("=?utf-8?q?a=0Ab?=", "a b"),
        ("not =?a word", "not =?a word"),
    ],
)
def test_encoded_words_are_decoded(value: str, text: str) -> None:
    noted: list[str] = []
    assert unwrapped(value, noted.append) == text
    assert noted == []


@pytest.mark.parametrize("value", ["=?x-nowhere?q?a?=", "=?utf-8?b?A?=", "=?utf-8?q?=FF?="])
def test_broken_encoded_words_are_noted(value: str) -> None:
    noted: list[str] = []
    unwrapped(f"a {value} b", noted.append)
    assert noted == ["malformed_encoded_word"]


def test_a_word_of_an_unknown_charset_is_guessed() -> None:
    assert unwrapped("=?unknown-8bit?q?caf=C3=A9?= =?x-unknown?b?aGVsbG8=?=", lambda _: None) == "caféhello"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="a \\"b\\".pdf"', 'a "b".pdf'),
        ("attachment; filename=plain.pdf", "plain.pdf"),
        ("attachment; filename*=utf-8''caf%C3%A9.pdf", "café.pdf"),
        ("attachment; filename*0*=utf-8''caf; filename*1*=%C3%A9; filename*2=.pdf", "café.pdf"),
        ('attachment; filename="=?utf-8?q?caf=C3=A9.pdf?="', "café.pdf"),
        ('attachment; filename="C:\\\\Users\\\\ann\\\\a.pdf"', "a.pdf"),
        ('attachment; filename="../../a.pdf"', "a.pdf"),
        ('attachment; filename="a/"', "a/"),
        ('attachment; filename="open.pdf', "open.pdf"),
        ("attachment; filename*1=lost.pdf", ""),
        ("attachment; size=1; filename*=utf-8''a.pdf", "a.pdf"),
        ("attachment; filename*0=a; x*=b", "a"),
        ("attachment", ""),
    ],
)
def test_file_names_are_decoded_and_lose_their_path(value: str, name: str) -> None:
    assert file_name(read_value(value)[1], {}) == name


def test_a_name_of_the_content_type_stands_in() -> None:
    assert file_name({}, read_value("application/pdf; name=a.pdf; name=b.pdf")[1]) == "a.pdf"
    assert read_value("Text/Plain; " + "x" * 200)[0] == "text/plain"


@pytest.mark.parametrize(
    ("raw", "charset", "text", "problem"),
    [
        (b"plain", "", "plain", None),
        ("é".encode(), "utf-8", "é", None),
        (b"\xe9\x80", "iso-8859-1", "é€", None),
        (b"\x81", "iso-8859-1", "\x81", None),
        (b"\xe9", "", "é", "undeclared_charset"),
        (b"\xe9", "x-nowhere", "é", "unknown_charset"),
        (b"\xe9", "utf-8", "\ufffd", "undecodable_text"),
        ("漢".encode("gb18030"), "GB2312", "漢", None),
        (b"a\0b", "us-ascii", "ab", None),
        (b"+2AA-", "utf-7", "?", None),
        (b"h\0i\0", "utf-16-le", "hi", None),
        (b"\0h\0i", "utf-16", "hi", None),
        (b"no wide text at all", "utf-16", "no wide text at all", "unknown_charset"),
        (b"aGk=", "base64", "aGk=", "unknown_charset"),
        (b"x", "unicode_escape", "x", "unknown_charset"),
    ],
)
def test_text_is_decoded_and_guesses_are_told(raw: bytes, charset: str, text: str, problem: str | None) -> None:
    assert decoded(raw, charset) == (text, problem)


def test_a_name_with_nul_is_no_charset() -> None:
    assert codec_of("utf-8\0") is None


@pytest.mark.parametrize(
    ("raw", "encoding", "content", "problem"),
    [
        (b"SGVs\nbG8=", "base64", b"Hello", None),
        (b"SGVsbG8", "base64", b"Hello", "broken_transfer_encoding"),
        (b"SGVsbG8*", "base64", b"Hello", "broken_transfer_encoding"),
        (b"SGVs*bG8=", "base64", b"Hello", "broken_transfer_encoding"),
        (b"SGVsbG8=A=", "base64", b"Hello", "broken_transfer_encoding"),
        (b"A=BC*", "base64", b"", "broken_transfer_encoding"),
        (b"A", "base64", b"", "broken_transfer_encoding"),
        (b"a=3Db=\nc", "quoted-printable", b"a=bc", None),
        (b"a  \nb\t\r\n", "quoted-printable", b"a\nb\r\n", None),
        (b"a=XXb", "quoted-printable", b"a=XXb", "broken_transfer_encoding"),
        (b"begin 644 a.txt\n#86)C\n \nend\n", "x-uuencode", b"abc", None),
        (b"begin 644 a.txt\n#86)C\n", "uuencode", b"abc", "broken_transfer_encoding"),
        (b"begin 644 a.txt\n\xff\xff\n", "uue", b"", "broken_transfer_encoding"),
        (b"text", "x-uue", b"text", "broken_transfer_encoding"),
        (b"text", "x-own", b"text", "unknown_transfer_encoding"),
    ],
)
def test_parts_are_decoded_as_far_as_they_can_be(raw: bytes, encoding: str, content: bytes, problem: str | None) -> None:
    assert transfer_decoded(raw, encoding) == (content, problem)
