"""Microsoft Graph when one folder is refused, or the server fails at it every time: the others are read."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from capstone.domain.errors import ServerBusy, SourceRefused, SourceUnavailable
from capstone.domain.message import ItemState, OfferedItem
from tests.adapters.graph_boxes import ADDRESS, GraphBox, archive_of, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer

REFUSALS = [(403, "ErrorAccessDenied"), (500, "ErrorInternalServerError"), (503, "ServiceUnavailable")]
DELTA = "messages/delta"


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([Mail("INBOX", letter(1)), Mail("Recoverable Items/Purges", letter(2)), Mail("Sent", letter(3))])
    made.fill([Mail("Team/Sub", letter(4)), Mail("Zeta", letter(5))])
    return made


def refuse(box: GraphBox, path: str, what: str, status: int, code: str = "") -> None:
    box.server.fail(f"{box.mailbox.folder(path).id}.*{what}", times=None, status=status, code=code)


def raw_in(items: list[OfferedItem]) -> list[bytes]:
    return [item.raw for item in messages_in(items)]


def lost_in(items: list[OfferedItem]) -> list[tuple[str, ItemState, str]]:
    return [(item.place.folder, item.state, item.code) for item in refused_in(items)]


# --- what lies in a folder -------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), REFUSALS)
@pytest.mark.parametrize("path", ["INBOX", "Recoverable Items/Purges", "Zeta"])
def test_a_folder_that_is_not_listed_does_not_stop_the_others(box: GraphBox, path: str, status: int, code: str) -> None:
    refuse(box, path, DELTA, status, code)
    items = list(box.source().items({}))
    inside = [one.raw for one in box.mailbox.in_folder(box.mailbox.folder(path).id)]
    assert raw_in(items) == [letter(number) for number in range(1, 6) if letter(number) not in inside]
    assert lost_in(items) == [(path, ItemState.FAILED, "unreadable")]
    assert f"{status}, {code}" in refused_in(items)[0].reason
    box.server.mend()
    again = list(box.source().items(cursors_of(items)))
    assert (raw_in(again), refused_in(again)) == (inside, [])


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_folder_that_is_refused_later_goes_on_from_its_cursor(box: GraphBox, status: int, code: str) -> None:
    """The changes of all folders are asked for in one batch."""
    first = list(box.source().items({}))
    box.fill([Mail("INBOX", letter(11)), Mail("Sent", letter(13)), Mail("Zeta", letter(15))])
    refuse(box, "Sent", DELTA, status, code)
    second = list(box.source().items(cursors_of(first)))
    assert raw_in(second) == [letter(11), letter(15)]
    assert lost_in(second) == [("Sent", ItemState.FAILED, "unreadable")]
    box.server.mend()
    third = list(box.source().items(cursors_of([*first, *second])))
    assert (raw_in(third), refused_in(third)) == ([letter(13)], [])


@pytest.mark.parametrize("body", [{"value": None, "@odata.deltaLink": "https://graph/v1.0/x"}, {"error": {"code": "busy"}}, []])
def test_changes_that_never_come_in_whole_do_not_stop_those_of_other_folders(box: GraphBox, body: object) -> None:
    cursors = cursors_of(list(box.source().items({})))
    box.fill([Mail("INBOX", letter(11)), Mail("Sent", letter(13)), Mail("Zeta", letter(15))])
    box.server.fail(f"{box.mailbox.folder('Sent').id}.*{DELTA}", times=None, status=200, body=body)
    items = list(box.source().items(cursors))
    assert (raw_in(items), lost_in(items)) == ([letter(11), letter(15)], [("Sent", ItemState.FAILED, "unreadable")])


def test_what_came_before_a_page_that_is_refused_is_kept(box: GraphBox) -> None:
    box.fill(Mail("Sent", letter(number)) for number in range(20, 26))
    box.server.page_most = 2
    box.server.fail(f"{box.mailbox.folder('Sent').id}.*skiptoken", times=None, after=1, status=500, code="ErrorCorruptData")
    items = list(box.source().items({}))
    assert lost_in(items) == [("Sent", ItemState.FAILED, "unreadable")]
    assert raw_in(items) == [letter(number) for number in (1, 2, 3, 20, 21, 22, 4, 5)]
    box.server.mend()
    assert raw_in(list(box.source().items(cursors_of(items)))) == [letter(number) for number in (23, 24, 25)]


def test_a_folder_whose_listing_never_comes_in_whole_does_not_stop_the_others(box: GraphBox) -> None:
    box.server.fail(f"{box.mailbox.folder('Sent').id}.*{DELTA}", times=None, garbles=True)
    items = list(box.source().items({}))
    assert raw_in(items) == [letter(number) for number in (1, 2, 4, 5)]
    assert lost_in(items) == [("Sent", ItemState.FAILED, "unreadable")]


def test_many_folders_that_are_refused_do_not_stop_a_mailbox_that_is_read(box: GraphBox) -> None:
    box.fill(Mail(f"Archive/{number}", letter(number)) for number in range(20, 26))
    for number in range(20, 26):
        refuse(box, f"Archive/{number}", DELTA, 403, "ErrorAccessDenied")
    items = list(box.source().items({}))
    assert raw_in(items) == [letter(number) for number in range(1, 6)]
    assert len(refused_in(items)) == 6


def test_a_folder_that_is_not_found_and_then_refused_is_lost(box: GraphBox) -> None:
    refuse(box, "Sent", DELTA, 404, "ErrorItemNotFound")
    refuse(box, "Sent", r"\?\$select=id$", 403, "ErrorAccessDenied")
    source = box.source()
    assert lost_in(list(source.items({}))) == [("Sent", ItemState.FAILED, "unreadable")]
    assert list(source.notes()) == []


def test_an_item_that_failed_and_is_refused_then_does_not_keep_its_folder_back(box: GraphBox) -> None:
    bad = box.mailbox.in_folder(box.mailbox.folder("Sent").id)[0]
    box.server.fail(f"{bad.id}", times=None, status=403, code="ErrorAccessDenied")
    first = list(box.source().items({}))
    box.fill([Mail("Sent", letter(13))])
    second = list(box.source().items(cursors_of(first)))
    assert [item.place.item_id for item in refused_in(second)] == [bad.id]
    assert raw_in(second) == [letter(13)]


# --- what lies below a folder ----------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_folder_that_does_not_show_what_is_below_does_not_stop_the_others(box: GraphBox, status: int, code: str) -> None:
    refuse(box, "Team", "childFolders", status, code)
    source = box.source()
    items = list(source.items({}))
    assert raw_in(items) == [letter(number) for number in (1, 2, 3, 5)]
    assert lost_in(items) == [("Team", ItemState.FAILED, "unreadable")]
    assert [(note.code, note.where, note.is_gap) for note in source.notes()] == [("folder_not_shown", "Team", True)]
    assert [note.where for note in box.source().check().notes] == ["Team"]
    box.server.mend()
    assert raw_in(list(box.source().items(cursors_of(items)))) == [letter(4)]


def test_a_second_page_of_folders_that_is_refused_leaves_those_of_the_first(box: GraphBox) -> None:
    box.fill(Mail(f"Team/{number:03}", letter(9)) for number in range(120))
    refuse(box, "Team", r"childFolders.*\$skip=100", 403, "ErrorAccessDenied")
    items = list(box.source().items({}))
    assert len([item for item in messages_in(items) if item.occurrence.place.folder.startswith("Team/")]) == 100
    assert lost_in(items) == [("Team", ItemState.FAILED, "unreadable")]


def test_a_folder_below_one_that_does_not_show_it_is_not_called_missing(box: GraphBox) -> None:
    refuse(box, "Team", "childFolders", 403, "ErrorAccessDenied")
    items = list(box.source("INBOX", "Team/Sub").items({}))
    assert (raw_in(items), lost_in(items)) == ([letter(1)], [("Team", ItemState.FAILED, "unreadable")])


def test_what_is_not_shown_elsewhere_is_no_concern_of_the_folders_that_are_named(box: GraphBox) -> None:
    refuse(box, "Team", "childFolders", 403, "ErrorAccessDenied")
    source = box.source("INBOX", "Zeta")
    items = list(source.items({}))
    assert (raw_in(items), refused_in(items), list(source.notes())) == ([letter(1), letter(5)], [], [])


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_recoverable_items_that_are_refused_do_not_stop_the_others(box: GraphBox, status: int, code: str) -> None:
    box.server.fail("recoverableitems", times=None, status=status, code=code)
    source = box.source()
    assert raw_in(list(source.items({}))) == [letter(number) for number in (1, 3, 4, 5)]
    assert [note.code for note in source.notes()] == ["recoverable_items_not_readable"]


# --- a mailbox that is refused as a whole ----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"), [(403, SourceRefused), (500, SourceUnavailable), (503, SourceUnavailable), (429, ServerBusy)]
)
@pytest.mark.parametrize("what", [DELTA, r"mailFolders\?"])
def test_a_mailbox_that_is_refused_as_a_whole_ends_the_run_by_name(
    box: GraphBox, what: str, status: int, error: type[Exception]
) -> None:
    box.server.fail(what, times=None, status=status)
    with pytest.raises(error, match=str(status)):
        list(box.source().items({}))


def test_a_server_that_begins_to_fail_ends_the_run(box: GraphBox) -> None:
    """A folder that was listed before is not listed again either."""
    box.server.fail(DELTA, times=None, after=2, status=503)
    items: list[OfferedItem] = []
    with pytest.raises(SourceUnavailable, match="503"):
        items.extend(box.source().items({}))
    assert box.server.count(f"{box.mailbox.folder('INBOX').id}.*{DELTA}") == 1 + 5


def test_a_server_that_fails_at_every_folder_is_given_up(box: GraphBox) -> None:
    """The root was listed before."""
    box.server.fail(r"childFolders|\$top=1$", times=None, status=500)
    with pytest.raises(SourceUnavailable, match="500"):
        list(box.source().items({}))
    assert box.server.count("childFolders") < 60


@pytest.mark.parametrize(("status", "error"), [(401, SourceRefused), (429, ServerBusy)])
@pytest.mark.parametrize("what", [DELTA, "childFolders", r"\?\$select=id$"])
def test_a_token_that_is_not_taken_and_a_server_that_asks_to_wait_end_the_run(
    box: GraphBox, what: str, status: int, error: type[Exception]
) -> None:
    """Also where a folder is looked for that was not found."""
    if "select" in what:
        refuse(box, "Team", "(childFolders|delta)", 404, "ErrorItemNotFound")
    refuse(box, "Team", what, status)
    box.fill([Mail("Team", letter(7))])
    with pytest.raises(error):
        list(box.source().items({}))


@pytest.mark.parametrize(("path", "what"), [("Sent", DELTA), ("Team", "childFolders")])
def test_places_are_those_that_can_be_told_and_then_an_error(box: GraphBox, path: str, what: str) -> None:
    refuse(box, path, what, 403, "ErrorAccessDenied")
    folders: list[str] = []
    with pytest.raises(SourceRefused, match="403"):
        folders.extend(place.folder for place in box.source().places())
    everything = ["INBOX", "Recoverable Items/Purges", "Sent", "Team/Sub", "Zeta"]
    assert folders == [one for one in everything if not one.startswith(path)]


def test_what_may_have_changed_in_a_folder_that_is_not_shown_is_read_again(box: GraphBox) -> None:
    first = list(box.source().items({}))
    box.mailbox.now += timedelta(hours=1)
    box.fill([Mail(path, letter(number)) for number, path in enumerate(("INBOX", "Recoverable Items/Purges", "Sent"), 11)])
    box.fill([Mail("Team/Sub", letter(14)), Mail("Zeta", letter(15))])
    held = archive_of([*first, *(second := list(box.source(held=archive_of(first)).items(cursors_of(first))))])
    cursors = cursors_of([*first, *second])
    box.mailbox.move(next(iter(box.mailbox.messages.values())), "Zeta")
    assert raw_in(list(box.source(held=held).items(cursors))) == []
    refuse(box, "Team", "childFolders", 403, "ErrorAccessDenied")
    assert raw_in(list(box.source(held=held).items(cursors))) == [letter(1)]


# --- in an archive ---------------------------------------------------------------------------------


def test_a_run_that_lost_a_folder_has_failed_and_the_next_takes_it_up(box: GraphBox) -> None:
    archive = MemoryArchive()
    held = partial(archive.ledger.capture.held_items, "director")
    box.server.archive_of(ADDRESS).add("Old", letter(6))
    refuse(box, "Recoverable Items/Purges", DELTA, 403, "ErrorAccessDenied")
    report = archive.capture(box.source(held=held))
    assert (report.outcome, report.is_clean, report.error) == ("failed", False, None)
    assert (report.counts["archived"], report.counts["failed"]) == (5, 1)
    assert archive.capture(box.source(held=held)).counts["failed"] == 1
    box.server.mend()
    report = archive.capture(box.source(held=held))
    assert (report.outcome, report.is_clean, report.counts["archived"]) == ("complete", True, 1)
    assert len(archive.record_ids()) == 6
