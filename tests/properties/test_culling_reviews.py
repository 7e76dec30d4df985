"""Whatever the order in which people speak: nothing is accepted by one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.culling import Proposal
from capstone.domain.culling_reviews import Hindrance, Opinion, Reviewed, State, Verdict, hindrance, is_leaving, state_after
from tests.builders import at

PEOPLE = ("ann", "ben", "cem")
TODAY = date(2026, 6, 1)
ONE = Reviewed(Proposal("director/aa", "spam", "1", 50, ("junk_folder", "spam_header")), at("2026-01-01"))
SPOKEN = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(list(Verdict))), max_size=12)


def said(spoken: list[tuple[str, Verdict]]) -> tuple[Opinion, ...]:
    return tuple(Opinion(number, at("2026-01-02"), who, "seen", verdict) for number, (who, verdict) in enumerate(spoken, 2))


def since_taken_back(spoken: list[tuple[str, Verdict]]) -> list[tuple[str, Verdict]]:
    backs = [number for number, (_, verdict) in enumerate(spoken, 1) if verdict is Verdict.TAKE_BACK]
    return spoken[max(backs, default=0) :]


@given(SPOKEN)
def test_what_is_accepted_was_accepted_by_two_people_since_it_was_last_taken_back(spoken: list[tuple[str, Verdict]]) -> None:
    state, first = state_after(said(spoken))
    accepting = {who for who, verdict in since_taken_back(spoken) if verdict is Verdict.ACCEPT}
    if state is State.ACCEPTED:
        assert len(accepting) >= 2
    if state is State.SECOND_NEEDED:
        assert accepting == {first}


@given(SPOKEN, st.sampled_from(PEOPLE))
def test_one_person_never_accepts_alone_whatever_they_say(spoken: list[tuple[str, Verdict]], who: str) -> None:
    assert state_after(said([(who, verdict) for _, verdict in spoken]))[0] is not State.ACCEPTED


@given(SPOKEN)
def test_by_the_rules_of_review_every_word_counts_and_acceptance_needs_two(spoken: list[tuple[str, Verdict]]) -> None:
    one, before = ONE, State.PROPOSED
    for word in said(spoken):
        if hindrance(one, word.verdict, word.actor, None, TODAY) is None:
            one = replace(one, opinions=(*one.opinions, word))
            assert one.state is not before
            before = one.state
    accepted = [word.actor for word in one.opinions[-2:]]
    assert one.state is not State.ACCEPTED or len(set(accepted)) == 2


@given(SPOKEN, st.integers(-3, 3))
def test_from_the_cutoff_on_nothing_is_accepted_and_only_what_waits_for_a_second_person_taken_back(
    spoken: list[tuple[str, Verdict]], days: int
) -> None:
    one, cutoff = replace(ONE, opinions=said(spoken)), TODAY + timedelta(days=days)
    found = hindrance(one, Verdict.TAKE_BACK, "ann", cutoff, TODAY)
    assert (found is None) == (one.state is State.SECOND_NEEDED or (one.state is not State.PROPOSED and days > 0))
    accepted = hindrance(one, Verdict.ACCEPT, "dee", cutoff, TODAY)
    assert (accepted is Hindrance.CUTOFF_REACHED) == (days <= 0)
    assert (accepted is None) == (days > 0 and one.state in (State.PROPOSED, State.SECOND_NEEDED))


@given(SPOKEN, st.integers(-3, 3))
def test_what_can_be_accepted_can_be_taken_back_the_same_day(spoken: list[tuple[str, Verdict]], days: int) -> None:
    one, cutoff = replace(ONE, opinions=said(spoken)), TODAY + timedelta(days=days)
    if hindrance(one, Verdict.ACCEPT, "dee", cutoff, TODAY) is None:
        after = replace(one, opinions=said([*spoken, ("dee", Verdict.ACCEPT)]))
        assert hindrance(after, Verdict.TAKE_BACK, "ann", cutoff, TODAY) is None


@given(SPOKEN)
def test_what_the_rules_no_longer_see_is_not_accepted_whatever_was_said(spoken: list[tuple[str, Verdict]]) -> None:
    one = replace(ONE, opinions=said(spoken), stands=False)
    assert (one.state, is_leaving(one)) == (State.WITHDRAWN, is_leaving(replace(one, stands=True)))
    assert hindrance(one, Verdict.ACCEPT, "dee", None, TODAY) is not None
