"""Threads of the invented agency: topics of config/demo/conversations.toml, filled in and dated by a seed."""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.demo.letters import Letter, write
from connectors.demo.people import CONFIG, Agency, Person

INBOX, SENT = "Inbox", "Sent"
_OPENING_HOUR, _CLOSING_HOUR, _SATURDAY = 8, 18, 5


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy of a message in one mailbox folder."""

    account: str
    folder: str
    sent_at: datetime
    raw: bytes = field(repr=False)
    topic: str = ""


@dataclass(frozen=True, slots=True)
class _Thread:
    """What the messages of one thread share."""

    key: str
    topic: Mapping[str, Any]
    words: Mapping[str, str]
    domain: str


def deliveries(agency: Agency, seed: int, folder: Path = CONFIG) -> Iterator[Delivery]:
    """Every copy of every message, thread by thread. The same seed gives the same bytes in the same order."""
    data = tomllib.loads((folder / "conversations.toml").read_text(encoding="utf-8"))
    for topic in data["topics"]:
        for year in topic["years"]:
            for month in topic["months"]:
                # A generator of its own for each thread: a new topic does not change the others.
                key = f"{topic['key']}-{year}-{month:02d}"
                dice = random.Random(f"{seed}/{key}")  # noqa: S311 - invented mail, not a secret
                words = {name: dice.choice(choices) for name, choices in data["values"].items()} | _dated_words(year, month)
                start = datetime(year, month, dice.randint(2, 20), dice.randint(8, 15), dice.randint(0, 59), tzinfo=_zone(agency))
                yield from _thread(agency, _Thread(key, topic, words, agency.domain), start)


def _thread(agency: Agency, thread: _Thread, start: datetime) -> Iterator[Delivery]:
    references: tuple[str, ...] = ()
    sent_at, before = start, b""
    for number, row in enumerate(thread.topic["messages"]):
        sent_at = _in_working_hours(sent_at + timedelta(hours=row.get("after", 0), minutes=7 * number))
        sender = _person(agency, row["from"], sent_at.date())
        if sender is None:
            continue
        letter = _letter(agency, thread, row, sender, sent_at, references, before)
        bcc = tuple(_people(agency, row.get("bcc", ()), sent_at.date()))
        before = write(letter)
        kept = write(letter, bcc) if bcc else before
        references = (*references, letter.message_id)
        yield from _copies(agency, thread, row, sent_at, before, kept)


def _letter(
    agency: Agency,
    thread: _Thread,
    row: Mapping[str, Any],
    sender: Person,
    sent_at: datetime,
    references: tuple[str, ...],
    before: bytes,
) -> Letter:
    day = sent_at.date()
    subject = thread.topic["subject"].format_map(thread.words)
    to = tuple(_people(agency, row["to"], day))
    prefix = "" if not references else "FW: " if row.get("forward") else "RE: "
    greeting = f"{to[0].name.split()[0]},\n\n" if to and not row.get("list") else ""
    body = row["text"].strip().format_map(thread.words)
    return Letter(
        message_id=_message_id(thread, len(references)),
        from_=sender,
        sender=_person(agency, row["sender"], day) if "sender" in row else None,
        to=to,
        cc=tuple(_people(agency, row.get("cc", ()), day)),
        subject=prefix + subject,
        sent_at=sent_at,
        text=f"{greeting}{body}\n\n{_signature(sender)}\n",
        references=references,
        attach=row.get("attach", "").format_map(thread.words).replace(" ", "-"),
        html=row.get("html", False),
        invite=row.get("invite", "").format_map(thread.words),
        marking=row.get("marking", ""),
        signed=row.get("signed", False),
        encrypted=row.get("encrypted", False),
        list_id=f"all-staff.lists.{agency.domain}" if row.get("list") else "",
        forwarded=before if row.get("forward") else b"",
    )


def _copies(
    agency: Agency, thread: _Thread, row: Mapping[str, Any], sent_at: datetime, raw: bytes, kept: bytes
) -> Iterator[Delivery]:
    """The copy in the Sent folder of those who sent it, one in the inbox of each who got it."""
    day, topic = sent_at.date(), thread.topic["key"]
    given: set[str] = set()
    for role in (row["from"], row.get("sender", "")):
        account = _sending_account(agency, role, day)
        if account and account not in given:
            given.add(account)
            yield Delivery(account, row.get("folder", SENT), sent_at, kept, topic)
    for role in (*row["to"], *row.get("cc", ()), *row.get("bcc", ()), *row.get("reaches", ())):
        mailbox = agency.account(role, day)
        if mailbox and mailbox.id not in given:
            given.add(mailbox.id)
            yield Delivery(mailbox.id, row.get("folder", INBOX), sent_at, raw, topic)


def _sending_account(agency: Agency, role: str, day: date) -> str | None:
    post = agency.holder(role, day)
    return post.account if post else None


def _person(agency: Agency, role: str, day: date) -> Person | None:
    """Who writes in a role on a day: an outsider, or its holder, from the address of the holder's own account."""
    if role in agency.outsiders:
        return agency.outsiders[role]
    post = agency.holder(role, day)
    return Person(post.official, post.addresses[0], post.position) if post else None


def _people(agency: Agency, roles: list[str] | tuple[str, ...], day: date) -> Iterator[Person]:
    """Those written to: outsiders, and the mailboxes that are open, whether or not the position is filled."""
    for role in roles:
        mailbox = agency.account(role, day)
        if role in agency.outsiders:
            yield agency.outsiders[role]
        elif mailbox:
            post = next((p for p in agency.posts if p.account == mailbox.id and p.starts <= day <= (p.ends or day)), None)
            yield Person(post.official if post else mailbox.role.capitalize(), mailbox.address)


def _signature(sender: Person) -> str:
    return f"{sender.name}\n{sender.title}".rstrip()


def _message_id(thread: _Thread, number: int) -> str:
    return f"{hashlib.sha256(f'{thread.key}/{number}'.encode()).hexdigest()[:20]}@mail.{thread.domain}"


def _in_working_hours(moment: datetime) -> datetime:
    """The moment, or the next working morning. Wall-clock time, so that it holds across the change of the clocks."""
    if moment.hour >= _CLOSING_HOUR:
        moment = (moment + timedelta(days=1)).replace(hour=_OPENING_HOUR)
    if moment.hour < _OPENING_HOUR:
        moment = moment.replace(hour=_OPENING_HOUR)
    while moment.weekday() >= _SATURDAY:
        moment += timedelta(days=1)
    return moment


def _dated_words(year: int, month: int) -> dict[str, str]:
    first, following = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    # A federal fiscal year starts in October of the year before; a justification is written for the one after next.
    return {
        "year": str(year),
        "month": first.strftime("%B"),
        "next_month": following.strftime("%B"),
        "fiscal_year": str(year + 1 if month < 10 else year + 2),
        "quarter": f"Q{(month + 2) // 3 % 4 + 1}",
    }


def _zone(agency: Agency) -> ZoneInfo:
    return ZoneInfo(agency.time_zone)
