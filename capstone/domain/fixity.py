"""Digests: proof that bytes are unchanged (36 CFR 1236.42(e)(1) names SHA-256)."""

from __future__ import annotations

import hashlib
import re

Buffer = bytes | memoryview

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(raw: Buffer) -> str:
    """The SHA-256 of the bytes, as 64 lower-case hex digits."""
    return hashlib.sha256(raw).hexdigest()


def is_digest(text: str) -> bool:
    """Whether the text is a SHA-256 in the form that `digest_of` gives."""
    return _HEX_DIGEST.fullmatch(text) is not None
