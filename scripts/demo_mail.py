"""The demonstration's mailboxes on a mail server: what `capstone demo generate` wrote as files becomes Maildirs of Dovecot.

Safe to repeat: a message has the same file name every time. What is no message (a list of telephone numbers, an empty file) stays
behind, as no mail server would hold it.
"""

from __future__ import annotations

import email.utils
import hashlib
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path

from capstone.bootstrap import demo_summary
from capstone.bootstrap.sources import open_files
from capstone.domain.message import OfferedMessage

_HEADER_BYTES = 65536
_NO_DATE = datetime(2020, 1, 2, 12, tzinfo=UTC)


def accounts_of(home: Path) -> list[str]:
    """The accounts of the demonstration in `home`."""
    return [box.account for box in demo_summary(home).mailboxes]


def messages_of(home: Path, account: str) -> Iterable[OfferedMessage]:
    """Every message of the account, as the archive reads it from the files."""
    path = next(home / box.path for box in demo_summary(home).mailboxes if box.account == account)
    return (item for item in open_files("demo", [path]).items({}) if isinstance(item, OfferedMessage))


def load(messages: Iterable[OfferedMessage], maildir: Path, owner: tuple[int, int]) -> int:
    """Deliver them into a Maildir of Dovecot, to be owned by `owner`; how many were not there yet."""
    added, inbox_names = 0, ("", "inbox", maildir.parent.name)
    for message in messages:
        name = message.occurrence.place.folder.removesuffix(".mbox")
        folder = maildir if name.lower() in inbox_names else maildir / f".{name.replace('/', '.')}"
        for part in ("cur", "new", "tmp"):
            _make(folder / part, owner)
        unique = f"{_arrived_at(message)}.{hashlib.sha256(message.raw).hexdigest()[:24]}.demo"
        if not (folder / "new" / unique).exists() and not any((folder / "cur").glob(f"{unique}*")):
            _deliver(folder, unique, message.raw, owner)
            added += 1
    return added


def _arrived_at(message: OfferedMessage) -> int:
    """Seconds since the epoch, for the server's own received time: what the source or the Date header says."""
    known = message.occurrence.received_at or message.occurrence.from_line_at
    if known:
        return int(known.timestamp())
    said = BytesHeaderParser().parsebytes(message.raw[:_HEADER_BYTES])["Date"]
    try:
        return max(0, int(email.utils.parsedate_to_datetime(str(said)).timestamp()))
    except (TypeError, ValueError, OverflowError):
        return int(_NO_DATE.timestamp())


def _make(folder: Path, owner: tuple[int, int]) -> None:
    for path in (folder.parent, folder):
        if not path.exists():
            path.mkdir(mode=0o750, parents=True)
            shutil.chown(path, *owner)


def _deliver(folder: Path, name: str, raw: bytes, owner: tuple[int, int]) -> None:
    """As a delivery agent does: written aside, then moved into sight whole."""
    aside, moment = folder / "tmp" / name, int(name.partition(".")[0])
    aside.write_bytes(raw)
    shutil.chown(aside, *owner)
    os.utime(aside, (moment, moment))
    aside.rename(folder / "new" / name)
