"""Microsoft Graph when it is busy, forgets, loses the line, or loses a message between two requests."""

from __future__ import annotations

import logging
import ssl
import threading
import tracemalloc
from datetime import timedelta

import httpx
import pytest

from capstone.domain.errors import ServerBusy, SourceRefused, SourceUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.message import OfferedMessage
from connectors.mailboxes.graph.connection import TRIES
from tests.adapters.graph_boxes import (
    ADDRESS,
    EVERYTHING,
    VALUE,
    GraphBox,
    all_raw,
    archive_of,
    cursors_of,
    filled_box,
    held_in,
    messages_in,
)
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    return filled_box(graph)


# --- throttling ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("match", [r"mailFolders\?", r"messages/delta", VALUE, r"\$batch", r"childFolders"])
def test_a_busy_server_is_waited_for_as_it_says(box: GraphBox, match: str, status: int) -> None:
    box.server.fail(match, times=2, status=status, headers={"Retry-After": "7"})
    assert all_raw(box) == EVERYTHING
    told = [pause for pause in box.pauses if pause > 1.5]
    assert told
    assert all(6 < pause <= 7 for pause in told)


def test_a_server_that_stays_busy_ends_the_run_after_so_many_tries(box: GraphBox) -> None:
    box.server.fail(VALUE, times=None, status=429, headers={"Retry-After": "2"})
    with pytest.raises(ServerBusy, match="429") as caught:
        list(box.source(at=box.at(requests=1)).items({}))
    assert caught.value.retryable
    first = next(iter(box.mailbox.messages))
    assert box.server.count(rf"{first}/\$value") == TRIES


def test_a_longer_wait_than_a_run_takes_is_left_to_the_next_run(box: GraphBox) -> None:
    box.server.fail(r"messages/delta", times=None, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(ServerBusy):
        list(box.source().items({}))
    assert box.pauses == []


def test_without_retry_after_each_wait_is_longer(box: GraphBox) -> None:
    box.server.fail(r"messages/delta", times=3, status=500, code="InternalServerError")
    assert all_raw(box) == EVERYTHING
    assert [round(pause) for pause in box.pauses] == [1, 2, 4]


def test_a_request_within_a_batch_that_is_put_off_is_asked_for_alone(box: GraphBox) -> None:
    box.fill([Mail("Sent", letter(9))])
    cursors = cursors_of(list(box.source().items({})))
    box.fill([Mail("Sent", letter(10))])
    box.server.fail(r"deltatoken", times=2, status=429, headers={"Retry-After": "1"})
    assert [item.raw for item in messages_in(list(box.source().items(cursors)))] == [letter(10)]


def test_a_server_without_batches_is_read_too(box: GraphBox) -> None:
    box.server.fail(r"\$batch", times=None, status=404, code="ResourceNotFound")
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == EVERYTHING
    assert list(box.source().items(cursors_of(items))) == []


# --- tokens ----------------------------------------------------------------------------------------


def test_a_token_that_ran_out_is_renewed_once_and_the_message_asked_for_again(box: GraphBox) -> None:
    items = box.source().items({})
    first = next(items)
    assert isinstance(first, OfferedMessage)
    box.server.tokens.clear()
    assert [first.raw, *(item.raw for item in messages_in(list(items)))] == EVERYTHING
    assert len(box.server.assertions) <= 2


def test_a_token_that_is_never_taken_is_an_error_that_no_retry_helps(box: GraphBox) -> None:
    box.server.fail(r"/v1\.0/", times=None, status=401, code="InvalidAuthenticationToken")
    with pytest.raises(SourceRefused, match="401, InvalidAuthenticationToken"):
        list(box.source().items({}))
    assert len(box.server.assertions) == 2


# --- resync ----------------------------------------------------------------------------------------


def test_an_expired_delta_token_reads_the_folder_anew_and_misses_nothing(box: GraphBox) -> None:
    first = list(box.source().items({}))
    box.mailbox.generation += 1
    box.fill([Mail("INBOX", letter(9))])
    again = list(box.source().items(cursors_of(first)))
    assert [item.raw for item in messages_in(again)] == [*EVERYTHING, letter(9)]
    assert list(box.source().items(cursors_of(again))) == []


def test_a_resync_reads_only_what_the_archive_may_not_hold_as_it_is(box: GraphBox) -> None:
    first = list(box.source().items({}))
    box.mailbox.now += timedelta(hours=1)
    box.fill([Mail("INBOX", letter(9))])
    second = list(box.source(held=archive_of(first)).items(cursors_of(first)))
    everything = [*first, *second]
    box.mailbox.now += timedelta(hours=1)
    box.mailbox.change(list(box.mailbox.messages.values())[2], letter(22))
    box.mailbox.generation += 1
    box.fill([Mail("INBOX", letter(10))])
    again = list(box.source(held=archive_of(everything)).items(cursors_of(everything)))
    # What came within a quarter of an hour before a round is read again: clocks differ.
    assert [item.raw for item in messages_in(again)] == [letter(22), letter(9), letter(10)]
    kept = [item.digest for item in held_in(again)]
    assert kept == [digest_of(letter(number)) for number in (0, 1, 3, 4, 5)]
    assert list(box.source().items(cursors_of(again))) == []


def test_a_token_that_expires_in_the_middle_of_a_folder_misses_nothing(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60, str(number))) for number in range(600))
    box.server.fail(r"skiptoken", times=1, after=1, status=410, code="SyncStateNotFound")
    items = messages_in(list(box.source().items({})))
    ids = [item.occurrence.place.item_id for item in items]
    assert ids == list(box.mailbox.messages)
    assert [item.raw for item in items] == [one.raw for one in box.mailbox.messages.values()]


