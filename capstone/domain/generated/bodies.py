"""The texts of an item: plain, HTML, RTF; what is wrapped in RTF is unwrapped."""

from __future__ import annotations

from dataclasses import dataclass

from capstone.domain.facts.codepages import charset_of
from capstone.domain.facts.rtf_compressed import RtfDamaged, decompressed
from capstone.domain.facts.rtf_text import Wrapped, unwrapped
from capstone.domain.generated import header_text
from capstone.domain.generated.mapi import TEXT8, UNICODE, MapiItem, bytes_of, integer_of, text_of
from capstone.domain.generated.mime import Part, bytes_part, text_part

_BODY, _RTF, _HTML, _REPORT_TEXT, _CODEPAGE = 0x1000, 0x1009, 0x1013, 0x1001, 0x3FDE


@dataclass(frozen=True, slots=True)
class Bodies:
    """The alternatives, plainest first, and what could not be read."""

    parts: tuple[Part, ...]
    html: bytes = b""
    """The HTML as it stands in its part, to look for what it shows."""
    notes: tuple[str, ...] = ()


def bodies_of(item: MapiItem) -> Bodies:
    """At least one part. RTF stands for itself only where there is no HTML, neither beside it nor in it."""
    text = text_of(item.properties, _BODY, item.codepage) or text_of(item.properties, _REPORT_TEXT, item.codepage)
    html = _html_of(item)
    rtf, wrapped, unwrapped_text, notes = b"", Wrapped.NOTHING, "", tuple[str, ...]()
    if html is None:
        rtf, notes = _rtf_of(item)
        wrapped, unwrapped_text = unwrapped(rtf) if rtf else (Wrapped.NOTHING, "")
    if wrapped is Wrapped.HTML and unwrapped_text.strip():
        html = text_part(unwrapped_text, "html"), unwrapped_text.encode("utf-8", "replace")
    text = text or (unwrapped_text if html is None else "")
    parts = [text_part(text)] if text or html is None else []
    parts += [html[0]] if html else []
    if rtf and html is None and wrapped is not Wrapped.TEXT:
        parts.append(_rtf_part(rtf))
    return Bodies(tuple(parts), html[1] if html else b"", notes)


def _html_of(item: MapiItem) -> tuple[Part, bytes] | None:
    """The HTML as it was kept: bytes with their codepage named, or Unicode."""
    found = item.properties.get(_HTML)
    if found is None or not found.values or not found.values[0].strip(b"\0 \r\n"):
        return None
    if found.kind in (UNICODE, TEXT8):
        text = text_of(item.properties, _HTML, item.codepage)
        return text_part(text, "html"), text.encode("utf-8", "replace")
    raw = bytes_of(item.properties, _HTML) or b""
    charset = charset_of(integer_of(item.properties, _CODEPAGE))
    head = header_text.with_parameters("Content-Type", "text/html", [[f"charset={charset}"]] if charset else [])
    return bytes_part(raw, head), raw


def _rtf_of(item: MapiItem) -> tuple[bytes, tuple[str, ...]]:
    packed = bytes_of(item.properties, _RTF)
    if not packed:
        return b"", ()
    try:
        return decompressed(packed), ()
    except RtfDamaged:
        return b"", ("rtf-unread",)


def _rtf_part(rtf: bytes) -> Part:
    head = header_text.with_parameters("Content-Type", "application/rtf", [header_text.parameter("name", "body.rtf")])
    return bytes_part(rtf, head)
