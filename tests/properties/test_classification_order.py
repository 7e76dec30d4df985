"""What must hold of the classifier for any mail, any register and any day."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from capstone.domain.addresses import address_mark
from capstone.domain.classification import Evidence, Rules, classify, evidence_of, learned_of
from capstone.domain.message import Occurrence
from capstone.domain.message_dates import usable_dates
from capstone.domain.officials import CutoffRule, Designation, Form, identified
from capstone.domain.outcomes import asked_of, outcome_on
from capstone.domain.recheck import case_of, recheck
from capstone.domain.records import Classification, Lock, RecordClass
from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    RegisteredForm,
    RegisterFact,
    SendingRight,
    SeriesAssignment,
    subject_of,
)
from capstone.domain.retention import cutoff_of, eligible_on, lock_for
from tests.builders import a_designation, an_occurrence, rules_for, some_facts, the_administrations, the_schedule, the_series

ADDRESSES = ("director@agency.example", "deputy@agency.example")
MARKS = tuple(sorted(map(address_mark, ADDRESSES)))
ZONES: list[tzinfo] = [ZoneInfo(name) for name in ("America/New_York", "Pacific/Apia", "Asia/Kathmandu", "America/Havana")]
STARTS = st.dates(date(2009, 1, 1), date(2016, 12, 31))
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ANY_INSTANT = st.datetimes(timezones=st.one_of(OFFSETS, st.sampled_from(ZONES), st.just(UTC)))
NEAR_INSTANT = st.datetimes(datetime(2010, 1, 1), datetime(2019, 12, 31), timezones=OFFSETS)  # noqa: DTZ001
INSTANT = st.one_of(NEAR_INSTANT, NEAR_INSTANT, NEAR_INSTANT, ANY_INSTANT)

ALL = frozenset({"010", "011", "012"})
FORMS = st.builds(
    Form,
    number=st.just("F-1"),
    approved=st.sampled_from([date(2019, 4, 1)] * 6 + [None, date(2099, 1, 1)]),
    items=st.sampled_from([ALL, ALL, ALL, frozenset({"010", "011"}), frozenset({"010"})]),
    cutoff=st.sampled_from([None, *CutoffRule]),
    transfer_years=st.sampled_from([None, 10, 15, 25]),
    covers_from=st.sampled_from([None, None, None, date(2012, 1, 1)]),
    block_years=st.sampled_from([None, None, 5]),
    after_declassification_review=st.sampled_from([False, False, True]),
    withdrawn=st.sampled_from([None, None, None, date(2025, 1, 1)]),
)


@st.composite
def designations(draw: st.DrawFn) -> Designation:
    """A row of one of two accounts, lawful in itself."""
    starts = draw(STARTS)
    row = a_designation(
        draw(st.sampled_from(["1", "10", "support", "support", "none", "none"])),
        account=draw(st.sampled_from(["director", "director", "deputy"])),
        acting=draw(st.booleans()),
        form=draw(FORMS),
    )
    ends = draw(st.one_of(st.none(), st.dates(starts, date(2030, 1, 1)), st.just(date.max)))
    addresses = tuple(draw(st.sets(st.sampled_from(ADDRESSES))))
    return identified(
        Designation(
            "", row.official, row.office, row.position, row.category, row.account, addresses, starts, ends, row.acting, row.form
        )
    )


FACTS = st.builds(
    some_facts,
    header_date=st.one_of(st.none(), INSTANT, INSTANT, INSTANT),
    trace_date=st.one_of(st.none(), INSTANT),
    from_addresses=st.lists(st.sampled_from(ADDRESSES), max_size=3).map(tuple),
    sender_addresses=st.lists(st.sampled_from(ADDRESSES), max_size=2).map(tuple),
)
FOLDERS = ("Inbox", "Inbox/Reports", "Sent")
OCCURRENCES = st.builds(
    an_occurrence,
    folder=st.sampled_from(FOLDERS),
    item_id=st.uuids().map(str),
    received_at=st.one_of(st.none(), INSTANT),
    from_line_at=st.one_of(st.none(), INSTANT),
    is_sent=st.booleans(),
)
REGISTERS = st.lists(designations(), min_size=1, max_size=4)

OWNERS = st.sampled_from(["director", "deputy"])
ENDS = st.one_of(st.none(), st.dates(date(2017, 1, 1), date(2030, 1, 1)))
REGISTER_FACTS: st.SearchStrategy[RegisterFact] = st.one_of(
    st.builds(RegisteredForm, form=FORMS),
    st.builds(AccountFact, OWNERS, st.sampled_from(AccountKind)),
    st.builds(AddressFact, st.sampled_from(ADDRESSES), OWNERS, STARTS, ENDS),
    st.builds(SendingRight, st.just("director"), st.just("deputy"), STARTS, ENDS),
    st.builds(
        SeriesAssignment, st.sampled_from([*the_series().series, "gone"]), st.just("director"), STARTS, ENDS,
        st.sampled_from(["", "Inbox", "inbox/reports"]),
    ),
)  # fmt: skip
FACTS_IN_FORCE = st.lists(REGISTER_FACTS, max_size=4, unique_by=subject_of)
ACTING_DAYS = st.sampled_from([0, 0, 60])

_RANK = {RecordClass.TEMPORARY: 0, RecordClass.UNSCHEDULED: 1, RecordClass.PERMANENT: 2}


def keeping(decided: Classification) -> tuple[int, date]:
    """Greater: kept longer."""
    is_temporary = decided.record_class is RecordClass.TEMPORARY
    return _RANK[decided.record_class], (decided.eligible or date.max) if is_temporary else date.max


def rules_of(rows: list[Designation], facts: Iterable[RegisterFact] = (), acting_days: int = 0) -> Rules:
    return rules_for(*rows, facts=facts, series=the_series(), acting_days=acting_days)


@given(FACTS, st.lists(OCCURRENCES, max_size=4), REGISTERS, FACTS_IN_FORCE, ACTING_DAYS, st.randoms(use_true_random=False))
def test_the_class_never_depends_on_the_order_of_occurrences_rows_or_facts(  # type: ignore[no-untyped-def]
    facts, seen, rows, register, days, random
) -> None:
    decided = classify(evidence_of("director", facts, seen), rules_of(rows, register, days))
    shuffled, mixed, turned = (random.sample(one, len(one)) for one in (seen, rows, register))
    again = classify(
        evidence_of("director", learned_of(facts), [*shuffled, *shuffled]), rules_of([*mixed, *mixed], [*turned, *turned], days)
    )
    assert again == decided


@given(FACTS, st.lists(OCCURRENCES, max_size=4), REGISTERS, FACTS_IN_FORCE, st.lists(FACTS, max_size=4))
def test_what_was_classified_before_changes_no_class(facts, seen, rows, register, others) -> None:  # type: ignore[no-untyped-def]
    """Nor does the short way to a date, nor that answers are remembered by spans of days."""
    found, rules = evidence_of("director", facts, seen), rules_of(rows, register)
    for other in others:
        classify(evidence_of("director", other, seen), rules)
    decided = classify(found, rules)
    dates = usable_dates(found.header_date, found.received, found.trace_date, found.from_lines, rules.plausible)
    assert (decided.message_date is None) is (not dates)
    standing = rules.roster.standing("director")
    if standing is None:
        assert decided.reason == "account_not_registered"
    elif dates:
        asked = asked_of(found, standing, rules.roster)
        outcomes = [outcome_on(one.day, asked, rules) for one in dates]
        assert {one.record_class for one in outcomes} >= {decided.record_class}
        assert max(outcomes, key=lambda one: one.keeping[:3]).record_class is decided.record_class
        if len({one.day for one in dates}) == 1:
            assert (decided.cutoff, decided.eligible) == (outcomes[0].cutoff, outcomes[0].eligible)
            assert (decided.reason, decided.item) == (outcomes[0].reason, outcomes[0].item)


@given(FACTS, st.lists(OCCURRENCES, max_size=3), REGISTERS, FACTS_IN_FORCE, ACTING_DAYS)
def test_what_a_class_is_told_to_follow_from_gives_the_same_class(facts, seen, rows, register, days) -> None:  # type: ignore[no-untyped-def]
    found, rules = in_fixed_offsets(evidence_of("director", facts, seen)), rules_of(rows, register, days)
    assert recheck(json.loads(json.dumps(case_of(found, rules)))) == classify(found, rules)


def in_fixed_offsets(found: Evidence) -> Evidence:
    """As mail names them: in the hour that clocks are set back, Python holds times of two zones of rules to be different."""
    return found._replace(header_date=fixed(found.header_date), trace_date=fixed(found.trace_date))


def fixed(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=timezone(instant.utcoffset() or timedelta()))


@given(FACTS, st.lists(OCCURRENCES, max_size=3), OCCURRENCES, REGISTERS, FACTS_IN_FORCE)
def test_a_further_occurrence_never_shortens_the_keeping_unless_it_unmakes_or_replaces_the_date(  # type: ignore[no-untyped-def]
    facts, seen: list[Occurrence], further: Occurrence, rows, register
) -> None:
    """An earlier receipt can show that the header date is false; a date of a better source takes the place of a worse one."""
    rules = rules_of(rows, register)
    before = classify(evidence_of("director", facts, seen), rules)
    after = classify(evidence_of("director", facts, [*seen, further]), rules)
    assume(facts.header_date is not None)
    assume("header_date_not_usable" not in before.flags + after.flags)
    assert keeping(after) >= keeping(before)


@given(FACTS, st.lists(OCCURRENCES, max_size=3), REGISTERS, FACTS_IN_FORCE, designations())
def test_a_further_capstone_role_never_lowers_the_class(facts, seen, rows, register, further) -> None:  # type: ignore[no-untyped-def]
    """Permanent above unscheduled above temporary: not even a role whose form is not approved makes mail destroyable."""
    assume(further.is_capstone)
    found = evidence_of("director", facts, seen)
    without, decided = classify(found, rules_of(rows, register)), classify(found, rules_of([*rows, further], register))
    assert keeping(decided)[0] >= keeping(without)[0]


@given(FACTS, st.lists(OCCURRENCES, max_size=3), REGISTERS, FACTS_IN_FORCE, REGISTER_FACTS)
def test_a_further_series_never_lowers_the_class_and_a_right_to_send_changes_nothing(
    facts, seen, rows, register, further
) -> None:  # type: ignore[no-untyped-def]
    assume(isinstance(further, SeriesAssignment | SendingRight))
    assume(rules_of(rows, register).roster.is_registered("director"))
    found = evidence_of("director", facts, seen)
    without, decided = classify(found, rules_of(rows, register)), classify(found, rules_of(rows, [*register, further]))
    assert keeping(decided)[0] >= keeping(without)[0]
    assert decided == without or isinstance(further, SeriesAssignment)
    assert "never_destroyed" not in without.flags or "never_destroyed" in decided.flags


@settings(max_examples=150)
@given(
    header=st.one_of(st.none(), ANY_INSTANT),
    trace=st.one_of(st.none(), ANY_INSTANT),
    received=st.lists(ANY_INSTANT, max_size=2).map(tuple),
    from_lines=st.lists(ANY_INSTANT, max_size=2).map(tuple),
    rows=REGISTERS,
    register=FACTS_IN_FORCE,
    zone=st.sampled_from(ZONES),
    today=st.dates(),
    start=st.dates(),
)
def test_no_date_zone_or_day_of_deciding_makes_the_classifier_or_the_lock_fail(  # type: ignore[no-untyped-def]
    header, trace, received, from_lines, rows, register, zone, today, start
) -> None:
    rules = rules_for(*rows, facts=register, series=the_series(), zone=zone, today=today, plausible_start=start)
    decided = classify(Evidence("director", header, trace, received, from_lines, MARKS, MARKS, True, FOLDERS), rules)
    assert (decided.message_date is None) is (decided.date_source is None)
    assert (decided.item is None) is (decided.record_class is RecordClass.UNSCHEDULED) is (decided.authority is None)
    assert decided.cutoff is None or decided.eligible is None or decided.cutoff <= decided.eligible
    for stored in (datetime.min, datetime.max, datetime(2026, 6, 1, 12)):  # noqa: DTZ001, DTZ901
        lock = lock_for(decided, stored.replace(tzinfo=UTC), zone, 30)
        assert lock != Lock()
        assert lock.hold or decided.record_class is RecordClass.TEMPORARY


@given(
    designations(), st.sampled_from([None, *CutoffRule]), st.dates(), st.sampled_from(["010", "011", "012"]), st.integers(0, 99)
)
def test_a_due_date_never_precedes_its_cutoff_nor_a_cutoff_its_message(  # type: ignore[no-untyped-def]
    row, rule, day, item, years
) -> None:
    cutoff = cutoff_of(rule, day, row.ends, the_administrations())
    assert cutoff is None or cutoff >= day
    due = eligible_on(the_schedule().items[item], cutoff or day, replace(row.form, transfer_years=years), rule)
    assert due is None or due > (cutoff or day)


@given(st.dates(date(1, 1, 2), date(9990, 1, 1)), st.sampled_from(ZONES))
def test_a_temporary_lock_never_ends_before_its_last_day_is_over_in_agency_time(eligible: date, zone: tzinfo) -> None:
    decided = Classification(RecordClass.TEMPORARY, "no_capstone_role", "test", eligible=eligible)
    lock = lock_for(decided, datetime(1, 1, 3, tzinfo=UTC), zone, 1)
    assert lock.retain_until is not None
    assert lock.retain_until.astimezone(zone).date() > eligible
