"""What happens when an Exchange server is busy, slow, refuses, or ends the line."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from capstone.domain.errors import CapstoneError, ServerBusy, SourceMissing, SourceRefused, SourceUnavailable
from capstone.domain.message import ItemState
from connectors.mailboxes.ews.session import BUSY_ATTEMPTS, LOST_ATTEMPTS
from connectors.mailboxes.ews.source import EwsLogin, Trust
from tests.adapters.ews_boxes import PASSWORD, Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers import ews_answers
from tests.servers.ews_server import Answer, EwsState, busy, wait_until


@pytest.fixture
def box(exchange: EwsState) -> Box:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(number)) for number in (1, 2, 3)])
    return box


RAWS = [letter(number) for number in (1, 2, 3)]


# --- throttling ------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["GetFolder", "FindFolder", "SyncFolderItems", "GetItem"])
def test_a_busy_server_is_given_the_time_it_asks_for(box: Box, operation: str) -> None:
    message = Answer(ews_answers.busy_message(operation, 150))
    box.state.fail(operation, busy(150), message)
    began = time.monotonic()
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("answer", [busy(60_000), Answer(status=503, headers={"Retry-After": "60"}),
                                    Answer(status=429, headers={"Retry-After": "60"}),
                                    Answer(status=503, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})])  # fmt: skip
def test_a_server_that_asks_for_more_time_than_there_is_waits_for_the_next_run(box: Box, answer: Answer) -> None:
    box.state.fail("GetItem", answer)
    began = time.monotonic()
    with pytest.raises(ServerBusy) as caught:
        list(box.source().items({}))
    assert time.monotonic() - began < 10
    assert caught.value.retryable


def test_patience_with_a_busy_server_has_an_end(box: Box) -> None:
    box.state.fail("GetItem", *[busy(1)] * (BUSY_ATTEMPTS + 5))
    with pytest.raises(ServerBusy):
        list(box.source().items({}))
    assert box.state.asked["GetItem"] == BUSY_ATTEMPTS


@pytest.mark.parametrize("code", ["ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened"])
def test_a_server_with_too_many_connections_is_busy(box: Box, code: str) -> None:
    box.state.fail("GetItem", *[Answer(ews_answers.fault(code), status=500)] * 5)
    with pytest.raises(ServerBusy):
        list(box.source(patience_s=0.5).items({}))


def test_one_capture_asks_one_thing_at_a_time(box: Box) -> None:
    box.fill([Mail(f"Plans {number}", letter(number, "x" * 3_000_000)) for number in range(6)])
    assert len(messages_in(list(box.source().items({})))) == 9
    assert box.state.most_at_once == 1


# --- the line --------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Answer(is_cut=True), Answer()], ids=["no answer", "nothing in it"])
@pytest.mark.parametrize("operation", ["GetFolder", "SyncFolderItems", "GetItem"])
def test_a_line_that_breaks_is_made_anew(box: Box, operation: str, answer: Answer) -> None:
    box.state.fail(operation, answer)
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS


def test_an_item_that_ends_the_line_is_told_from_those_around_it(box: Box) -> None:
    together, alone = LOST_ATTEMPTS, LOST_ATTEMPTS
    box.state.fail("GetItem", *[Answer(is_cut=True)] * (together + alone))
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert [item.raw for item in messages_in(items)] == RAWS[1:]
    assert [item.raw for item in messages_in(list(box.source().items(cursors_of(items))))] == RAWS[:1]


def test_a_server_that_is_gone_is_not_taken_for_bad_items(box: Box) -> None:
    box.state.fail("GetItem", *[Answer(is_cut=True)] * 100)
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_a_batch_that_is_too_large_for_the_server_is_asked_for_one_by_one(box: Box) -> None:
    box.state.most_bytes = len(RAWS[0]) + 50
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS
    assert box.state.batches == [3, 1, 1, 1]


def test_a_slow_server_is_unavailable(box: Box) -> None:
    never = threading.Event()
    box.state.fail("GetFolder", *[Answer(waits_for=never)] * 5)
    try:
        with pytest.raises(SourceUnavailable):
            list(box.source(trust=Trust(timeout_s=0.2)).items({}))
    finally:
        never.set()


def test_who_stops_taking_items_need_not_wait_for_the_server(box: Box) -> None:
    box.fill([Mail("Large", letter(number, "x" * 6_000_000)) for number in range(3)])
    never = threading.Event()
    items = box.source(trust=Trust(timeout_s=300)).items({})
    next(items)
    box.state.fail("GetItem", *[Answer(waits_for=never)] * 5)
    for _ in range(2):
        next(items)
    wait_until(lambda: box.state.at_once == 1)
    began = time.monotonic()
    items.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 10
    never.set()


def test_no_password_goes_over_plain_http(box: Box) -> None:
    with pytest.raises(SourceRefused, match="https"):
        list(box.source(url="http://mail.agency.example/EWS/Exchange.asmx").items({}))


def test_nobody_at_the_address_is_unavailable(box: Box) -> None:
    with pytest.raises(SourceUnavailable):
        list(box.source(url="http://127.0.0.1:9/EWS/Exchange.asmx").items({}))


def test_no_mail_is_logged(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert len(list(box.source().items({}))) == 3
    assert caplog.records
    assert not [record for record in caplog.records if "Authorization" in record.getMessage() or "ItemId" in record.getMessage()]


# --- rights ----------------------------------------------------------------------------------------


def test_a_wrong_password_is_refused(box: Box) -> None:
    with pytest.raises(SourceRefused) as caught:
        list(box.source(login=EwsLogin("basic", "service", "another")).items({}))
    assert "another" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [(401, SourceRefused, "password"), (403, SourceRefused, "allow"), (404, SourceMissing, "address")],
)
def test_a_refusal_is_told_from_a_busy_server(box: Box, status: int, error: type[CapstoneError], word: str) -> None:
    box.state.fail("GetFolder", Answer(status=status, headers={"Connection": "close"}))
    with pytest.raises(error, match=word):
        list(box.source().items({}))
    assert box.state.asked["GetFolder"] == 1


def test_who_may_not_impersonate_is_told_what_to_ask_for(box: Box) -> None:
    box.state.impersonators.clear()
    with pytest.raises(SourceRefused) as caught:
        list(box.source().items({}))
    assert "ApplicationImpersonation" in caught.value.next_step
    (sentence,) = box.source().check().missing_rights
    assert "ApplicationImpersonation" in sentence


def test_a_delegate_reads_a_mailbox_that_was_opened_to_it(box: Box) -> None:
    with pytest.raises(SourceRefused) as caught:
        list(box.source(access="delegate").items({}))
    assert "full access" in caught.value.next_step
    assert len(box.source(access="delegate").check().missing_rights) == 1
    box.state.delegates.add(("service", box.mailbox.address))
    assert [item.raw for item in messages_in(list(box.source(access="delegate").items({})))] == RAWS


def test_a_mailbox_that_is_not_there_is_missing(box: Box) -> None:
    with pytest.raises(SourceMissing):
        list(box.source(mailbox="nobody@agency.example").items({}))
    with pytest.raises(SourceMissing):
        box.source(mailbox="nobody@agency.example").check()


def test_a_folder_that_is_listed_and_not_opened_is_one_failed_item(box: Box) -> None:
    box.fill([Mail("Plans", letter(4))])
    box.mailbox.folder("Plans").refuses = "ErrorAccessDenied"
    items = list(box.source().items({}))
    assert [(item.place.folder, item.state, item.code) for item in refused_in(items)] == [
        ("Plans", ItemState.FAILED, "unreadable")
    ]
    assert [item.raw for item in messages_in(items)] == RAWS


def test_an_older_server_is_asked_in_its_own_version(box: Box) -> None:
    box.state.fail("GetFolder", *[Answer(ews_answers.fault("ErrorInvalidServerVersion"), status=500)] * 2)
    assert [item.raw for item in messages_in(list(box.source().items({})))] == RAWS


# --- large and broken items ------------------------------------------------------------------------


def test_a_large_item_is_read_alone_and_held_once(exchange: EwsState) -> None:
    box, size = Box(exchange), 100 * 1024 * 1024
    line = b"a line of text that is not short\r\n"
    box.mailbox.put("Inbox", lambda: b"Subject: large\r\n\r\n" + line * (size // len(line)), size=size)
    grown = subprocess.run(
        [sys.executable, "-c", _MEASURED, exchange.url, box.mailbox.address, PASSWORD],
        capture_output=True,
        text=True,
        check=True,
    )
    read_bytes, peak_bytes = map(int, grown.stdout.split())
    assert read_bytes > 0.99 * size
    assert peak_bytes < 1.25 * read_bytes


_MEASURED = """
import sys
from pathlib import Path
from connectors.mailboxes.ews.source import EwsLogin, EwsServer, EwsSource


