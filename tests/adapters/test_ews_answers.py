"""What counts as an answer of an Exchange server: whole ones only, and none that says less than it lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.errors import SourceUnavailable
from capstone.domain.message import ItemState
from connectors.mailboxes.ews import mailbox, session
from connectors.mailboxes.ews.mailbox import PAGE_ITEMS
from connectors.mailboxes.ews.session import LOST_ATTEMPTS
from tests.adapters.ews_boxes import Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers import ews_answers
from tests.servers.ews_server import Answer, EwsState


@pytest.fixture
def box(exchange: EwsState) -> Box:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(number)) for number in (1, 2, 3)])
    return box


RAWS = [letter(number) for number in (1, 2, 3)]


def test_an_answer_about_another_number_of_items_is_none(box: Box) -> None:
    one = ews_answers.error("GetItem", "ErrorItemNotFound", "<m:Items/>")
    box.state.fail("GetItem", Answer(ews_answers.response("GetItem", [one])))
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS
    assert box.state.batches == [1, 1, 1]


def listing(box: Box) -> bytes:
    """The whole sync of the Inbox."""
    items = box.mailbox.folder("Inbox").items.values()
    inner = "".join(f"<t:Create>{ews_answers.item_xml(item, {'item:Size'})}</t:Create>" for item in items)
    told = "<m:SyncState>MQ==</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
    message = ews_answers.success("SyncFolderItems", f"{told}<m:Changes>{inner}</m:Changes>")
    return ews_answers.response("SyncFolderItems", [message])


def fetched(box: Box) -> bytes:
    """The items of the Inbox with their bytes."""
    items = [ews_answers.item_xml(item, set(), item.mime) for item in box.mailbox.folder("Inbox").items.values()]
    return ews_answers.response("GetItem", [ews_answers.success("GetItem", f"<m:Items>{one}</m:Items>") for one in items])


def test_a_listing_that_is_cut_short_is_none(box: Box) -> None:
    whole = listing(box)
    between = whole.rindex(b"<t:Create>")
    box.state.fail("SyncFolderItems", Answer(whole[:between]), Answer(whole.replace(b"</t:Create>", b"</t:Create></x>", 1)))
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == RAWS
    assert list(box.source().items(cursors_of(items))) == []


@pytest.mark.parametrize("number", [1, 3])
def test_bytes_that_are_cut_short_are_not_archived(exchange: EwsState, number: int) -> None:
    box = Box(exchange)
    box.fill([Mail("Inbox", raw) for raw in RAWS[:number]])
    whole = fetched(box)
    begin = whole.rindex(b"UTF-8") + len(b'UTF-8">')
    exchange.fail("GetItem", Answer(whole[: begin + 40]))
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS[:number]


@pytest.mark.parametrize("body", [b"", b"Please sign in.", b"Envelope>", b"<Envelope></Envelope>", b"\x00\xff"])
def test_what_is_no_answer_at_all_is_a_server_out_of_order(box: Box, body: bytes) -> None:
    box.state.fail("GetFolder", *[Answer(body)] * LOST_ATTEMPTS)
    with pytest.raises(SourceUnavailable) as caught:
        list(box.source().items({}))
    assert caught.value.code == "E101"


def test_a_listing_without_folders_is_no_answer(box: Box) -> None:
    message = ews_answers.success("FindFolder", '<m:RootFolder TotalItemsInView="0" IncludesLastItemInRange="true"/>')
    box.state.fail("FindFolder", Answer(ews_answers.response("FindFolder", [message])))
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


COUNTS = [b"", b"<t:TotalCount/>", b"<t:TotalCount>-1</t:TotalCount>", b"<t:TotalCount>%b</t:TotalCount>" % (b"9" * 6000)]


@pytest.mark.parametrize("told", COUNTS)
def test_a_folder_whose_count_is_not_told_is_read(box: Box, told: bytes) -> None:
    box.state.altered["FindFolder"] = (b"<t:TotalCount>[0-9]*</t:TotalCount>", told)
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS


@pytest.mark.parametrize("told", [b"", b"<t:Size>0</t:Size>", b"<t:Size>%b</t:Size>" % (b"9" * 6000)])
def test_an_item_whose_size_is_not_told_is_read(box: Box, told: bytes) -> None:
    box.state.altered["SyncFolderItems"] = (b"<t:Size>[0-9]*</t:Size>", told)
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS


@pytest.mark.parametrize("old", [b' ResponseClass="Success"', b"<t:Folder>.*</t:Folder>"])
def test_an_answer_about_no_folder_is_a_server_out_of_order(box: Box, old: bytes) -> None:
    box.state.altered["GetFolder"] = (old, b"")
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_an_answer_that_is_no_success_and_no_error_is_a_failed_item(box: Box) -> None:
    box.state.altered["GetItem"] = (b' ResponseClass="Success"', b"")
    assert [item.state for item in refused_in(list(box.source().items({})))] == [ItemState.FAILED] * 3


def test_a_listing_that_does_not_say_whether_it_is_whole_is_gone_on_with(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "_PAGE_FOLDERS", 2)
    box.fill([Mail(f"Plans {number}", letter(number)) for number in (4, 5, 6)])
    box.state.altered["FindFolder"] = (b' IncludesLastItemInRange="[a-z]*"', b"")
    assert sorted(item.raw for item in messages_in(list(box.source().items({})))) == sorted(letter(n) for n in range(1, 7))


def test_a_listing_of_folders_without_end_is_no_listing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "_MOST_FOLDERS", 3)
    box.state.altered["FindFolder"] = (b'Range="true"', b'Range="false"')
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_items_that_come_in_another_order_are_told_apart(box: Box) -> None:
    items = list(box.mailbox.folder("Inbox").items.values())
    told = [f"<m:Items>{ews_answers.item_xml(item, set(), item.mime)}</m:Items>" for item in reversed(items)]
    box.state.fail("GetItem", Answer(ews_answers.response("GetItem", [ews_answers.success("GetItem", one) for one in told])))
    found = messages_in(list(box.source().items({})))
    assert [(one.occurrence.place.item_id, one.raw) for one in found] == [(item.id, item.mime) for item in items]


@pytest.mark.parametrize("headers", [{"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, {"Retry-After": "soon"}])
def test_a_time_that_no_calendar_has_is_not_waited_for(
    box: Box, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(session, "_FIRST_PAUSE_S", 0.01)
    box.state.fail("SyncFolderItems", Answer(status=503, headers=headers))
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS


def test_a_wait_that_no_number_holds_is_no_answer(box: Box) -> None:
    fault = ews_answers.fault("ErrorServerBusy", 10**400)
    box.state.fail("FindFolder", *[Answer(fault, status=500)] * LOST_ATTEMPTS)
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_an_item_that_gets_no_answer_at_all_does_not_end_the_run(box: Box) -> None:
    box.state.fail("GetItem", *[Answer(b"")] * (LOST_ATTEMPTS * 2))
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert [item.raw for item in messages_in(items)] == RAWS[1:]


def test_an_answer_that_nobody_can_read_is_told_without_its_words(box: Box) -> None:
    box.state.fail("FindFolder", *[Answer(b"<html>Subject: a secret</html>")] * 5)
    with pytest.raises(SourceUnavailable) as caught:
        list(box.source().items({}))
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None


def test_a_folder_that_goes_while_others_are_read_is_passed_over(box: Box) -> None:
    box.fill([Mail("Plans", letter(4))])
    plans = box.mailbox.folder("Plans")

    def vanish(operation: str) -> None:
        if operation == "GetItem" and plans.id in box.mailbox.folders:
            box.mailbox.drop(plans)

    box.state.before = vanish
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == RAWS
    assert refused_in(items) == []


@pytest.mark.parametrize("is_only_listed", [True, False])
@pytest.mark.parametrize("code", ["ErrorFolderNotFound", "ErrorItemNotFound"])
def test_a_folder_that_is_there_and_not_found_is_one_failed_item(box: Box, code: str, is_only_listed: bool) -> None:
    box.fill([Mail("Afar", letter(4))])
    if is_only_listed:
        box.mailbox.folder("Afar").refuses = code
    message = ews_answers.error("SyncFolderItems", code, "<m:SyncState/>")
    box.state.fail("SyncFolderItems", Answer(ews_answers.response("SyncFolderItems", [message])))
    items = list(box.source().items({}))
    assert [(item.place.folder, item.state, item.code) for item in refused_in(items)] == [
        ("Afar", ItemState.FAILED, "unreadable")
    ]
    assert [item.raw for item in messages_in(items)] == RAWS


def unfound(number: int) -> Answer:
    """An answer about so many items, of which it finds none."""
    return Answer(ews_answers.response("GetItem", [ews_answers.error("GetItem", "ErrorItemNotFound", "<m:Items/>")] * number))


def test_a_server_that_finds_nothing_that_it_lists_does_not_call_it_gone(box: Box) -> None:
    box.fill([Mail("Plans", letter(4))])
    box.state.fail("GetItem", unfound(3))
    items = list(box.source().items({}))
    assert [(item.place.folder, item.code) for item in refused_in(items)] == [("Inbox", "unreadable")]
    assert [item.raw for item in messages_in(items)] == [letter(4)]
    assert list(cursors_of(items)) == [box.mailbox.folder("Plans").id]


def test_two_items_that_are_not_found_and_are_there_have_failed(exchange: EwsState) -> None:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(number)) for number in (1, 2)])
    exchange.fail("GetItem", unfound(2))
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")] * 2
    assert [item.raw for item in messages_in(list(box.source().items(cursors_of(items))))] == [letter(1), letter(2)]


@pytest.mark.parametrize("content", ["", *(f"<t:MimeContent>{one}</t:MimeContent>" for one in ("QUJ", "QUJD*QUJD", "QUJDéQUJD"))])
@pytest.mark.parametrize("number", [1, 2])
def test_an_item_without_bytes_that_can_be_decoded_has_failed(exchange: EwsState, content: str, number: int) -> None:
    box = Box(exchange)
    for _ in range(number):
        box.mailbox.put("Inbox", letter(1))
    broken = f"<m:Items><t:Message>{content}<t:ItemId Id='x' ChangeKey='y'/></t:Message></m:Items>"
    box.state.fail("GetItem", Answer(ews_answers.response("GetItem", [ews_answers.success("GetItem", broken)] * number)))
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")] * number


@pytest.mark.parametrize("number", [1, 2])
def test_characters_that_xml_forbids_do_not_stop_the_reading(exchange: EwsState, number: int) -> None:
    box = Box(exchange)
    raws = [letter(one) for one in range(number)]
    for raw in raws:
        box.mailbox.put("Inbox", raw, categories=("a\x02b",))
    assert [item.raw for item in messages_in(list(box.source().items({})))] == raws


def test_entities_are_not_followed(exchange: EwsState, tmp_path: Path) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), categories=("Blue",))
    (tmp_path / "secret").write_text("a secret")
    item = next(iter(box.mailbox.folder("Inbox").items.values()))
    honest = ews_answers.item_xml(item, {"item:Categories"}, letter(1))
    answer = ews_answers.response("GetItem", [ews_answers.success("GetItem", f"<m:Items>{honest}</m:Items>")])
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><s:Envelope'.encode()
    box.state.fail("GetItem", Answer(answer.replace(b"<s:Envelope", doctype).replace(b"Blue", b"&e;")))
    (read,) = messages_in(list(box.source().items({})))
    assert b"a secret" not in read.companions[0].raw


@pytest.mark.parametrize(
    "change",
    [
        "<t:Create/>",
        "<t:Create><t:Message/></t:Create>",
        "<t:Create><t:Message><t:ItemId/></t:Message></t:Create>",
    ],
)
def test_a_listing_without_ids_is_no_answer(box: Box, change: str) -> None:
    told = "<m:SyncState>MQ==</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
    message = ews_answers.success("SyncFolderItems", f"{told}<m:Changes>{change}</m:Changes>")
    box.state.fail("SyncFolderItems", Answer(ews_answers.response("SyncFolderItems", [message])))
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def refused_state() -> Answer:
    """https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode, ErrorInvalidSyncStateData"""
    more = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
    message = ews_answers.error("SyncFolderItems", "ErrorInvalidSyncStateData", more)
    return Answer(ews_answers.response("SyncFolderItems", [message]))


def test_a_server_that_refuses_every_state_it_gives_is_not_asked_for_ever(box: Box) -> None:
    told = "<m:SyncState>MQ==</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes/>"
    page = Answer(ews_answers.response("SyncFolderItems", [ews_answers.success("SyncFolderItems", told)]))
    box.state.fail("SyncFolderItems", *[page, refused_state()] * 20)
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))
    assert box.state.asked["SyncFolderItems"] == 8


def test_a_state_that_is_refused_midway_gives_nothing_twice_but_what_changed(exchange: EwsState) -> None:
    box = Box(exchange)
    stored = [box.mailbox.put("Inbox", letter(number % 60, str(number))) for number in range(PAGE_ITEMS + 10)]

    def refuse(operation: str) -> None:
        if operation == "SyncFolderItems" and exchange.asked[operation] == 2:
            box.mailbox.change(stored[0], raw=letter(1, "Changed."))
            exchange.fail(operation, refused_state())

    exchange.before = refuse
    items = list(box.source().items({}))
    offered = [item.raw for item in messages_in(items)]
    assert len(offered) == len(stored) + 1
    assert set(offered) == {letter(0, "0"), *(item.mime for item in stored)}
    assert list(box.source().items(cursors_of(items))) == []


@pytest.mark.parametrize("states", [["MQ=="], ["MQ==", "Mg=="]])
def test_a_listing_that_does_not_go_on_ends(box: Box, states: list[str]) -> None:
    last = "<m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes/>"
    told = [ews_answers.success("SyncFolderItems", f"<m:SyncState>{state}</m:SyncState>{last}") for state in states]
    box.state.fail("SyncFolderItems", *[Answer(ews_answers.response("SyncFolderItems", [one])) for one in told * 50])
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))
    assert box.state.asked["SyncFolderItems"] == len(states) + 1
