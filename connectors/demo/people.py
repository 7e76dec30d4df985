"""The invented agency as data: accounts, designations and outsiders, read from config/demo/agency.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).resolve().parents[2] / "config" / "demo"


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address, as a header shows them."""

    name: str
    address: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox of the agency. `kind` is maildir, mbox, single-mbox or eml: the form in which its export lies on disk."""

    id: str
    role: str
    address: str
    kind: str
    opened: date
    closed: date | None = None

    def is_open(self, day: date) -> bool:
        """True on the days on which the mailbox takes mail."""
        return self.opened <= day and (self.closed is None or day <= self.closed)


@dataclass(frozen=True, slots=True)
class Post:
    """A designation: who held a position with an account, both days inclusive. One row of officials.csv."""

    role: str
    official: str
    office: str
    position: str
    category: str
    account: str
    addresses: tuple[str, ...]
    starts: date
    ends: date | None
    acting: bool
    form: str


@dataclass(frozen=True, slots=True)
class Form:
    """An NA-1005 of the invented agency; without `approved` it waits for approval."""

    number: str
    cutoff: str
    transfer_years: int
    approved: date | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """Everything that agency.toml says."""

    name: str
    time_zone: str
    record_group: str
    domain: str
    forms: Mapping[str, Form]
    accounts: tuple[Account, ...]
    posts: tuple[Post, ...]
    outsiders: Mapping[str, Person]

    def account(self, role: str, day: date) -> Account | None:
        """The mailbox of a role, while it is open; a vacant position keeps its mailbox."""
        return next((a for a in self.accounts if a.role == role and a.is_open(day)), None)

    def holder(self, role: str, day: date) -> Post | None:
        """Who acts in a role on a day; None in a vacancy that nobody fills."""
        return next((p for p in self.posts if p.role == role and p.starts <= day and (p.ends is None or day <= p.ends)), None)

    def account_by_id(self, account_id: str) -> Account:
        """The account with this id. Raises StopIteration for an id that agency.toml does not have."""
        return next(a for a in self.accounts if a.id == account_id)


def load_agency(folder: Path = CONFIG) -> Agency:
    """The agency of `folder`/agency.toml. Raises KeyError, TypeError or tomllib.TOMLDecodeError for a file that is not ours."""
    data = tomllib.loads((folder / "agency.toml").read_text(encoding="utf-8"))
    return Agency(
        **data["agency"],
        forms={key: Form(**row) for key, row in data["forms"].items()},
        accounts=tuple(Account(**row) for row in data["accounts"]),
        posts=tuple(_post(row) for row in data["designations"]),
        outsiders={key: Person(**row) for key, row in data["outsiders"].items()},
    )


def _post(row: dict[str, Any]) -> Post:
    known = {key: row[key] for key in ("role", "official", "office", "position", "category", "account", "form")}
    return Post(
        **known,
        addresses=tuple(row["addresses"]),
        starts=row["from"],
        ends=row.get("until"),
        acting=row.get("acting", False),
    )