def peak():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


source = EwsSource("mail", EwsServer(sys.argv[2], sys.argv[1]), EwsLogin("basic", "service", sys.argv[3]))
source.check()
before = peak()
(item,) = source.items({})
print(len(item.raw), peak() - before)
"""


def test_a_line_that_breaks_within_a_large_item_is_made_anew(exchange: EwsState) -> None:
    box = Box(exchange)
    raw = letter(1, "x" * 3_000_000)
    item = box.mailbox.put("Inbox", raw)
    inner = f"<m:Items>{ews_answers.item_xml(item, set(), raw)}</m:Items>"
    whole = ews_answers.response("GetItem", [ews_answers.success("GetItem", inner)])
    box.state.fail("GetItem", Answer(whole, sends_only=2_000_000))
    assert [item.raw for item in messages_in(list(box.source().items({})))] == [raw]
    assert box.state.asked["GetItem"] == 2


# --- items that are never given --------------------------------------------------------------------


@pytest.mark.parametrize("places", [range(4), range(2, 6), range(6, 10)], ids=["first", "amid", "last"])
def test_a_few_in_a_row_that_are_never_given_do_not_stop_the_mailbox(exchange: EwsState, places: range) -> None:
    box = Box(exchange)
    ids = [box.mailbox.put("Inbox", letter(number)).id for number in range(10)]
    box.mailbox.put("Plans", letter(20))
    bad = exchange.never_gives = {ids[place] for place in places}
    items = list(box.source().items({}))
    assert {one.place.item_id for one in refused_in(items)} == bad
    whole = [letter(number) for number in range(10) if number not in places]
    assert [one.raw for one in messages_in(items)] == [*whole, letter(20)]
    exchange.never_gives = set()
    again = messages_in(list(box.source().items(cursors_of(items))))
    assert {letter(place) for place in places} <= {one.raw for one in again}


@pytest.mark.parametrize("size", [3, 6])
def test_a_mailbox_of_which_nothing_is_given_is_the_servers_fault(exchange: EwsState, size: int) -> None:
    box = Box(exchange)
    exchange.never_gives = {box.mailbox.put("Inbox", letter(number)).id for number in range(size)}
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_a_folder_of_which_nothing_is_given_does_not_hide_those_behind_it(exchange: EwsState) -> None:
    box = Box(exchange)
    exchange.never_gives = {box.mailbox.put("Inbox", letter(number)).id for number in range(3)}
    box.mailbox.put("Plans", letter(20))
    items = list(box.source().items({}))
    assert [one.state for one in refused_in(items)] == [ItemState.FAILED] * 3
    assert [one.raw for one in messages_in(items)] == [letter(20)]
