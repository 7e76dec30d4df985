"""Faults of a line: each does what its name says, to the byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from servers.proxy import FaultProxy


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that says back what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(line,), daemon=True).start()

    def echo(line: socket.socket) -> None:
        with line:
            try:
                while heard := line.recv(4096):
                    line.sendall(heard)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo_port: int) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", echo_port) as made:
        yield made


def connected(proxy: FaultProxy, timeout_s: float = 5) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout_s)


def heard_until_cut(line: socket.socket) -> bytes:
    """What arrives before the line is reset; fails when it ends in good order."""
    heard = b""
    try:
        while part := line.recv(4096):
            heard += part
    except ConnectionResetError:
        return heard
    pytest.fail("the line ended in good order")


def test_bytes_pass_both_ways(proxy: FaultProxy) -> None:
    with connected(proxy) as line:
        line.sendall(b"hello")
        assert line.recv(16) == b"hello"
        line.shutdown(socket.SHUT_WR)
        assert line.recv(16) == b""
    assert proxy.connections == 1


def test_a_refusing_proxy_cuts_its_lines_takes_none_and_passes_again_on_the_same_port(proxy: FaultProxy) -> None:
    with connected(proxy) as line:
        line.sendall(b"a")
        assert line.recv(16) == b"a"
        proxy.refuse()
        assert heard_until_cut(line) == b""
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.pass_through()
    with connected(proxy) as line:
        line.sendall(b"b")
        assert line.recv(16) == b"b"


def test_what_was_held_back_by_a_hanging_proxy_arrives_when_it_passes_again(proxy: FaultProxy) -> None:
    proxy.hang()
    with connected(proxy, timeout_s=0.2) as line:
        line.sendall(b"late")
        with pytest.raises(TimeoutError):
            line.recv(16)
        proxy.pass_through()
        line.settimeout(5)
        assert line.recv(16) == b"late"


def test_a_line_is_cut_after_exactly_so_many_bytes_and_so_many_times(proxy: FaultProxy) -> None:
    proxy.drop_after(3, times=2)
    for _ in range(2):
        with connected(proxy) as line:
            line.sendall(b"abcdef")
            assert heard_until_cut(line) == b"abc"
    with connected(proxy) as line:
        line.sendall(b"abcdef")
        assert line.recv(16) == b"abcdef"


def test_bytes_before_the_order_to_cut_do_not_count(proxy: FaultProxy) -> None:
    with connected(proxy) as line:
        line.sendall(b"12345")
        assert line.recv(16) == b"12345"
        proxy.drop_after(2)
        line.sendall(b"abc")
        assert heard_until_cut(line) == b"ab"


def test_all_lines_are_cut_and_new_ones_are_taken(proxy: FaultProxy) -> None:
    with connected(proxy) as first, connected(proxy) as second:
        for line in (first, second):
            line.sendall(b"x")
            assert line.recv(1) == b"x"
        proxy.cut_all()
        assert heard_until_cut(first) == heard_until_cut(second) == b""
    with connected(proxy) as third:
        third.sendall(b"y")
        assert third.recv(1) == b"y"


def test_a_server_that_is_away_looks_like_a_broken_line() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        away = FaultProxy("127.0.0.1", bound.getsockname()[1])
        with away as proxy, suppress(ConnectionResetError), connected(proxy) as line:  # cut as soon as it is made, or a bit later
            assert heard_until_cut(line) == b""
