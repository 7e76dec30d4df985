"""Messages of the corpus, cut out of its files as each set was made."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from pathlib import Path

_SETS = ("cpython-email/*.txt", "spamassassin/**/*.txt", "**/*.eml", "**/*.mime", "mime4j/**/*.msg", "**/*.rfc822")


def mbox_messages(path: Path) -> list[bytes]:
    """The messages of an MBOX file as Python's mailbox module cuts it (the Pony Mail results were made with it)."""
    box = mailbox.mbox(str(path), create=False)
    try:
        return [box.get_bytes(key) for key in box.iterkeys()]
    finally:
        box.close()


def corpus_messages(corpus: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every message file of the corpus, and of the messages of its mailing lists."""
    for pattern in _SETS:
        for path in sorted(corpus.glob(pattern)):
            yield str(path.relative_to(corpus)), path.read_bytes()
    for path in sorted(corpus.glob("apache-lists/corpus/*.mbox")):
        for position, raw in enumerate(mbox_messages(path)):
            yield f"{path.relative_to(corpus)}#{position}", raw
