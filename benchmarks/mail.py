"""Mail to measure with: the corpus, repeated with changed Message-IDs and words, as one Maildir."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from capstone.domain.message import OfferedMessage
from connectors.mailboxes.files.source import FileSource

_MESSAGE_ID = re.compile(rb"(?im)^(Message-ID:[ \t]*<)")
_WORD = re.compile(rb"(?<=[ \n])[a-z]{6,10}(?=[ .,\r\n])")


def maildir(corpus: Path, folder: Path, wanted: int) -> Path:
    """A Maildir of `wanted` messages below `folder`; made once, then used again."""
    target = folder / f"mail-{wanted}"
    done = target / "complete"
    if not done.exists():
        for part in ("cur", "new", "tmp"):
            (target / "Maildir" / part).mkdir(parents=True, exist_ok=True)
        for number, raw in zip(range(wanted), messages(corpus), strict=False):
            (target / "Maildir" / "cur" / f"{1_500_000_000 + number}.{number}.bench:2,S").write_bytes(raw)
        done.touch()
    return target / "Maildir"


def messages(corpus: Path) -> Iterator[bytes]:
    """The corpus without end: the first time as it is, then with changed Message-IDs and words."""
    originals = list(originals_of(corpus))
    for copy in count():
        yield from (raw if copy == 0 else changed(raw, copy) for raw in originals)


def originals_of(corpus: Path) -> Iterator[bytes]:
    """Every message of the corpus."""
    source = FileSource("corpus", [corpus])
    return (item.raw for item in source.items({}) if isinstance(item, OfferedMessage) and item.raw)


def changed(raw: bytes, copy: int) -> bytes:
    """The message under another Message-ID, with every seventh longer word turned into another one."""
    head, separator, body = raw.partition(b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n")
    seen = count()

    def other(match: re.Match[bytes]) -> bytes:
        word = match.group()
        turn = copy % len(word)
        return word[turn:] + word[:turn] + b"%d" % copy if next(seen) % 7 == 0 else word

    return _MESSAGE_ID.sub(b"\\g<1>%d." % copy, head) + separator + _WORD.sub(other, body)


def main() -> None:
    """Make a Maildir: CORPUS FOLDER COUNT."""
    corpus, folder, wanted = sys.argv[1:]
    made = maildir(Path(corpus), Path(folder), int(wanted))
    print(made, sum(entry.stat().st_size for entry in os.scandir(made / "cur")), "bytes")


if __name__ == "__main__":
    main()
