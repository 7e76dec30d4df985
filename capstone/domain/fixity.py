"""Digests: proof that bytes are unchanged (36 CFR 1236.42(e)(1) names SHA-256)."""

from __future__ import annotations

import hashlib

Buffer = bytes | memoryview


def digest_of(raw: Buffer) -> str:
    """The SHA-256 of the bytes, as 64 lower-case hex digits."""
    return hashlib.sha256(raw).hexdigest()
