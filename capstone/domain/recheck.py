"""All that a class was decided from, as JSON values that a later version, or another program, can decide from again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from capstone.domain.classification import classify
from capstone.domain.evidence import Evidence
from capstone.domain.officials import CutoffRule, designation_as_dict, designation_from_dict
from capstone.domain.records import Classification, RecordClass
from capstone.domain.register_facts import fact_as_dict, fact_from_dict
from capstone.domain.roster import Roster
from capstone.domain.rules import RULES_VERSION, Rules
from capstone.domain.schedule import Authority, ItemStatus, Schedule, ScheduleItem, Trigger
from capstone.domain.series import Series, SeriesTable

FORMAT = 1

_T = TypeVar("_T")


def case_of(evidence: Evidence, rules: Rules) -> dict[str, object]:
    """The evidence, every row and fact of the register that weighs on it, and the schedules. Holds no mail content.

    Addresses of the message stand there as marks (`addresses.address_mark`); those of the register's rows as they are.
    """
    rows, facts = rules.roster.concerning(evidence.account, evidence.from_marks)
    return {
        "format": FORMAT,
        "rules": RULES_VERSION,
        "today": rules.today.isoformat(),
        "time_zone": getattr(rules.zone, "key", None) or str(rules.zone),
        "plausible_start": rules.plausible_start.isoformat(),
        "tolerance_s": rules.tolerance.total_seconds(),
        "acting_days": rules.acting_days,
        "evidence": _evidence_as_dict(evidence),
        "designations": [designation_as_dict(row) for row in rows],
        "facts": [fact_as_dict(fact) for fact in facts],
        "schedule": _schedule_as_dict(rules.schedule),
        "series": {
            "version": rules.series.version,
            "series": [_series_as_dict(one) for _, one in sorted(rules.series.series.items())],
        },
        "administrations": [day.isoformat() for day in rules.administrations],
    }


def recheck(told: Mapping[str, Any]) -> Classification:
    """The class that follows from what `case_of` told, by the rules of this version. Raises ValueError where it is no case."""
    evidence, rules = read_case(told)
    return classify(evidence, rules)


def read_case(told: Mapping[str, Any]) -> tuple[Evidence, Rules]:
    """The opposite of `case_of`. Raises ValueError where that is not what it is given."""
    if told.get("format") != FORMAT:
        raise ValueError("not a case of a format that this program reads")
    try:
        return _evidence(told["evidence"]), _rules(told)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not a case as this program writes it") from exc


def _rules(told: Mapping[str, Any]) -> Rules:
    return Rules(
        roster=Roster(map(designation_from_dict, told["designations"]), map(fact_from_dict, told["facts"])),
        schedule=_schedule(told["schedule"]),
        administrations=tuple(map(date.fromisoformat, told["administrations"])),
        zone=_zone(told["time_zone"]),
        today=date.fromisoformat(told["today"]),
        plausible_start=date.fromisoformat(told["plausible_start"]),
        tolerance=timedelta(seconds=told["tolerance_s"]),
        series=SeriesTable(told["series"]["version"], {one["id"]: _series(one) for one in told["series"]["series"]}),
        acting_days=told["acting_days"],
    )


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)  # the calendar of zones that comes with the language: a table, no place of ours


def _evidence_as_dict(evidence: Evidence) -> dict[str, object]:
    told: dict[str, object] = {"account": evidence.account, "is_sent": evidence.is_sent}
    for name in ("header_date", "trace_date"):
        told[name] = _iso(getattr(evidence, name))
    for name in ("received", "from_lines"):
        told[name] = [one.isoformat() for one in getattr(evidence, name)]
    for name in ("from_marks", "sender_marks", "folders"):
        told[name] = list(getattr(evidence, name))
    return told


def _evidence(told: Mapping[str, Any]) -> Evidence:
    return Evidence(
        account=told["account"],
        header_date=_read(datetime.fromisoformat, told["header_date"]),
        trace_date=_read(datetime.fromisoformat, told["trace_date"]),
        received=tuple(map(datetime.fromisoformat, told["received"])),
        from_lines=tuple(map(datetime.fromisoformat, told["from_lines"])),
        from_marks=tuple(told["from_marks"]),
        sender_marks=tuple(told["sender_marks"]),
        is_sent=told["is_sent"],
        folders=tuple(told["folders"]),
    )


def _schedule_as_dict(schedule: Schedule) -> dict[str, object]:
    return {
        "id": schedule.schedule_id,
        "title": schedule.title,
        "version": schedule.version,
        "effective": schedule.effective.isoformat(),
        "source": schedule.source,
        "age_alarm_years": schedule.age_alarm_years,
        "items": [_item_as_dict(item) for _, item in sorted(schedule.items.items())],
    }


def _schedule(told: Mapping[str, Any]) -> Schedule:
    return Schedule(
        schedule_id=told["id"],
        title=told["title"],
        version=told["version"],
        effective=date.fromisoformat(told["effective"]),
        source=told["source"],
        age_alarm_years=told["age_alarm_years"],
        items={one["item"]: _item(one) for one in told["items"]},
    )


def _item_as_dict(item: ScheduleItem) -> dict[str, object]:
    return {
        "item": item.item,
        "title": item.title,
        "disposition": item.disposition.value,
        "trigger": item.trigger.value,
        "cutoff": None if item.cutoff is None else item.cutoff.value,
        "retain_years": item.retain_years,
        "transfer_years": list(item.transfer_years),
        "status": item.status.value,
        "verified": sorted(item.verified),
        "authorities": [
            {"number": one.number, "from": one.starts.isoformat(), "until": _iso(one.ends), "verified": one.is_verified}
            for one in item.authorities
        ],
    }


def _item(told: Mapping[str, Any]) -> ScheduleItem:
    return ScheduleItem(
        item=told["item"],
        title=told["title"],
        disposition=RecordClass(told["disposition"]),
        trigger=Trigger(told["trigger"]),
        authorities=tuple(
            Authority(one["number"], date.fromisoformat(one["from"]), _read(date.fromisoformat, one["until"]), one["verified"])
            for one in told["authorities"]
        ),
        cutoff=_read(CutoffRule, told["cutoff"]),
        retain_years=told["retain_years"],
        transfer_years=tuple(told["transfer_years"]),
        status=ItemStatus(told["status"]),
        verified=frozenset(told["verified"]),
    )


def _series_as_dict(series: Series) -> dict[str, object]:
    item = None if series.item is None else _item_as_dict(series.item)
    told = {"id": series.series_id, "title": series.title, "authority": series.authority, "verified": series.is_verified}
    return {**told, "item": item}


def _series(told: Mapping[str, Any]) -> Series:
    return Series(told["id"], told["title"], told["authority"], told["verified"], _read(_item, told["item"]))


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _read(reader: Callable[[Any], _T], value: object) -> _T | None:
    return None if value is None else reader(value)
