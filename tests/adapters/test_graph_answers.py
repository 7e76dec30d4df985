"""What counts as an answer of Microsoft Graph: whole ones of the promised kind only, and none that says less than it should."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.envelopes import read_envelope
from capstone.domain.errors import SourceUnavailable
from capstone.domain.message import ItemState
from tests.adapters.graph_boxes import EVERYTHING, VALUE, GraphBox, all_raw, cursors_of, filled_box, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    return filled_box(graph)


# --- bytes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 100])
def test_bytes_of_which_nobody_says_where_they_end_are_not_archived(box: GraphBox, length: int) -> None:
    box.server.fail(VALUE, times=2, ends_after=length)
    assert all_raw(box) == EVERYTHING
    box.server.fail(VALUE, times=None, ends_after=length)
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


@pytest.mark.parametrize("status", [202, 203, 204, 206])
def test_bytes_that_come_with_another_success_are_not_archived(box: GraphBox, status: int) -> None:
    box.server.fail(VALUE, times=2, status=status, body=b"" if status == 204 else letter(0)[:100])
    assert all_raw(box) == EVERYTHING


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("text/html; charset=utf-8", b"\r\n<html><body>This download was blocked.</body></html>"),
        ("application/json", b'{"error": {"code": "blocked"}}'),
    ],
)
def test_a_page_that_something_on_the_way_answers_with_is_no_message(box: GraphBox, kind: str, page: bytes) -> None:
    box.server.fail(VALUE, times=5, status=200, body=page, headers={"Content-Type": kind})
    items = list(box.source(at=box.at(requests=1)).items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert [item.raw for item in messages_in(items)] == EVERYTHING[1:]
    assert [item.raw for item in messages_in(list(box.source().items(cursors_of(items))))] == EVERYTHING[:1]


# --- listings --------------------------------------------------------------------------------------

NO_LISTINGS = [{}, {"value": None}, {"value": {}}, {"value": ["x"]}, {"error": {"code": "busy"}}, {"value": [{"name": "x"}]}]


@pytest.mark.parametrize("match", [r"mailFolders\?", r"childFolders", r"messages/delta"])
@pytest.mark.parametrize("body", NO_LISTINGS)
def test_an_answer_that_lists_nothing_is_not_taken_for_an_empty_listing(box: GraphBox, match: str, body: Any) -> None:
    box.fill([Mail("Plans/2019", letter(9))])
    if "delta" in match:
        body = body | {"@odata.deltaLink": "https://graph/v1.0/users/x/mailFolders/y/messages/delta?$deltatoken=z"}
    box.server.fail(match, times=None, status=200, body=body)
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


@pytest.mark.parametrize("match", [r"mailFolders\?", r"messages/delta"])
def test_an_error_that_comes_as_a_success_is_asked_for_again(box: GraphBox, match: str) -> None:
    box.server.fail(match, times=2, status=200, body={"error": {"code": "busy"}})
    assert all_raw(box) == EVERYTHING


@pytest.mark.parametrize("match", [r"mailFolders\?", r"messages/delta"])
@pytest.mark.parametrize("is_of_two", [False, True])
def test_pages_that_lead_in_circles_end(box: GraphBox, match: str, is_of_two: bool) -> None:
    links = [f"https://graph/v1.0/users/{box.mailbox.address}/mailFolders?circle={number}" for number in (0, 1)]
    for number, link in enumerate(links):
        following = {"value": [], "@odata.nextLink": links[1 - number] if is_of_two else link}
        box.server.fail(f"circle={number}", times=None, status=200, body=following)
    box.server.fail(match, times=None, status=200, body={"value": [], "@odata.nextLink": links[0]})
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


@pytest.mark.parametrize("match", [r"mailFolders\?", r"messages/delta"])
@pytest.mark.parametrize(
    "link", ["https://[graph/v1.0/x", "https://graph/v1.0/\x01", "https://graph/v1.0/" + "x" * 70_000, 7, ["x"]]
)
def test_a_link_that_leads_nowhere_is_a_server_out_of_order(box: GraphBox, match: str, link: Any) -> None:
    box.server.fail(match, times=None, status=200, body={"value": [], "@odata.nextLink": link})
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_a_way_on_that_leads_nowhere_is_a_server_out_of_order(box: GraphBox) -> None:
    box.server.fail(r"mailFolders\?", times=None, status=302, headers={"Location": "https://[graph/v1.0/x"})
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


@pytest.mark.parametrize("told", [None, 7, [], {}])
def test_a_well_known_folder_without_an_id_is_judged_by_its_name(box: GraphBox, told: Any) -> None:
    box.fill([Mail("Drafts", letter(9))])
    box.server.fail(r"mailFolders/drafts\?", times=None, status=200, body={"id": told})
    assert all_raw(box) == EVERYTHING


@pytest.mark.parametrize("told", [7, [], {}, True])
def test_an_archive_that_is_told_in_another_way_is_a_gap(box: GraphBox, told: Any) -> None:
    box.server.fail(r"settings/exchange", times=None, status=200, body={"inPlaceArchiveMailboxId": told})
    source = box.source()
    assert len(messages_in(list(source.items({})))) == 6
    assert [(note.code, note.is_gap) for note in source.notes()] == [("archive_mailbox_not_offered", True)]


# --- batches, times, names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "responses", [["x"], {"id": "0"}, "x", [{"id": "0", "status": 200}], [{"id": "0", "status": 503, "headers": ["x"]}]]
)
def test_a_batch_that_nobody_can_read_is_asked_for_one_by_one(box: GraphBox, responses: Any) -> None:
    box.server.fail(r"\$batch", times=None, status=200, body={"responses": responses})
    assert all_raw(box) == EVERYTHING


def test_a_wait_that_a_batch_tells_as_a_number_is_kept(box: GraphBox) -> None:
    box.server.fail(r"childFolders", times=1, status=429, headers={"Retry-After": 7})
    assert all_raw(box) == EVERYTHING
    assert [round(pause) for pause in box.pauses] == [7]


def test_a_part_of_a_batch_that_may_pass_is_asked_for_again(box: GraphBox) -> None:
    box.fill([Mail("Plans/2019", letter(9))])
    box.server.fail(r"childFolders", times=1, status=409, code="ErrorIrresolvableConflict")
    assert all_raw(box) == [*EVERYTHING, letter(9)]


@pytest.mark.parametrize("told", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "soon", "nan"])
def test_a_time_that_no_calendar_has_is_not_waited_for(box: GraphBox, told: str) -> None:
    box.server.fail(r"messages/delta", times=1, status=503, headers={"Retry-After": told})
    assert all_raw(box) == EVERYTHING


@pytest.mark.parametrize("received", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "x", None, 7])
def test_a_message_of_a_time_that_no_calendar_has_is_taken(box: GraphBox, received: Any) -> None:
    box.mailbox.add("INBOX", letter(9), {"receivedDateTime": received, "lastModifiedDateTime": received})
    (item,) = messages_in(list(box.source().items({})))[-1:]
    assert (item.raw, item.occurrence.received_at) == (letter(9), None)


def test_half_a_character_in_a_name_costs_that_character_only(box: GraphBox) -> None:
    to = {"emailAddress": {"name": "Ada \ud83d", "address": "ada@agency.example"}}
    box.mailbox.add("Plans", letter(9), {"toRecipients": [to], "categories": ["\ude00", "\U0001f600"]})
    box.mailbox.folder("Plans").name = "Plans \ud83d"
    (item,) = messages_in(list(box.source().items({})))[-1:]
    assert (item.raw, item.occurrence.place.folder) == (letter(9), "Plans \ufffd")
    envelope = read_envelope(item.companions[0].raw)
    assert envelope is not None
    assert [one.name for one in envelope.recipients] == ["Ada \ufffd"]
    assert envelope.properties["categories"] == "\ufffd; \U0001f600"
