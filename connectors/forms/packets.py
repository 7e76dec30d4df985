"""The XFA packets, or the plain fields, inside a PDF. Runs in a process of its own (see `file`): a PDF can hang its reader."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, WrongPasswordError
from pypdf.generic import ArrayObject, StreamObject

from capstone.domain.errors import BadForm

_WANTED = ("datasets", "template")
_HEADER_WITHIN = 1024
_END, _PADDING = b"%%EOF", b"\0\t\n\f\r "
_FIELDS_LIMIT = 20_000

Packets = dict[str, bytes]
"""Packet name to XML; the key "xdp" holds a whole document that is not cut into packets."""
Fields = list[tuple[str, str]]
"""Full field names (`form1[0].Cat1[0].…`) with their values, for files that hold plain fields."""


def read_packets(data: bytes) -> tuple[Packets, Fields]:
    """The packets, else the plain fields. Raises BadForm that says what the file is instead."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it remarks on is no business of the reader
    _require_whole_pdf(data)
    try:
        return _read(data)
    except (FileNotDecryptedError, WrongPasswordError, DependencyError) as exc:
        raise BadForm("The PDF is locked with a password.", "Save it without a password and import that file.") from exc
    except LimitReachedError as exc:
        raise BadForm("The PDF unpacks to more than any form holds.") from exc
    except (BadForm, MemoryError):
        raise
    except Exception as exc:  # worker boundary: a PDF is a graph of anything, and a damaged one raises anything
        raise BadForm("The PDF is damaged and cannot be read.") from exc


def _require_whole_pdf(data: bytes) -> None:
    if b"%PDF-" not in data[:_HEADER_WITHIN]:
        raise BadForm("The file is not a PDF.")
    # Answers are saved behind the blank form, in an update with an end mark of its own: a file cut there is a whole, blank form.
    if not data.rstrip(_PADDING).endswith(_END):
        raise BadForm("The PDF is cut off, or something follows its end.", "Fetch the file again; a part of it is not the form.")


def _read(data: bytes) -> tuple[Packets, Fields]:
    # strict: what a lenient reader would rebuild may be an older version of the form inside the same file
    reader = pypdf.PdfReader(io.BytesIO(data), strict=True)
    if reader.is_encrypted and not reader.decrypt(""):
        raise WrongPasswordError("password needed")
    form = reader.root_object.get("/AcroForm")
    form = form.get_object() if form is not None else None
    if form is None:
        raise BadForm("The PDF holds no form: it is a print or a scan of one.", _ORIGINAL)
    packets = _packets(form.get("/XFA"))
    if packets:
        return packets, []
    fields = list(_fields(form.get("/Fields")))
    if not fields:
        raise BadForm("The PDF holds a form without any data: it was flattened or printed.", _ORIGINAL)
    return {}, fields


_ORIGINAL = "Import the file that was sent to or by the National Archives, or a CSV of positions."


def _packets(xfa: Any) -> Packets:
    xfa = xfa.get_object() if xfa is not None else None
    if isinstance(xfa, StreamObject):
        return {"xdp": xfa.get_data()}
    if not isinstance(xfa, ArrayObject):
        return {}
    found: Packets = {}
    for name, stream in zip(xfa[::2], xfa[1::2], strict=True):
        key = str(name)
        if key not in _WANTED:
            continue
        if key in found:
            raise BadForm(f"The PDF holds the packet {key} twice; which one counts cannot be told.")
        found[key] = stream.get_object().get_data()
    return found


def _fields(roots: Any) -> Iterator[tuple[str, str]]:
    waiting = [("", node) for node in reversed(roots.get_object())] if roots is not None else []
    seen = 0
    while waiting:
        prefix, reference = waiting.pop()
        seen += 1
        if seen > _FIELDS_LIMIT:
            raise BadForm("The PDF has more fields than any form.")
        node = reference.get_object()
        name = ".".join(part for part in (prefix, str(node.get("/T", ""))) if part)
        kids = node.get("/Kids")
        named_kids = [kid for kid in kids.get_object() if "/T" in kid.get_object()] if kids is not None else []
        if named_kids:
            waiting += [(name, kid) for kid in reversed(named_kids)]
        elif name:
            yield name, str(node.get("/V", "")).removeprefix("/")
