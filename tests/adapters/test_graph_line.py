"""Microsoft Graph by way of a proxy that the environment names, and where it is not gone through."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from capstone.domain.errors import SourceRefused, SourceUnavailable
from tests.adapters.graph_boxes import GraphBox, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer

CHUNK = 65536


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([Mail("INBOX", letter(1)), Mail("INBOX", letter(2))])
    return made


class Tunnels(ThreadingHTTPServer):
    """A proxy of HTTP that opens tunnels (RFC 9110, 9.3.6) and notes where to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.opened: list[str] = []
        self.signed_in: set[str | None] = set()


class Tunnel(BaseHTTPRequestHandler):
    server: Tunnels

    def do_CONNECT(self) -> None:
        self.server.opened.append(self.path)
        self.server.signed_in.add(self.headers["Proxy-Authorization"])
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self._back, args=(there,), daemon=True)
            back.start()
            while chunk := self.connection.recv(CHUNK):
                there.sendall(chunk)
            there.shutdown(socket.SHUT_WR)
            back.join()

    def _back(self, there: socket.socket) -> None:
        while chunk := there.recv(CHUNK):
            self.connection.sendall(chunk)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tunnels]:
    """One that the environment names for everything."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Tunnels() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://ida:an%20invented%20word@127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("packed", ["gzip", "br"])
def test_what_is_packed_though_nobody_asked_for_it_is_asked_for_again(box: GraphBox, packed: str) -> None:
    box.server.fail(r"\$value", times=2, status=200, body={}, headers={"Content-Encoding": packed})
    assert [item.raw for item in messages_in(list(box.source().items({})))] == [letter(1), letter(2)]
    assert box.server.count(r"\$value") == 4


def test_tokens_listings_and_messages_go_through_the_proxy(box: GraphBox, proxy: Tunnels) -> None:
    assert len(messages_in(list(box.source().items({})))) == 2
    assert set(proxy.opened) == {box.server.url.removeprefix("https://")}
    assert len(proxy.opened) >= 2  # for tokens, and for what is read
    assert proxy.signed_in == {"Basic aWRhOmFuIGludmVudGVkIHdvcmQ="}


def test_all_proxy_without_a_scheme_is_one_of_http(box: GraphBox, proxy: Tunnels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{proxy.server_address[1]}")
    assert len(messages_in(list(box.source().items({})))) == 2
    assert len(proxy.opened) >= 2


def test_a_server_named_in_no_proxy_is_asked_itself(box: GraphBox, proxy: Tunnels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert len(messages_in(list(box.source().items({})))) == 2
    assert proxy.opened == []


def test_a_proxy_that_is_away_is_an_absent_server(box: GraphBox, monkeypatch: pytest.MonkeyPatch, proxy: Tunnels) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(SourceUnavailable):
            list(box.source().items({}))


@pytest.mark.parametrize("unusable", ["ftp://127.0.0.1:1", "http://127.0.0.1:port", "socks5://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_named(
    box: GraphBox, proxy: Tunnels, monkeypatch: pytest.MonkeyPatch, unusable: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", unusable)
    with pytest.raises(SourceRefused, match="proxy") as refused:
        list(box.source().items({}))
    assert "HTTPS_PROXY" in refused.value.next_step
