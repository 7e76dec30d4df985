"""What Outlook wrapped in RTF comes out of it as it was; anything else gives text and never an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.facts.rtf_text import Wrapped, unwrapped
from capstone.domain.generated.bodies import bodies_of
from tests.mapi_items import binary, item, text

HEAD = rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fmodern\fcharset204 Courier;}}{\colortbl;}"
EXAMPLE = (
    HEAD + rb"\uc1\pard\plain\deftab360 \f0\fs24 {\*\htmltag19 <html>}{\*\htmltag34 \par }"
    rb"{\*\htmltag50 <body>}\htmlrtf {\htmlrtf0 Gr\'f6\'dfe "
    rb"{\*\htmltag84 <b>}\htmlrtf {\b \htmlrtf0 und\htmlrtf }\htmlrtf0 {\*\htmltag92 </b>}"
    rb"{\*\mhtmltag84 <x>}{\*\htmltag84 &nbsp;}\htmlrtf \'a0\htmlrtf0 \u8364?\tab \{\}\htmlrtf }\htmlrtf0 {\*\htmltag58 </body>}}"
)


def test_html_comes_out_as_it_was() -> None:
    assert unwrapped(EXAMPLE) == (Wrapped.HTML, "<html>\r\n<body>Größe <b>und</b>&nbsp;€\t{}</body>")


def test_text_comes_out_as_it_was() -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252\fromtext {\fonttbl{\f0 Arial;}}\f0 Good day.\par Gr\'fc\'dfe\par}"
    assert unwrapped(rtf) == (Wrapped.TEXT, "Good day.\r\nGrüße\r\n")


def test_mere_rtf_gives_its_text() -> None:
    assert unwrapped(rb"{\rtf1\ansi{\info{\title No}}{\*\generator No;}\b Good\b0  day.\line{\pict\bin4 }{{}}Yes}") == (
        Wrapped.NOTHING,
        "Good day.\r\nYes",
    )


@pytest.mark.parametrize(
    ("rtf", "said"),
    [
        (rb"{\rtf1\ansi\ansicpg932 \'93\'fa\'96{}}", "日\ufffd"),
        (rb"{\rtf1\ansi\ansicpg932 \'93\'fa\'83A}", "日ア"),
        (rb"{\rtf1\ansi{\fonttbl{\f1\fcharset204 X;}}{\f1\'cf\'f0}\'cf}", "ПрÏ"),
        (rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 X;}{\f1\fcharset204 X;}{\f2\fcharset0 X;}}\f1\'cf\f2\'cf\f0\'cf}", "ПÏП"),
        (rb"{\rtf1\ansi{\fonttbl{\f0\fcharset0 X;}{\f1\fcharset204 X;}}\f1\'cf\f0\'cf\f1\'cf\plain\'cf\f1\f9\'cf}", "ПÏПÏÏ"),
        (rb"{\rtf1\uc2 \u26085ab\u-10179\'3d\'d8x}", "日\ufffdx"),
    ],
)
def test_charsets(rtf: bytes, said: str) -> None:
    assert unwrapped(rtf)[1] == said


SMILE = rb"\u-10179?\u-8704?"


def test_a_character_in_two_halves_is_one() -> None:
    assert unwrapped(rb"{\rtf1\ansi " + SMILE + rb"\u-10179?x}")[1] == "\U0001f600\ufffdx"
    wrapped = item(binary(0x1009, packed(HEAD + rb"{\*\htmltag84 <b>}" + SMILE + b"}")))
    assert bodies_of(wrapped).html == "<b>\U0001f600".encode()


@given(st.binary(max_size=300) | st.text("\\{}'uhtmlrfag*0123 \n", max_size=300).map(str.encode))
def test_anything_gives_text(rtf: bytes) -> None:
    kind, found = unwrapped(HEAD + rtf)
    assert kind is Wrapped.HTML
    assert found.encode().decode() == found


def packed(rtf: bytes) -> bytes:
    return (len(rtf) + 12).to_bytes(4, "little") + len(rtf).to_bytes(4, "little") + b"MELA" + bytes(4) + rtf


def test_rtf_that_wraps_html_is_the_html_alternative() -> None:
    bodies = bodies_of(item(text(0x1000, "Good day."), binary(0x1009, packed(EXAMPLE))))
    assert [part.head.split(b";")[0] for part in bodies.parts] == [b"Content-Type: text/plain", b"Content-Type: text/html"]


def test_rtf_that_wraps_nothing_stands_beside_its_text() -> None:
    bodies = bodies_of(item(binary(0x1009, packed(rb"{\rtf1 Good day.}"))))
    assert b"".join(bodies.parts[0].body) == b"Good day.\r\n"
    assert bodies.parts[1].head.startswith(b'Content-Type: application/rtf; name="body.rtf"\r\n')


def test_rtf_is_left_out_where_there_is_html_and_told_where_it_is_damaged() -> None:
    assert len(bodies_of(item(binary(0x1013, b"<p>x"), binary(0x1009, packed(EXAMPLE)))).parts) == 1
    assert bodies_of(item(binary(0x1009, b"damaged"))).notes == ("rtf-unread",)