def test_tokens_that_expire_again_and_again_end_the_run(box: GraphBox) -> None:
    box.server.page_most = 2
    box.server.fail(r"skiptoken", times=None, status=410, code="SyncStateNotFound")
    with pytest.raises(SourceUnavailable, match="410"):
        list(box.source().items({}))


# --- the line --------------------------------------------------------------------------------------


@pytest.mark.parametrize("match", [r"mailFolders\?", r"messages/delta", VALUE, r"\$batch"])
def test_a_line_that_is_cut_is_made_anew(box: GraphBox, match: str) -> None:
    box.server.fail(match, times=2, cuts=True)
    assert all_raw(box) == EVERYTHING


def test_a_page_whose_json_ends_too_early_is_asked_for_again(box: GraphBox) -> None:
    box.server.fail(r"messages/delta", times=2, garbles=True)
    assert all_raw(box) == EVERYTHING
    box.server.fail(r"messages/delta", times=None, garbles=True)
    with pytest.raises(SourceUnavailable):
        list(box.source().items({}))


def test_a_server_that_says_nothing_is_given_up_after_the_time_set(box: GraphBox) -> None:
    never = threading.Event()
    box.server.fail(r"messages/delta", times=None, stall=lambda: never.wait(30))
    with pytest.raises(SourceUnavailable, match="did not answer in time"):
        list(box.source(at=box.at(timeout_s=0.05)).items({}))
    never.set()


def test_nobody_there_is_an_error_that_a_retry_may_help(box: GraphBox) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be reached") as caught:
        list(box.source(at=box.at(url="https://127.0.0.1:1", authority="https://127.0.0.1:1")).items({}))
    assert caught.value.retryable


def test_what_the_server_says_of_people_is_in_no_error(box: GraphBox) -> None:
    for status in (400, 403, 404, 500):
        box.server.mend()
        box.server.fail(r"mailFolders\?", times=None, status=status, code="Some words about ada@agency.example")
        with pytest.raises(Exception, match=str(status)) as caught:
            list(box.source().items({}))
        assert "ada" not in str(caught.value)


def test_no_log_names_the_mailbox_or_a_message(box: GraphBox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    items = list(box.source(held=lambda _identities: {}).items({}))
    list(box.source().items(cursors_of(items)))
    box.source().check()
    named = [ADDRESS, *box.mailbox.messages, *box.mailbox.folders, "deltatoken"]
    assert [one for one in named if one in caplog.text] == []


def test_a_token_goes_to_no_other_host_whatever_a_link_names(box: GraphBox) -> None:
    box.server.page_most, box.server.links_url = 2, "https://graph.elsewhere.example"
    assert all_raw(box) == EVERYTHING
    assert box.server.count(r"skiptoken") == 2


# --- size and memory -------------------------------------------------------------------------------


def test_mime_that_differs_at_each_fetch_is_one_item(box: GraphBox) -> None:
    def regenerated(number: int) -> bytes:
        return letter(9).replace(b"\r\n\r\n", b'\r\nContent-Type: multipart/mixed; boundary="%d"\r\n\r\n' % number)

    message = box.mailbox.add("INBOX", regenerated)
    offered = [messages_in(list(box.source().items({})))[-1] for _ in range(2)]
    assert offered[0].raw != offered[1].raw
    assert {item.occurrence.identity for item in offered} == {f"graph:{message.id}"}


@pytest.mark.slow
def test_a_large_message_is_in_memory_once(box: GraphBox) -> None:
    size = 100 * 1024**2
    box.mailbox.add("INBOX", letter(9), is_large=size)
    box.fill(Mail("INBOX", letter(number)) for number in range(10, 15))
    tracemalloc.start()
    sizes = [len(item.raw) for item in box.source().items({}) if isinstance(item, OfferedMessage)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sorted(sizes)[-2:] == [len(letter(14)), size]
    assert peak < 1.5 * size


def test_what_is_read_ahead_is_bounded(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60, "x" * 1_000_000)) for number in range(60))
    items = box.source().items({})
    next(items)
    # Nobody takes any more. Eight megabytes wait to be taken and eight are on their way; meanwhile others are served.
    idle = threading.Event()
    while box.server.count(VALUE) < 6 + 8:
        idle.wait(0.001)
    for _ in range(20):
        list(box.source().places())
    assert box.server.count(VALUE) <= 6 + 18
    items.close()  # type: ignore[attr-defined]


def test_closing_early_leaves_no_thread(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60)) for number in range(300))
    items = box.source().items({})
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(("graph", "read-ahead"))] == []


def test_a_server_that_writes_are_sent_to_says_so(box: GraphBox) -> None:
    """The proof that the fixture of the server fails a test that writes."""
    form = {"grant_type": "client_credentials", "client_secret": "right"}
    with httpx.Client(verify=ssl.create_default_context(cafile=box.server.ca_file)) as client:
        token = client.post(f"{box.server.url}/t/oauth2/v2.0/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        for method in ("PATCH", "DELETE", "PUT", "POST"):
            answer = client.request(method, f"{box.server.url}/v1.0/users/{box.mailbox.address}/messages/x", headers=headers)
            assert answer.status_code == 405
    assert len(box.server.writes) == 4
    box.server.writes.clear()
