"""Microsoft Graph where it asks to wait: at the token endpoint, within a batch; and tokens that do not live long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from capstone.domain.errors import ServerBusy
from connectors.mailboxes.graph.connection import TRIES
from connectors.mailboxes.graph.errors import GraphError
from connectors.mailboxes.graph.tokens import GraphLogin, Tokens
from tests.adapters.graph_boxes import GraphBox, cursors_of, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer

TOKEN = r"/oauth2/v2\.0/token"


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([Mail("INBOX", letter(1)), Mail("Sent", letter(2))])
    return made


# --- the token endpoint ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("is_date", [False, True])
def test_a_token_endpoint_is_waited_for_as_it_says(box: GraphBox, status: int, is_date: bool) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True) if is_date else "60"
    box.server.fail(TOKEN, times=2, status=status, code="temporarily_unavailable", headers={"Retry-After": told})
    assert len(messages_in(list(box.source().items({})))) == 2
    assert len(box.pauses) == 2
    assert all(30 < pause <= 60 for pause in box.pauses)


def test_a_token_endpoint_that_stays_busy_or_asks_for_longer_ends_the_run(box: GraphBox) -> None:
    for told, tries in (("1", TRIES), ("3600", 1)):
        box.server.asked.clear()
        box.server.fail(TOKEN, times=None, status=429, code="busy", headers={"Retry-After": told})
        with pytest.raises(ServerBusy, match="429"):
            list(box.source().items({}))
        assert box.server.count(TOKEN) == tries
        box.server.mend()


LOGIN = "https://login.example"


def discovery(request: httpx.Request) -> httpx.Response | None:
    """What is answered to a client that asks where the token endpoint is."""
    if "openid" not in request.url.path:
        return None
    told = dict.fromkeys(("issuer", "token_endpoint", "authorization_endpoint"), f"{LOGIN}/{TENANT}")
    return httpx.Response(200, json=told)


class Entrance(AbstractContextManager[None]):
    """A lock that tells when a second thread comes to it."""

    def __init__(self) -> None:
        self._lock, self._came = threading.Lock(), 0
        self.second = threading.Event()

    def __enter__(self) -> None:
        self._came += 1
        if self._came == 2:
            self.second.set()
        self._lock.acquire()

    def __exit__(self, *_raised: object) -> None:
        self._lock.release()


@pytest.mark.parametrize("refused", ["", None])
def test_who_stood_behind_one_that_is_told_to_wait_waits_too(refused: str | None) -> None:
    entrance, asked = Entrance(), list[str]()

    def endpoint(request: httpx.Request) -> httpx.Response:
        if (told := discovery(request)) is not None:
            return told
        asked.append(request.url.path)
        if len(asked) == 1:
            assert entrance.second.wait(20)
            return httpx.Response(429, headers={"Retry-After": "40"}, json={})
        return httpx.Response(200, json={"access_token": "good", "expires_in": 3599})

    with httpx.Client(transport=httpx.MockTransport(endpoint)) as http:
        tokens = Tokens(LOGIN, "https://graph.example", GraphLogin(TENANT, "ours", "right"), http, lock=entrance)
        ask = tokens.current if refused is None else lambda: tokens.renewed("")
        with ThreadPoolExecutor(2) as pool:
            raised = [future.exception() for future in [pool.submit(ask), pool.submit(ask)]]
        assert [(one.status, one.pause_s) for one in raised if isinstance(one, GraphError)] == [(429, 40), (429, 40)]
        assert len(asked) == 1
        assert ask() == "good"


# --- tokens that do not live long ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life_s", "good_s"), [(3599, 3299), (700, 400), (600, 300), (400, 200), (300, 150), (60, 30), ("60", 30)]
)
def test_a_token_is_renewed_shortly_before_it_runs_out_or_at_half_of_a_short_life(life_s: Any, good_s: int) -> None:
    now, asked = [1000.0], list[str]()

    def endpoint(request: httpx.Request) -> httpx.Response:
        if (told := discovery(request)) is not None:
            return told
        asked.append(request.url.path)
        return httpx.Response(200, json={"access_token": f"token-{len(asked)}", "expires_in": life_s})

    with httpx.Client(transport=httpx.MockTransport(endpoint)) as http:
        tokens = Tokens(LOGIN, "https://graph.example", GraphLogin(TENANT, "ours", "right"), http, monotonic=lambda: now[0])
        assert tokens.current() == "token-1"
        now[0] += good_s - 1
        assert tokens.current() == "token-1"
        now[0] += 1
        assert tokens.current() == "token-2"


def test_a_run_with_short_tokens_does_not_ask_for_one_at_each_request(box: GraphBox) -> None:
    box.server.tokens.add("short")
    box.server.fail(TOKEN, times=None, status=200, body={"access_token": "short", "expires_in": 240, "token_type": "Bearer"})
    assert len(messages_in(list(box.source().items({})))) == 2
    assert box.server.count(TOKEN) == 1


# --- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("headers", "pause_s"), [({}, 1), ({"Retry-After": "9"}, 9), ({"Retry-After": "soon"}, 1)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_part_of_a_batch_that_is_put_off_is_waited_for(
    box: GraphBox, status: int, headers: dict[str, str], pause_s: int
) -> None:
    cursors = cursors_of(list(box.source().items({})))
    box.pauses.clear()
    box.fill([Mail("Sent", letter(3))])
    box.server.fail("deltatoken", times=2, status=status, headers=headers)
    assert [item.raw for item in messages_in(list(box.source().items(cursors)))] == [letter(3)]
    assert [round(pause) for pause in box.pauses] == [pause_s]


def test_a_part_of_a_batch_that_is_refused_for_good_is_not_waited_for(box: GraphBox) -> None:
    cursors = cursors_of(list(box.source().items({})))
    box.pauses.clear()
    box.server.fail("deltatoken", times=2, status=410, code="SyncStateNotFound")
    assert len(list(box.source().items(cursors))) == 2
    assert box.pauses == []
