"""Listing by windows of UIDs: no message is left out or told twice, whatever the gaps, also while others expunge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.mailboxes.imap.listing import entries_after, is_there
from connectors.mailboxes.imap.session import Entry, FolderState, uid_set

UIDS = st.one_of(
    st.sets(st.integers(1, 60)),
    st.sets(st.integers(1, 4_294_967_290), max_size=40),
    st.builds(
        lambda low, count, step: set(range(low, low + count * step, step)),
        st.integers(1, 10**9),
        st.integers(0, 80),
        st.integers(1, 99),
    ),
)


class Folder:
    """An open folder as a server keeps it. Expunged messages go out of the numbers only when it is opened anew, as IMAP
    promises while no command allows to tell of them."""

    def __init__(self, uids: set[int], expunged_later: list[int], left_out: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        """`left_out`: those that a listing by UIDs does not tell of."""
        self._left_out = left_out
        self.there, self._shown, self._expunged_later = set(uids), sorted(uids), expunged_later
        self.questions = 0

    def state(self) -> FolderState:
        return FolderState(1, max(self.there, default=0) + 1, len(self.there))

    def entries(self, low: int, high: int) -> list[Entry]:
        self.questions += 1
        told = [(number, uid) for number, uid in enumerate(sorted(self.there), 1) if uid not in self._left_out]
        found = [Entry(uid, 1, (), None, number) for number, uid in told if low <= uid <= high]
        if self._expunged_later:
            self.there.discard(self._expunged_later.pop())
        return found

    def uids(self, first: int, last: int) -> list[int]:
        self.questions += 1
        return self._shown[first - 1 : last]

    def refresh(self) -> FolderState:
        self.questions += 1
        self._shown = sorted(self.there)
        return self.state()


@given(UIDS, st.integers(2, 40), st.integers(0, 100))
def test_every_message_above_the_position_is_listed_once_and_in_order(uids: set[int], window: int, after: int) -> None:
    folder = Folder(uids, [])
    listed = [entry.uid for entry in entries_after(folder, folder.state(), after, window)]
    assert listed == [uid for uid in sorted(uids) if uid > after]


@given(UIDS.filter(bool), st.integers(2, 40), st.data())
def test_what_stays_is_listed_also_while_others_are_expunged(uids: set[int], window: int, data: st.DataObject) -> None:
    expunged = data.draw(st.lists(st.sampled_from(sorted(uids)), max_size=10))
    folder = Folder(uids, list(expunged))
    listed = [entry.uid for entry in entries_after(folder, folder.state(), 0, window)]
    assert listed == sorted(set(listed))
    assert uids - set(expunged) <= set(listed) <= uids


@given(st.integers(1, 4_294_960_000), st.integers(1, 300))
def test_a_gap_of_any_width_costs_few_questions(gap: int, count: int) -> None:
    uids = {1, *range(1 + gap, 1 + gap + count)}
    folder = Folder(uids, [])
    assert len(list(entries_after(folder, folder.state(), 0))) == len(uids)
    assert folder.questions < 16


@given(st.sets(st.integers(1, 200), min_size=1))
def test_a_set_of_uids_is_written_as_ranges_that_hold_just_these(uids: set[int]) -> None:
    ranges = [part.split(":") for part in uid_set(sorted(uids)).decode().split(",")]
    told = [uid for part in ranges for uid in range(int(part[0]), int(part[-1]) + 1)]
    assert told == sorted(uids)


@given(UIDS.filter(bool), st.integers(2, 40), st.integers(0, 100), st.data())
def test_what_a_listing_leaves_out_is_found_by_its_number(uids: set[int], window: int, after: int, data: st.DataObject) -> None:
    left_out = data.draw(st.sets(st.sampled_from(sorted(uids))))
    folder = Folder(uids, [], left_out)
    assert [entry.uid for entry in entries_after(folder, folder.state(), after, window)] == [u for u in sorted(uids) if u > after]
    assert all(is_there(folder, uid) for uid in uids)
    assert not is_there(folder, max(uids) + 1)
