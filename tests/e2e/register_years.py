"""Ten years of mail for the officials of a real form, made of the corpus, and what its class must be by the plainest reading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from pathlib import Path

FIRST, LAST = date(2012, 1, 1), date(2021, 12, 31)
_HEADERS = re.compile(rb"(?im)^(Date|Message-ID|Received|Resent-[\w-]+|Sender|From|X-[\w-]+):.*(?:\r?\n[ \t].*)*\r?\n")
_MOST_BYTES = 20_000


@dataclass(frozen=True)
class Held:
    """A row of the register as this module understands it."""

    account: str
    category: str
    starts: str
    ends: str | None

    def covers(self, day: date) -> bool:
        return self.starts <= day.isoformat() and (self.ends is None or day.isoformat() <= self.ends)


@dataclass(frozen=True)
class Expected:
    """What is to be seen of a message."""

    record_class: str
    item: str | None


def expected_on(day: date, account: str, rows: list[Held], *, is_form_in_force: bool = True) -> Expected:
    """GRS 6.1 as a person applies it to mail that the account received on that day: the longest keeping of all its rows."""
    categories = {row.category for row in rows if row.account == account and row.covers(day)} if is_form_in_force else set()
    if not categories:
        return Expected("unscheduled", None)
    if categories - {"none", "support"}:
        return Expected("permanent", "010")
    return Expected("temporary", "011" if "none" in categories else "012")


def write_years(corpus: Path, folder: Path, accounts: list[str], count: int) -> dict[str, dict[str, date]]:
    """One Maildir an account below `folder`; by account, the day of each message by its number in the text."""
    days: dict[str, dict[str, date]] = {account: {} for account in accounts}
    for account in accounts:
        for part in ("cur", "new", "tmp"):
            (folder / account / part).mkdir(parents=True)
    span = (LAST - FIRST).days + 1
    bodies = cycle(list(_bodies(corpus)))
    for number, account in zip(range(count), cycle(accounts), strict=False):
        day = FIRST + timedelta(days=number * 7919 % span)
        name = f"n{number}"
        days[account][name] = day
        (folder / account / "cur" / f"1500000000.{number}.here:2,S").write_bytes(_dated(next(bodies), day, name))
    return days


def _bodies(corpus: Path) -> Iterator[bytes]:
    for name in ("spamassassin", "enron-edrm", "james"):
        for path in sorted(path for path in (corpus / name).rglob("*") if path.is_file()):
            raw = path.read_bytes()
            if b"\n\n" in raw.replace(b"\r\n", b"\n") and len(raw) < _MOST_BYTES and not raw.startswith(b"From "):
                yield raw


def _dated(raw: bytes, day: date, name: str) -> bytes:
    """The message with its dates taken out and one put in; its number is part of it, so that no two are the same."""
    head, blank, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    at = datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
    told = f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\nMessage-ID: <{name}@agency.example>\nFrom: someone@example.com\n"
    return told.encode() + _HEADERS.sub(b"", head + b"\n").rstrip(b"\n") + blank + body
