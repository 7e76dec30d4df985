"""Files of mail for tests, and what our source offers of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from capstone.domain.message import OfferedItem, OfferedMessage, RefusedItem
from connectors.mailboxes.files.source import FileSource

SEP = b"From ada@agency.example Thu Jan  2 10:00:00 2020\n"
RAW = b"From: ada@agency.example\nSubject: note\n\nGood day.\n"


def put(path: Path, raw: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


def maildir_at(path: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True, exist_ok=True)
    return path


def items(*paths: Path, **options: object) -> list[OfferedItem]:
    return list(FileSource("disk", paths, **options).items({}))  # type: ignore[arg-type]


def only(*paths: Path) -> OfferedItem:
    [item] = items(*paths)
    return item


def message(*paths: Path) -> OfferedMessage:
    item = only(*paths)
    assert isinstance(item, OfferedMessage)
    return item


def refusal(*paths: Path) -> RefusedItem:
    item = only(*paths)
    assert isinstance(item, RefusedItem)
    return item


def outcomes(*paths: Path) -> Counter[str]:
    return Counter("message" if isinstance(item, OfferedMessage) else f"{item.state}:{item.code}" for item in items(*paths))
