"""What must hold of preview and replay for any mail and any two registers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from capstone.domain.layout import record_key
from capstone.domain.officials import CutoffRule, Designation
from capstone.domain.records import Classification
from capstone.domain.register_facts import RegisterDecision, RegisterState
from capstone.domain.retention import lock_for, tags_for
from capstone.usecases.replay import COUNTED, totals
from tests.builders import a_designation, a_form
from tests.fakes.archive import Cut, MemoryArchive, PowerCut, a_message, enact
from tests.fakes.mail_source import FakeMailSource, Mail

ACCOUNTS = ("director", "deputy")
FIRST = a_designation("1", starts="1995-01-01", ends="1995-12-31")
"""Both accounts are registered whatever else is, so that mail can be captured."""
SECOND = a_designation("2", starts="1995-01-01", ends="1995-12-31", account="deputy")


@st.composite
def rows(draw: st.DrawFn) -> Designation:
    starts = draw(st.dates(date(2014, 1, 1), date(2021, 12, 31)))
    ends = draw(st.one_of(st.none(), st.just(starts + timedelta(days=draw(st.integers(0, 2000))))))
    return a_designation(
        draw(st.sampled_from(["1", "3", "support", "none"])),
        starts.isoformat(),
        None if ends is None else ends.isoformat(),
        account=draw(st.sampled_from(ACCOUNTS)),
        form=a_form(
            approved=draw(st.sampled_from(["2019-04-01", "2019-04-01", None])),
            cutoff=draw(st.sampled_from([CutoffRule.CALENDAR, CutoffRule.FISCAL, CutoffRule.TENURE])),
        ),
    )


REGISTERS = st.lists(rows(), max_size=4)
DAYS = st.dates(date(2014, 1, 1), date(2025, 12, 31))
MAIL = st.lists(st.tuples(st.sampled_from(ACCOUNTS), DAYS), min_size=1, max_size=12)


def captured(register: Sequence[Designation], mail: Sequence[tuple[str, date]]) -> MemoryArchive:
    archive = MemoryArchive(FIRST, SECOND, *register)
    for account in ACCOUNTS:
        raws = [
            Mail("Inbox", a_message(f"About {number}", f"{day:%d %b %Y} 12:00:00 +0000"))
            for number, (owner, day) in enumerate(mail)
            if owner == account
        ]
        if raws:
            archive.capture(FakeMailSource("box", raws), account)
    archive.clock.move(days=3)
    return archive


def change(archive: MemoryArchive, register: Sequence[Designation], actor: str = "rosa") -> RegisterState:
    """Everything but the two rows that register the accounts gives way; the state that follows."""
    old = archive.ledger.register.state().designations
    kept = {row.designation_id for row in (FIRST, SECOND, *register)}
    gone = {row.designation_id: "" for row in old if row.designation_id not in kept}
    number = archive.ledger.register.next_decision()
    enact(archive.registering, RegisterDecision(number, archive.clock.now(), actor, "r", tuple(register), (), gone))
    archive.designations = [FIRST, SECOND, *register]
    return archive.ledger.register.state()


def approve(archive: MemoryArchive, actor: str = "sam") -> None:
    number = archive.ledger.register.next_decision()
    enact(
        archive.registering,
        RegisterDecision(number, archive.clock.now(), actor, "seen", approves=number - 1, rules=archive.approved_rules),
    )


def replay_all(archive: MemoryArchive) -> dict[str, int]:
    return totals([archive.replay(account) for account in archive.ledger.replaying.accounts_held()])


def end_state(archive: MemoryArchive) -> dict[str, tuple[Classification, Any, dict[str, str]]]:
    """Class, lock and tags of every record."""
    found = {}
    for entry in archive.ledger.records.records():
        lock, tags = archive.store.guard[record_key(entry.account, entry.digest)]
        found[entry.record_id] = (entry.classification, lock, tags)
    return found


def assert_in_line(archive: MemoryArchive) -> None:
    """Ledger class, tags and lock say the same of every record; a lock may be stronger by what it had before, never weaker."""
    guarding = archive.guarding
    for entry in archive.ledger.records.records():
        lock, tags = archive.store.guard[record_key(entry.account, entry.digest)]
        wanted = lock_for(entry.classification, entry.captured_at, guarding.zone, guarding.minimum_days)
        assert tags == tags_for(entry.classification, entry.account)
        assert lock.hold == wanted.hold
        assert lock.at_least(wanted) == lock


@settings(max_examples=60)
@given(REGISTERS, REGISTERS, MAIL)
def test_a_preview_counts_what_the_replay_then_does(
    before: list[Designation], after: list[Designation], mail: list[tuple[str, date]]
) -> None:
    archive = captured(before, mail)
    asked = MemoryArchive(FIRST, SECOND, *before)
    foreseen = archive.preview(change(asked, after))
    change(archive, after)
    approve(archive)
    assert archive.preview().shifts == foreseen.shifts
    done = replay_all(archive)
    assert done == {name: foreseen.total(name) for name in COUNTED[:4]} | {"waiting_for_approval": 0, "failed": 0}
    assert_in_line(archive)
    assert archive.preview().total("changed") == 0
    state = end_state(archive)
    assert replay_all(archive)["changed"] == 0
    assert end_state(archive) == state


@settings(max_examples=40)
@given(REGISTERS, REGISTERS, MAIL)
def test_without_a_second_person_no_lock_becomes_shorter(
    before: list[Designation], after: list[Designation], mail: list[tuple[str, date]]
) -> None:
    archive = captured(before, mail)
    old = end_state(archive)
    change(archive, after)
    foreseen = archive.preview()
    done = replay_all(archive)
    assert done["shorter"] == 0
    assert done["waiting_for_approval"] == foreseen.total("shorter")
    assert done["changed"] == foreseen.total("changed") - foreseen.total("shorter")
    for record_id, (_, lock, _) in end_state(archive).items():
        assert lock.at_least(old[record_id][1]) == lock
    approve(archive, actor="rosa")
    assert replay_all(archive)["changed"] == 0
    approve(archive, actor="sam")


@settings(max_examples=40)
@given(
    REGISTERS, REGISTERS, MAIL, st.sampled_from(["reguard", "put_all", "commit", "start_run"]), st.integers(1, 6), st.booleans()
)
def test_a_replay_that_was_cut_off_ends_as_one_that_was_not(
    before: list[Designation],
    after: list[Designation],
    mail: list[tuple[str, date]],
    method: str,
    nth: int,
    is_after: bool,
) -> None:
    archives = [captured(before, mail), captured(before, mail)]
    for archive in archives:
        change(archive, after)
        approve(archive)
    whole, cut = archives
    replay_all(whole)
    store, ledger = cut.store, cut.ledger.capture
    if method == "reguard":
        real = store.reguard
        left = [nth]

        def dying(one: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise PowerCut
            real(one)

        store.reguard = dying
    elif method == "put_all":
        cut.store = Cut(store, method, nth, after=is_after)
    else:
        cut.ledger.capture = Cut(ledger, method, nth, after=is_after)
    try:
        replay_all(cut)
    except PowerCut:
        cut.clock.move(minutes=10)
    cut.store, cut.ledger.capture = store, ledger
    store.__dict__.pop("reguard", None)
    replay_all(cut)
    assert {one: found[0] for one, found in end_state(cut).items()} == {one: found[0] for one, found in end_state(whole).items()}
    assert_in_line(cut)
    assert cut.preview().total("changed") == 0
    for entry in cut.ledger.records.records():
        history = [one for _, one in cut.ledger.records.class_history(entry.record_id)]
        assert history == [one for _, one in whole.ledger.records.class_history(entry.record_id)]
