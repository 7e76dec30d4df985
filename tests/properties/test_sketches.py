"""A comparison answers from memory what the classifier would answer, whatever was asked before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capstone.domain import sketches
from capstone.domain.addresses import address_mark
from capstone.domain.classification import classify, evidence_of
from capstone.domain.effects import is_changed, keeping_change, shift_of
from capstone.domain.message import Occurrence, Place
from capstone.domain.officials import CutoffRule
from capstone.domain.records import Classification, Learned
from capstone.domain.register_facts import SendingRight, SeriesAssignment
from capstone.domain.roster import Roster
from capstone.domain.rules import Rules
from capstone.domain.series import read_series
from capstone.domain.sketches import Change, Comparison
from capstone.ports import HeldRecord
from tests.builders import a_classification, a_designation, a_form, rules_for
from tests.fakes.replay_ledger import sketch_of

SERIES = read_series((Path(__file__).parents[2] / "config" / "schedules" / "series.toml").read_text("utf-8"), "series.toml")
NAMES = sorted(SERIES.series)
FISCAL, FREE = a_form("F-1", cutoff=CutoffRule.FISCAL), a_form("F-2", approved=None)
ROWS = (
    a_designation("1", "2014-01-02", "2015-06-30", form=FISCAL),
    a_designation("support", "2015-07-01", "2016-12-31", form=FISCAL),
    a_designation("none", "2017-01-01", form=FISCAL),
    a_designation("2", "2014-01-01", account="deputy", form=FISCAL),
    a_designation("support", "2014-01-01", account="clerk", form=FISCAL),
    a_designation("3", "2014-01-01", account="other", form=FREE),
)
FACTS = (
    SendingRight("clerk", "deputy", date(2014, 6, 1), date(2016, 6, 1)),
    SeriesAssignment(NAMES[0], "deputy", date(2014, 1, 1), folder="Inspections"),
    SeriesAssignment(NAMES[-1], "clerk", date(2015, 1, 1), date(2015, 12, 31)),
)
ACCOUNTS = ("director", "deputy", "clerk", "other", "nobody")
MARKS = [address_mark(f"{name}@agency.example") for name in ("director", "deputy", "stranger")]
ZONES = [ZoneInfo(name) for name in ("America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC")]
DAYS = [datetime(2014, 12, 31, 23, tzinfo=UTC), datetime(2015, 6, 30, 4, tzinfo=UTC), datetime(2016, 12, 31, 18, tzinfo=UTC)]
INSTANTS = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from([*DAYS, datetime(1970, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]),
    st.one_of(st.integers(0, 60), st.integers(0, 3000)),
)
MAYBE = st.one_of(st.none(), INSTANTS, INSTANTS)
PLACES = st.builds(
    Occurrence,
    st.builds(Place, st.just("box"), st.sampled_from(["Inbox", "Inspections/2015"]), st.integers(0, 9).map(str)),
    received_at=MAYBE,
    from_line_at=st.one_of(st.none(), st.none(), INSTANTS),
    is_sent=st.booleans(),
)
SAID = st.builds(
    Learned,
    MAYBE,
    MAYBE,
    st.lists(st.sampled_from(MARKS), max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from(MARKS), max_size=1).map(tuple),
)
RECORDS = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), SAID, st.lists(PLACES, min_size=1, max_size=2).map(tuple)), min_size=1, max_size=8
)


def rules(zone: ZoneInfo = ZONES[0], tolerance: timedelta = timedelta(days=1)) -> Rules:
    return rules_for(*ROWS, roster=Roster(ROWS, FACTS), zone=zone, series=SERIES, tolerance=tolerance)


def held(account: str, said: Learned, seen: tuple[Occurrence, ...], present: Classification) -> HeldRecord:
    return HeldRecord(account, "ab" * 32, "1", DAYS[0], present, said, seen, DAYS[0])


@settings(max_examples=400)
@given(RECORDS, st.sampled_from(ZONES), st.sampled_from([timedelta(days=1), timedelta(minutes=10), timedelta(days=3)]))
def test_its_answers_are_those_of_the_classifier(
    records: list[tuple[str, Learned, tuple[Occurrence, ...]]], zone: ZoneInfo, tolerance: timedelta
) -> None:
    by, present = rules(zone, tolerance), a_classification(flags=("dates_apart", "roles_overlap"))
    comparison = Comparison(by)
    for account, said, seen in records:
        new = classify(evidence_of(account, said, seen), by)
        change = comparison.change(sketch_of(held(account, said, seen, present)))
        expected = Change(shift_of(account, present, new), keeping_change(present, new)) if is_changed(present, new) else None
        assert change == expected
        assert comparison.change(sketch_of(held(account, said, seen, new))) is None


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("around", [datetime(2016, 12, 31, 12, tzinfo=UTC), datetime(2015, 11, 1, 6, tzinfo=UTC)])
def test_every_minute_around_midnight_is_of_its_own_day(zone: ZoneInfo, around: datetime) -> None:
    by = rules(zone)
    comparison = Comparison(by)
    for minute in range(-60 * 26, 60 * 26, 7):
        said = Learned(around + timedelta(minutes=minute))
        seen = (Occurrence(Place("box", "Inbox", "1"), received_at=said.header_date),)
        new = classify(evidence_of("director", said, seen), by)
        assert comparison.change(sketch_of(held("director", said, seen, new))) is None


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "_MOST_REMEMBERED", 5)
    comparison = Comparison(rules())
    for number in range(40):
        said = Learned(DAYS[0] + timedelta(days=number), None, (f"{number:016x}",))
        comparison.change(sketch_of(held("director", said, (Occurrence(Place("box", "Inbox", "1")),), a_classification())))
    kept = [getattr(comparison, name) for name in ("_memory", "_changes", "_turns", "_subjects")]
    assert [len(one) for one in kept if len(one) > 5] == []
