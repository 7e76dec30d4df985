"""What a file is by its first bytes, and whether it is encrypted. Cheap signatures only; nothing is opened."""

from __future__ import annotations

import puremagic

RIGHTS_MANAGED = "application/x-microsoft-rpmsg-message"
"""The text and the files of a message under rights protection ([MS-OXORMMS] 2.2)."""
_HEAD = 2_048
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"-----BEGIN PGP", "application/pgp"),
)
_ZIP_KINDS = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_ZIP_HEADER, _ZIP_ENTRY = b"PK\x03\x04", b"PK\x01\x02"
_MAX_ZIP_ENTRIES = 1_000
_OLE = "application/x-ole-storage"
_RIGHTS_MANAGED_HEAD = b"\x76\xe8\x04\x60\xc4\x11\xe3\x86"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CONTROLS = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27})


def detected_type(content: bytes) -> str | None:
    """The media type that the first bytes show; None where they show none. Text without a signature is "text/plain"."""
    head = content[:_HEAD]
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(_ZIP_HEADER):
        return _zip_kind(content)
    if not head:
        return None
    if len(head.translate(None, _CONTROLS)) == len(head):
        return _text_kind(head)
    return _asked(head)


def _text_kind(head: bytes) -> str:
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if begin.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    return "application/xml" if begin.startswith(b"<?xml") else "text/plain"


def _zip_kind(content: bytes) -> str:
    """Office files name their parts in the first local headers or, at the latest, in the directory at the end."""
    edges = content[:4_096] + content[-4_096:]
    if b"[Content_Types].xml" in edges or b"_rels/" in edges:
        for mark, kind in _ZIP_KINDS:
            if mark in edges:
                return kind
    return "application/zip"


def _asked(head: bytes) -> str | None:
    try:
        return puremagic.from_string(head, mime=True) or None
    # Signatures of a few formats read further than the head: any trouble means that nothing was recognised.
    except (puremagic.PureError, ValueError, IndexError, KeyError, TypeError, OSError, OverflowError):
        return None


def is_encrypted(content: bytes, declared_type: str) -> bool:
    """Whether the file needs a password or key, by the cheap signs of ZIP, PDF, Office, 7z, RAR, PGP, S/MIME and rights
    protection."""
    if content.startswith(_ZIP_HEADER):
        return _is_zip_encrypted(content)
    if content.startswith(b"%PDF-"):
        return b"/Encrypt" in content
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        return _is_ole_encrypted(content)
    if content.startswith(b"7z\xbc\xaf"):
        return b"\x06\xf1\x07\x01" in content[-4_096:]
    if content.startswith(b"Rar!\x1a\x07"):
        return _is_rar_encrypted(content)
    if declared_type == RIGHTS_MANAGED or content.startswith((b"-----BEGIN PGP MESSAGE", _RIGHTS_MANAGED_HEAD)):
        return True
    return declared_type in ("application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime") and (
        bytes.fromhex("2a864886f70d010703") in content[:64]
    )


def _is_zip_encrypted(content: bytes) -> bool:
    if content[6:7] and content[6] & 1:
        return True
    at = content.find(_ZIP_ENTRY)
    for _ in range(_MAX_ZIP_ENTRIES):
        if at < 0 or at + 10 > len(content):
            return False
        if content[at + 8] & 1:
            return True
        at = content.find(_ZIP_ENTRY, at + 46)
    return False


def _is_ole_encrypted(content: bytes) -> bool:
    if _OLE_ENCRYPTED in content:
        return True
    stream = content[512:]  # the first sector of old files is, as a rule, the main stream's first
    if stream[:2] == b"\xec\xa5":
        return bool(stream[11:12]) and bool(stream[11] & 1)
    if stream[:2] == b"\x09\x08":
        length = int.from_bytes(stream[2:4], "little")
        return stream[4 + length : 6 + length] == b"\x2f\x00"
    return False


def _is_rar_encrypted(content: bytes) -> bool:
    if content.startswith(b"Rar!\x1a\x07\x01\x00"):
        return len(content) > 13 and content[12] < 0x80 and content[13] == 4
    return len(content) > 24 and bool(content[10] & 0x80 or content[23] & 0x04)
