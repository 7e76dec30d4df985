"""Where things lie in the store (design: the layout of the store), and the ids that sort by time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from capstone.domain.message import CompanionKind

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MANIFEST = re.compile(r"manifests/[a-z0-9_][a-z0-9-]*/[0-9]{4}/[0-9]{2}/[^/]+-[0-9]{6,}\.jsonl")
_DECISION = re.compile(r"decisions/[0-9]{4}/[0-9]{2}/([0-9]{9,})\.json")
_ANCHOR = re.compile(r"audit/[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9a-f]{64}\.json")
_NOT_IN_A_KEY = re.compile(r"[^a-z0-9-]+")
NO_ACCOUNT = "_"
"""Stands in keys and ledger for an account where what was received names none; no account can be called so."""
FORM_FILES = "decisions/forms/"
"""Below it lie files that forms were registered from; everything else below decisions/ is a numbered decision."""
_CLOCKS_APART = timedelta(days=1)
_RUN_TIME = "%Y%m%dT%H%M%S%fZ"


def is_account(text: str) -> bool:
    """Whether the text can be an account's stable id: it stands in keys, so it is narrow."""
    return _ACCOUNT.fullmatch(text) is not None


def record_key(account: str, digest: str) -> str:
    """The key of a record's exact bytes."""
    return f"records/{account}/{digest[:2]}/{digest}.eml"


def digest_in_record_key(key: str) -> str:
    """The digest that a record's key names."""
    return key.rpartition("/")[2].removesuffix(".eml")


def companion_key(kind: CompanionKind, account: str, digest: str, suffix: str) -> str:
    """The key of an object kept beside a record. The digest is its own."""
    return f"{kind.value}/{account}/{digest[:2]}/{digest}.{suffix}"


def quarantine_key(source: str, digest: str) -> str:
    """The key of quarantined bytes."""
    return f"quarantine/{key_part(source)}/{digest[:2]}/{digest}"


def manifest_key(account: str, run_id: str, number: int) -> str:
    """The key of a run's manifest; manifests of an account sort by time."""
    return f"manifests/{account}/{run_id[:4]}/{run_id[4:6]}/{run_id}-{number:06d}.jsonl"


def is_manifest_key(key: str) -> bool:
    """Whether a manifest may lie there. Others put objects beside ours: folders of a console, copies, notes."""
    return _MANIFEST.fullmatch(key) is not None


def manifest_months(account: str, last_key: str | None, now: datetime) -> list[str]:
    """Prefixes below which manifests newer than `last_key` can lie, oldest first; all of the account's where it is None.

    Another machine's clock may be ahead: a manifest of its next month that stayed unseen would fork the chain.
    """
    if last_key is None:
        return [f"manifests/{account}/"]
    year, month = (int(part) for part in last_key.split("/")[2:4])
    latest = now + _CLOCKS_APART
    months = []
    while (year, month) <= (latest.year, latest.month):
        months.append(f"manifests/{account}/{year:04d}/{month:02d}/")
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return months or [f"manifests/{account}/"]


def decision_key(number: int, at: datetime) -> str:
    """The key of an applied change of register, form, hold, approval or disposition. `at`: when the one before it was decided."""
    return f"decisions/{at:%Y}/{at:%m}/{number:09d}.json"


def decision_number(key: str) -> int | None:
    """The number that a decision's key names; None for a key that is none of a decision."""
    found = _DECISION.fullmatch(key)
    return int(found[1]) if found else None


def decided_in(key: str) -> datetime:
    """The first instant of the month that a decision's key names."""
    _, year, month, _ = key.split("/")
    return datetime(int(year), int(month), 1, tzinfo=UTC)


def form_key(digest: str, suffix: str) -> str:
    """The key of a file that a form was registered from, beside the decisions. `suffix`: pdf or csv."""
    return f"{FORM_FILES}{digest}.{suffix}"


def audit_key(head: str, at: datetime) -> str:
    """The key of an anchored head of the audit chain."""
    return f"audit/{at:%Y}/{at:%m}/{at:%d}/{head}.json"


def is_audit_key(key: str) -> bool:
    """Whether an anchored head may lie there."""
    return _ANCHOR.fullmatch(key) is not None


def key_part(name: str) -> str:
    """A source's name as one part of a key."""
    return _NOT_IN_A_KEY.sub("-", name.lower()).strip("-") or "source"


def run_id_at(now: datetime, salt: str, after: str | None = None) -> str:
    """A run id that sorts by time and after the run id `after`, even when the clock went back. `salt`: four hex digits."""
    moment = now.astimezone(UTC)
    if after is not None:
        last = datetime.strptime(after.partition("-")[0], _RUN_TIME).replace(tzinfo=UTC)
        moment = max(moment, last + timedelta(microseconds=1))
    return f"{moment.strftime(_RUN_TIME)}-{salt}"


def run_in_manifest_key(key: str) -> str:
    """The run id that a manifest's key names."""
    return key.rpartition("/")[2].rpartition("-")[0]
