"""Series of other schedules that outrank the Capstone schedule where they keep longer (domain.md 6.1 rule 8), read from TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from capstone.domain.errors import BadSchedule
from capstone.domain.officials import CutoffRule
from capstone.domain.records import RecordClass
from capstone.domain.schedule import Authority, ScheduleItem, Trigger
from capstone.domain.toml_table import TomlTable, parsed_toml

_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")

FLOOR = "never_destroyed"
"""The disposition of a floor in the file, and the flag of a record that is under one."""

_DISPOSITIONS = {
    RecordClass.PERMANENT.value: RecordClass.PERMANENT,
    RecordClass.TEMPORARY.value: RecordClass.TEMPORARY,
    FLOOR: None,
}
_CUTOFFS = {one.value: one for one in (CutoffRule.CALENDAR, CutoffRule.FISCAL, CutoffRule.OTHER)}
"""A series is nobody's tenure."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series that mail can be assigned to."""

    series_id: str
    title: str
    authority: str
    is_verified: bool
    item: ScheduleItem | None
    """What it says of disposition. None: a floor, under which a record keeps its item and is never destroyed (S2-7.4a)."""


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """All series, of one version."""

    version: str = ""
    series: Mapping[str, Series] = field(default_factory=dict)


NO_SERIES = SeriesTable()


def read_series(text: str, name: str = "series.toml") -> SeriesTable:
    """Read the file. Raises BadSchedule on anything that is not exactly right."""
    reader = TomlTable(parsed_toml(text, name), name)
    reader.text("source")
    version = reader.text("version")
    found = [_series_of(TomlTable(table, f"{name}, series {number}")) for number, table in enumerate(reader.tables("series"), 1)]
    reader.close()
    table = SeriesTable(version, {one.series_id: one for one in found})
    if len(table.series) != len(found):
        raise BadSchedule(f"{name}: a series stands in it twice")
    return table


def _series_of(table: TomlTable) -> Series:
    series_id = table.text("id")
    if not _ID.fullmatch(series_id):
        raise BadSchedule(f"{table.name}: id must be small letters, digits and dashes, a letter first")
    table.name = f"{table.name} ({series_id})"
    title, authority, is_verified = table.text("title"), table.text("authority"), table.flag("verified")
    disposition = table.choice("disposition", _DISPOSITIONS)
    cited = Authority(authority, date.min, None, is_verified)
    item = None if disposition is None else _item_of(table, series_id, title, disposition, cited)
    table.close()
    return Series(series_id, title, authority, is_verified, item)


def _item_of(table: TomlTable, series_id: str, title: str, disposition: RecordClass, cited: Authority) -> ScheduleItem:
    trigger = table.choice("trigger", {one.value: one for one in Trigger})
    cutoff = table.choice("cutoff", _CUTOFFS) if table.has("cutoff") else None
    if trigger is Trigger.MESSAGE_DATE and (cutoff is not None or disposition is RecordClass.PERMANENT):
        raise BadSchedule(f'{table.name}: a series that is permanent or has a cutoff needs trigger = "cutoff"')
    is_permanent = disposition is RecordClass.PERMANENT
    return ScheduleItem(
        item=series_id,
        title=title,
        disposition=disposition,
        trigger=trigger,
        authorities=(cited,),
        cutoff=cutoff,
        retain_years=None if is_permanent else table.years("retain_years"),
        transfer_years=(table.years("transfer_years"),) if is_permanent and table.has("transfer_years") else (),
        verified=frozenset({"retain_years", "transfer_years"}) if cited.is_verified else frozenset(),
    )
