"""Messages that an IMAP server lists and gives in odd ways, or not at all: none is lost, cut short or keeps back others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from capstone.domain.errors import SourceUnavailable
from capstone.domain.message import ItemState
from tests.adapters.imap_boxes import cursors_of, messages_in, refused_in
from tests.adapters.imap_script import ScriptedFolder, ScriptedServer
from tests.adapters.imap_script_boxes import failure, inbox, read
from tests.contracts.mail_source import letter

# --- bytes -----------------------------------------------------------------------------------------


def test_listed_sizes_are_only_a_hint() -> None:
    large = letter(3, "x" * 2_500_000)
    server = inbox(letter(1), letter(2), large, large, letter(5))
    server.folders["INBOX"].sizes = {1: 5, 2: 9_000_000, 3: 1_100_000, 4: 3_900_000, 5: 0}
    assert [item.raw for item in messages_in(read(server))] == [letter(1), letter(2), large, large, letter(5)]


def test_bytes_that_come_as_a_quoted_string() -> None:
    server = inbox(b'say "so" \\ now', b"", b"NIL")
    server.body = lambda _uid, raw: b'"' + (raw or b"").replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [b'say "so" \\ now', b"NIL"]
    assert [item.code for item in refused_in(items)] == ["empty_item"]


def test_a_message_that_the_server_lists_and_does_not_give_has_failed_and_holds_the_cursor() -> None:
    server = inbox(letter(1), None, letter(3), letter(4))
    server.folders["INBOX"].sizes = {2: 500}
    server.folders["Sent"] = ScriptedFolder({9: letter(9)})
    items = read(server)
    assert [(item.state, item.code, item.place.item_id) for item in refused_in(items)] == [
        (ItemState.FAILED, "unreadable", "7:2")
    ]
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3), letter(4), letter(9)]
    assert cursors_of(items) == {"INBOX": "7:1", "Sent": "7:9:10:0"}
    server.folders["INBOX"].messages[2] = letter(2)
    assert [item.raw for item in messages_in(read(server, cursors=cursors_of(items)))] == [letter(2), letter(3), letter(4)]


def test_a_large_message_whose_parts_the_server_does_not_give_is_asked_for_whole() -> None:
    large = letter(1, "x" * 2_500_000)
    server = inbox(large)
    server.answers["UID FETCH 1 (UID BODY.PEEK[]<"] = lambda _: b"* 1 FETCH (UID 1)\r\n"
    assert [item.raw for item in messages_in(read(server))] == [large]


def test_a_large_message_that_goes_between_two_parts_is_gone_and_never_cut_short() -> None:
    server = inbox(letter(1), letter(2, "x" * 3_500_000), letter(3))

    def go(_: str) -> bytes:
        server.folders["INBOX"].messages.pop(2, None)
        return b""

    server.answers["UID FETCH 2 (UID BODY.PEEK[]<2097152."] = go
    items = read(server)
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.EXCLUDED, "gone_at_source")]
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert cursors_of(items)["INBOX"].startswith("7:3:4")


@pytest.mark.parametrize("told", [b"* 2 FETCH (UID 2 FLAGS ())\r\n", b""])
@pytest.mark.parametrize("left_out", [1, 2, 3])
@pytest.mark.parametrize("after", [0, 1])
def test_a_message_that_a_listing_leaves_out_is_read_all_the_same(told: bytes, left_out: int, after: int) -> None:
    server = inbox(letter(1), letter(2), letter(3))
    cursors = {"INBOX": f"7:{after}"} if after else {}

    def listing(_: str) -> bytes:
        rows = [f"* {uid} FETCH (UID {uid} RFC822.SIZE 100 FLAGS ())\r\n" for uid in range(after + 1, 4) if uid != left_out]
        return "".join(rows).encode() + told.replace(b"2", b"%d" % left_out)

    server.answers[f"UID FETCH {after + 1}:3 (UID RFC822"] = listing
    server.answers[f"UID FETCH {left_out} (UID RFC822"] = lambda _: told.replace(b"2", b"%d" % left_out)
    items = read(server, cursors=cursors)
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(2), letter(3)][after:]
    assert cursors_of(items) == {"INBOX": "7:3:4:0"}
    server.folders["INBOX"].messages[left_out] = None
    items = read(server, cursors=cursors)
    failed = [(ItemState.FAILED, f"7:{left_out}")] if left_out > after else []
    assert [(item.state, item.place.item_id) for item in refused_in(items)] == failed
    assert len(items) == 3 - after


@pytest.mark.parametrize("told", ["", "UIDNEXT 4 UIDVALIDITY 7", "MESSAGES NIL UIDNEXT 4", "MESSAGES x UIDNEXT x UIDVALIDITY x"])
def test_a_status_without_a_number_of_messages_is_not_taken_for_an_empty_folder(told: str) -> None:
    server = inbox(letter(1))
    server.answers["STATUS"] = lambda _: f'* STATUS "INBOX" ({told})\r\n'.encode()
    assert [item.raw for item in messages_in(read(server))] == [letter(1)]


def test_a_folder_that_is_opened_without_a_number_of_messages_has_failed() -> None:
    server = inbox(letter(1))
    server.folders["Sent"] = ScriptedFolder({9: letter(9)})
    server.answers["STATUS"] = lambda _: b"\nNO not now"
    server.answers['EXAMINE "INBOX"'] = lambda _: b"* OK [UIDVALIDITY 7]\r\n"
    items = read(server)
    assert [(item.state, item.code, item.place.folder) for item in refused_in(items)] == [
        (ItemState.FAILED, "unreadable", "INBOX")
    ]
    assert [item.raw for item in messages_in(items)] == [letter(9)]


def test_a_next_uid_that_is_too_low_hides_no_message() -> None:
    server = inbox(letter(1), letter(2), letter(3))
    server.folders["INBOX"].uid_next = 2
    assert [item.raw for item in messages_in(read(server))] == [letter(1), letter(2), letter(3)]


@pytest.mark.parametrize("size", [10**22, 2**63 - 1, 10**14])
def test_a_message_that_is_announced_as_larger_than_memory_has_failed_and_nothing_else(size: int) -> None:
    server = inbox(letter(1), letter(2), letter(3))
    for start in ("UID FETCH 1:3 (UID BODY", "UID FETCH 2 (UID BODY"):
        server.answers[start] = lambda _: b"* 2 FETCH (UID 2 BODY[] {%d}\r\nabc\r\n" % size
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert cursors_of(items) == {"INBOX": "7:1"}


def test_a_server_that_refuses_a_batch_is_asked_for_each_and_its_no_is_not_taken_for_gone() -> None:
    server = inbox(letter(1), letter(2), letter(3))
    server.answers["UID FETCH 1:3 (UID BODY"] = lambda _: b"\nNO [SERVERBUG] too much"
    assert [item.raw for item in messages_in(read(server))] == [letter(1), letter(2), letter(3)]
    server.answers["UID FETCH"] = lambda _: b"\nNO [UNAVAILABLE] later"
    assert type(failure(server)) is SourceUnavailable


def test_a_message_that_ends_the_line_each_time_does_not_keep_back_the_others() -> None:
    server = inbox(letter(1), letter(2), letter(3))
    for start in ("UID FETCH 1:3 (UID BODY", "UID FETCH 2 (UID BODY"):
        server.answers[start] = lambda _: None
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert cursors_of(items) == {"INBOX": "7:1"}


@pytest.mark.parametrize("bad", [{1, 2, 3}, {2, 3, 4, 5}, {5, 6, 7}, {1, 2, 3, 5, 6, 7}])
def test_messages_in_a_row_that_end_the_line_do_not_keep_back_the_others(bad: set[int]) -> None:
    server = inbox(*[letter(number) for number in range(1, 8)])
    server.answers["UID FETCH 1:7 (UID BODY"] = lambda _: None
    for number in bad:
        server.answers[f"UID FETCH {number} (UID BODY"] = lambda _: None
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(number) for number in range(1, 8) if number not in bad]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")] * len(bad)


def test_a_folder_of_messages_that_end_the_line_does_not_keep_back_the_next() -> None:
    bad, good = {number: letter(number) for number in (1, 2, 3)}, {number: letter(number) for number in (11, 12)}
    server = ScriptedServer({"INBOX": ScriptedFolder(bad), "Later": ScriptedFolder(good)})
    for uids in ("1:3", *bad):
        server.answers[f"UID FETCH {uids} (UID BODY"] = lambda _: None
    items = read(server)
    assert [item.raw for item in messages_in(items)] == list(good.values())
    assert len(refused_in(items)) == len(bad)


def test_when_every_message_ends_the_line_it_is_the_server() -> None:
    server = inbox(*[letter(number) for number in range(1, 9)])
    server.answers["UID FETCH 1:8 (UID RFC822"] = lambda command: server_listing(server)
    server.answers["UID FETCH"] = lambda _: None
    assert type(failure(server)) is SourceUnavailable
    assert server.lines < 30


def server_listing(server: ScriptedServer) -> bytes:
    rows = [
        f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw or b'')} FLAGS ())\r\n"
        for uid, raw in server.folders["INBOX"].messages.items()
    ]
    return "".join(rows).encode()


# --- what stands beside the bytes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("02-Jan-2020 10:00:00 -0500", datetime(2020, 1, 2, 15, tzinfo=UTC)),
        (" 2-Jan-2020 10:00:00 -0000", datetime(2020, 1, 2, 10, tzinfo=UTC)),
        ("02-Jan-2020 10:00:00 +9999", None),
        ("31-Feb-2020 10:00:00 +0000", None),
        ("01-Jan-0001 00:00:00 +1200", None),
        ("once upon a time", None),
    ],
)
def test_the_time_of_receipt_is_aware_or_unknown(told: str, meant: datetime | None) -> None:
    server = inbox(letter(1))
    server.folders["INBOX"].date = told
    (item,) = messages_in(read(server))
    if told.startswith("01-Jan-0001"):
        assert item.occurrence.received_at is None or item.occurrence.received_at.year > 1
    else:
        assert item.occurrence.received_at == meant


def test_keywords_that_the_library_does_not_read_cost_no_message() -> None:
    server = inbox(letter(1))
    server.folders["INBOX"].flags = "\\Seen [urgent"
    (item,) = messages_in(read(server))
    assert item.raw == letter(1)
    assert item.occurrence.flags == ()


def test_recent_is_no_flag_of_the_message() -> None:
    (item,) = messages_in(read(inbox(letter(1))))
    assert item.occurrence.flags == ("\\Seen",)
