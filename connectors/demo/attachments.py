"""Tiny attachments that look like what their names say: PDF, XLSX and PNG. The same arguments give the same bytes."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

TYPES = {
    ".pdf": "application/pdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".png": "image/png",
}
_SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
_CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def attachment(name: str, label: str) -> tuple[str, bytes]:
    """(media type, bytes) of an attachment called `name` about `label`. Raises KeyError for an unknown ending."""
    ending = name[name.rindex(".") :]
    media_type = TYPES[ending]
    makers = {".pdf": _pdf, ".xlsx": _xlsx, ".png": _png}
    return media_type, makers[ending](label)


def _pdf(label: str) -> bytes:
    text = label.replace("(", "").replace(")", "")
    content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = "%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{item}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    count = len(objects) + 1
    tail = (
        f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer << /Size {count} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    return (body + tail).encode("latin-1", "replace")


def _xlsx(label: str) -> bytes:
    rows = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{label}</t></is></c></row>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, text in (("[Content_Types].xml", _CONTENT_TYPES), ("xl/worksheets/sheet1.xml", _SHEET.format(rows=rows))):
            archive.writestr(zipfile.ZipInfo(name, date_time=(2019, 1, 1, 0, 0, 0)), text)
    return stream.getvalue()


def _png(label: str) -> bytes:
    red, green, blue = zlib.crc32(label.encode()).to_bytes(4, "big")[:3]
    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\x00" + bytes((red, green, blue)) * 2) * 2)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
