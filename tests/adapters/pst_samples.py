"""A PST file of the corpus for tests to read and to harm, and what our source offers of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shutil import copy

from capstone.domain.message import OfferedItem, OfferedMessage, RefusedItem
from tests.corpus import corpus_root

MAILBOX = "tika/microsoft/testPST.pst"
NODES = (2097188, 2097220, 2097252, 2097284, 2097316, 2097348, 2097380)
"""Its messages, in their order."""


def copied_mailbox(folder: Path) -> Path:
    return Path(copy(corpus_root() / MAILBOX, folder / "mail.pst"))


def messages(items: Sequence[OfferedItem]) -> list[OfferedMessage]:
    return [item for item in items if isinstance(item, OfferedMessage)]


def refusals(items: Sequence[OfferedItem]) -> list[RefusedItem]:
    return [item for item in items if isinstance(item, RefusedItem)]
