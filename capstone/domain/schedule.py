"""The retention schedule as data: items, periods and authorities, read from TOML. No number of years stands in code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from capstone.domain.errors import BadSchedule
from capstone.domain.officials import CutoffRule
from capstone.domain.records import RecordClass
from capstone.domain.toml_table import TomlTable, as_day, parsed_toml


class Trigger(StrEnum):
    """What the period of an item is counted from."""

    MESSAGE_DATE = "message_date"
    CUTOFF = "cutoff"


class ItemStatus(StrEnum):
    """Whether an item may be used (36 CFR 1226.14(a), 1226.16): records of any other item are unscheduled."""

    APPROVED = "approved"
    NOT_APPROVED = "not_approved"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Authority:
    """A disposition authority number and the days, both inclusive, on which it was the one to cite."""

    number: str
    starts: date
    ends: date | None
    is_verified: bool
    """False: from general knowledge, not compared with the published schedule."""


@dataclass(frozen=True, slots=True)
class ScheduleItem:
    """One item. Exactly one of `retain_years` (temporary) and `transfer_years` (permanent) is filled."""

    item: str
    title: str
    disposition: RecordClass
    trigger: Trigger
    authorities: tuple[Authority, ...]
    cutoff: CutoffRule | None = None
    """The cutoff rule of the item itself; None: the form's (only for trigger `cutoff`)."""
    retain_years: int | None = None
    transfer_years: tuple[int, ...] = ()
    """The periods after cutoff that a form may choose."""
    status: ItemStatus = ItemStatus.APPROVED
    verified: frozenset[str] = frozenset()
    """Names of the data above that were found in a published source."""

    def authority_on(self, day: date) -> Authority:
        """The authority to cite on that day; before the first one the first, after the last one the last."""
        current = self.authorities[0]
        for authority in self.authorities:
            if authority.starts <= day:
                current = authority
        return current


@dataclass(frozen=True, slots=True)
class Schedule:
    """A retention schedule (S1-3.11) of one version."""

    schedule_id: str
    title: str
    version: str
    effective: date
    source: str
    age_alarm_years: int
    """Age at which permanent records are due for transfer whatever their cutoff (36 CFR 1235.12)."""
    items: Mapping[str, ScheduleItem]

    def is_authority_verified(self, number: str) -> bool:
        """Whether that authority number was compared with the published schedule; an unknown number was not."""
        found = [one for item in self.items.values() for one in item.authorities if one.number == number]
        return bool(found) and all(one.is_verified for one in found)


def read_schedule(text: str, name: str) -> Schedule:
    """Read a schedule file; `name` is how messages call it. Raises BadSchedule on anything that is not exactly right."""
    reader = TomlTable(parsed_toml(text, name), name)
    items = [_item_of(TomlTable(table, f"{name}, item {number}")) for number, table in enumerate(reader.tables("items"), start=1)]
    schedule = Schedule(
        schedule_id=reader.text("id"),
        title=reader.text("title"),
        version=reader.text("version"),
        effective=reader.day("effective"),
        source=reader.text("source"),
        age_alarm_years=reader.years("age_alarm_years"),
        items={item.item: item for item in items},
    )
    reader.close()
    if len(schedule.items) != len(items):
        raise BadSchedule(f"{name}: an item stands in it twice")
    return schedule


def read_administrations(text: str, name: str = "administrations.toml") -> tuple[date, ...]:
    """The first days of new administrations, in order. Raises BadSchedule where the file is not exactly right."""
    reader = TomlTable(parsed_toml(text, name), name)
    reader.text("source")
    changes = tuple(as_day(value, f"{name}: changes") for value in reader.values("changes"))
    reader.close()
    if any(earlier >= later for earlier, later in pairwise(changes)):
        raise BadSchedule(f"{name}: changes must be dates in rising order, each once")
    return changes


def _item_of(table: TomlTable) -> ScheduleItem:
    number = table.item_number("item")
    table.name = f"{table.name} ({number})"
    names = frozenset(table.data) - {"item", "authorities", "verified", "status"}
    disposition = table.choice("disposition", {one.value: one for one in (RecordClass.PERMANENT, RecordClass.TEMPORARY)})
    trigger = table.choice("trigger", {one.value: one for one in Trigger})
    is_permanent = disposition is RecordClass.PERMANENT
    item = ScheduleItem(
        item=number,
        title=table.text("title"),
        disposition=disposition,
        trigger=trigger,
        authorities=_authorities_of(table),
        cutoff=table.choice("cutoff", {one.value: one for one in CutoffRule}) if table.has("cutoff") else None,
        retain_years=None if is_permanent else table.years("retain_years"),
        transfer_years=table.year_list("transfer_years") if is_permanent else (),
        status=table.choice("status", {one.value: one for one in ItemStatus}) if table.has("status") else ItemStatus.APPROVED,
        verified=frozenset(str(value) for value in table.values("verified")),
    )
    table.close()
    _check_item(item, names, table.name)
    return item


def _check_item(item: ScheduleItem, names: frozenset[str], where: str) -> None:
    if not item.verified <= names:
        raise BadSchedule(f"{where}: verified names what the item does not have: {', '.join(sorted(item.verified - names))}")
    if item.trigger is Trigger.MESSAGE_DATE and item.cutoff is not None:
        raise BadSchedule(f"{where}: an item that counts from the message date has no cutoff")
    if item.trigger is Trigger.MESSAGE_DATE and item.disposition is RecordClass.PERMANENT:
        raise BadSchedule(f'{where}: a permanent item needs trigger = "cutoff"')


def _authorities_of(table: TomlTable) -> tuple[Authority, ...]:
    found = []
    for one in table.tables("authorities"):
        inner = TomlTable(one, f"{table.name}, authorities")
        ends = inner.day("until") if inner.has("until") else None
        found.append(Authority(inner.text("number"), inner.day("from"), ends, inner.flag("verified")))
        inner.close()
    if not found:
        raise BadSchedule(f"{table.name}: an authority is missing")
    for authority in found:
        if authority.ends is not None and authority.ends < authority.starts:
            raise BadSchedule(f"{table.name}: authority {authority.number} ends before it starts")
    for earlier, later in pairwise(found):
        if earlier.ends is None or earlier.ends >= later.starts:
            raise BadSchedule(f"{table.name}: authorities must follow one another in time, each ended before the next")
    return tuple(found)
