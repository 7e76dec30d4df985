"""The line to an IMAP server: encryption, logins, and everything that can break it, on a real Dovecot."""

from __future__ import annotations

import imaplib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capstone.domain.errors import CapstoneError, ServerBusy, SourceRefused, SourceUnavailable
from connectors.mailboxes.imap.source import ImapLogin, ImapServer, ImapSource
from servers.certificates import certificates_in
from servers.dovecot import Dovecot
from servers.processes import free_port
from servers.proxy import FaultProxy
from tests.adapters.imap_boxes import Box, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.services import running

pytestmark = pytest.mark.service

MEGABYTE = 1024 * 1024


@pytest.fixture
def box(dovecot: Dovecot) -> Box:
    box = Box(dovecot)
    box.put("INBOX", letter(1), letter(2))
    return box


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", dovecot.port) as proxy:
        yield proxy


def reads(server: ImapServer, login: ImapLogin) -> int:
    return len(list(ImapSource("mail", server, login).items({})))


def refusal(server: ImapServer, login: ImapLogin) -> CapstoneError:
    with pytest.raises(CapstoneError) as caught:
        reads(server, login)
    return caught.value


# --- encryption ------------------------------------------------------------------------------------


def test_tls_and_starttls_with_the_authority_of_the_agency(dovecot: Dovecot, box: Box) -> None:
    login = ImapLogin(box.user, dovecot.password)
    assert reads(ImapServer("127.0.0.1", dovecot.tls_port, ca_file=dovecot.ca_file), login) == 2
    assert reads(ImapServer("127.0.0.1", dovecot.port, "starttls", dovecot.ca_file), login) == 2


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_certificate_of_another_authority_is_refused_before_the_password(
    dovecot: Dovecot, box: Box, tls: str, server_folder: Path
) -> None:
    port = dovecot.tls_port if tls == "tls" else dovecot.port
    for ca_file in (None, certificates_in(server_folder).ca_file):
        error = refusal(ImapServer("127.0.0.1", port, tls, ca_file), ImapLogin(box.user, dovecot.password))  # type: ignore[arg-type]
        assert isinstance(error, SourceRefused)
        assert "certificate" in error.message
        assert "ca_file" in error.next_step


def test_a_certificate_of_another_host_is_refused(dovecot: Dovecot, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = imaplib.socket.getaddrinfo  # type: ignore[attr-defined]
    monkeypatch.setattr(imaplib.socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more))  # type: ignore[attr-defined]
    server = ImapServer("mail.agency.example", dovecot.tls_port, ca_file=dovecot.ca_file)
    assert isinstance(refusal(server, ImapLogin(box.user, dovecot.password)), SourceRefused)


def test_tls_on_a_port_that_speaks_plainly_is_a_setting_to_correct(dovecot: Dovecot, box: Box) -> None:
    error = refusal(ImapServer("127.0.0.1", dovecot.port, "tls", dovecot.ca_file), ImapLogin(box.user, dovecot.password))
    assert isinstance(error, SourceRefused)
    assert "starttls" in error.next_step


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(dovecot: Dovecot, box: Box, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = refusal(ImapServer("127.0.0.1", dovecot.tls_port, "tls", path), ImapLogin(box.user, dovecot.password))
    assert isinstance(error, SourceRefused)
    assert "ca_file" in error.message


# --- logins ----------------------------------------------------------------------------------------


def test_a_token_instead_of_a_password(dovecot: Dovecot, box: Box) -> None:
    server = ImapServer("127.0.0.1", dovecot.tls_port, ca_file=dovecot.ca_file)
    assert reads(server, ImapLogin(box.user, token=dovecot.token)) == 2


def test_a_wrong_secret_is_refused_and_never_shown(server_folder: Path) -> None:
    # A server of its own: Dovecot lets those wait who were wrong before, and all tests come from one address.
    no_waiting = "auth_failure_delay = 0\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
    with running(Dovecot(server_folder, extra=no_waiting)) as server:
        for secret in ({"password": "wrong"}, {"token": "wr0ng"}, {"password": 'ü"\\ {3}\t'}):
            login = ImapLogin("ada@agency.example", **secret)
            error = refusal(ImapServer("127.0.0.1", server.port, "none"), login)
            assert isinstance(error, SourceRefused)
            assert not error.retryable
            for hidden in (*secret.values(), "ada@agency.example"):
                assert hidden not in f"{error.message}{error.next_step}"
            assert not [value for value in secret.values() if value in repr(login)]


def test_no_secret_or_one_that_cannot_be_sent_is_refused_before_anything_is_sent(dovecot: Dovecot, box: Box) -> None:
    server = ImapServer("127.0.0.1", dovecot.port, "none")
    assert "neither password nor token" in refusal(server, ImapLogin(box.user)).message
    for login in (ImapLogin(box.user, "a\r\nb"), ImapLogin("a\0b", "c"), ImapLogin(box.user, token="a\nb")):
        assert "line end" in refusal(server, login).message


def test_a_user_and_password_of_any_characters(server_folder: Path) -> None:
    secret = 'pä"ss\\w{3}+ rd'
    users = server_folder / "users"
    users.write_text(f"zoë o neil:{{PLAIN}}{secret}\n", encoding="utf-8")
    users.chmod(0o644)
    extra = f"auth_username_chars =\npassdb {{\n  driver = passwd-file\n  args = username_format=%u {users}\n}}\n"
    with running(Dovecot(server_folder / "dovecot", extra=extra)) as server:
        login = ImapLogin("zoë o neil", secret)
        assert ImapSource("mail", ImapServer("127.0.0.1", server.port, "none"), login).check().folders[2].path == "INBOX"


def test_more_connections_than_the_server_allows_are_a_reason_to_wait(server_folder: Path) -> None:
    with running(Dovecot(server_folder, connections=1)) as server:
        box = Box(server)
        box.put("INBOX", letter(1))
        with box.line():
            error = refusal(ImapServer("127.0.0.1", server.port, "none"), ImapLogin(box.user, server.password))
    assert isinstance(error, ServerBusy)
    assert error.retryable


# --- a line that breaks ----------------------------------------------------------------------------


def test_nobody_listens_or_nobody_knows_the_name(box: Box) -> None:
    login = ImapLogin(box.user, "secret")
    for server in (ImapServer("127.0.0.1", free_port(), "none"), ImapServer("mail.agency.invalid", 993)):
        error = refusal(server, login)
        assert isinstance(error, SourceUnavailable)
        assert error.retryable


def test_a_server_that_takes_the_line_and_says_nothing(box: Box, proxy: FaultProxy) -> None:
    proxy.hang()
    login = ImapLogin(box.user, box.dovecot.password)
    for tls in ("tls", "starttls", "none"):
        server = ImapServer("127.0.0.1", proxy.port, tls, box.dovecot.ca_file, connect_timeout_s=0.3, timeout_s=0.3)  # type: ignore[arg-type]
        error = refusal(server, login)
        assert isinstance(error, SourceUnavailable)
        assert "in time" in error.message


def test_a_server_that_stops_answering_ends_the_run_and_the_next_goes_on(box: Box, proxy: FaultProxy) -> None:
    box.put("Later", letter(3))
    items = box.source(port=proxy.port, timeout_s=3).items({})
    taken = [next(items)]
    proxy.cut_all()
    proxy.hang()
    with pytest.raises(SourceUnavailable):
        taken += list(items)
    proxy.pass_through()
    box.put("INBOX", letter(4))
    rest = list(box.source(port=proxy.port).items(cursors_of(taken)))
    assert {item.raw for item in messages_in([*taken, *rest])} >= {letter(number) for number in (1, 2, 3, 4)}


@pytest.mark.parametrize("after", [1_000, 3_500_000, 9_000_000])
def test_a_line_that_drops_in_mid_message_is_made_anew_and_nothing_is_doubled(box: Box, proxy: FaultProxy, after: int) -> None:
    box.put("INBOX", *[letter(number, "x" * size) for number, size in ((3, 3 * MEGABYTE), (4, 9 * MEGABYTE), (5, 10))])
    items = box.source(port=proxy.port).items({})
    proxy.drop_after(after)
    assert [item.raw for item in messages_in(list(items))] == box.bodies("INBOX")
    assert proxy.connections == 2


def test_a_line_that_drops_again_and_again_is_made_anew_while_there_is_progress(box: Box, proxy: FaultProxy) -> None:
    box.put("INBOX", letter(3, "x" * 30 * MEGABYTE))
    proxy.drop_after(6 * MEGABYTE, times=4)
    items = messages_in(list(box.source(port=proxy.port).items({})))
    assert [item.raw for item in items] == box.bodies("INBOX")
    assert proxy.connections == 5


def test_a_line_that_lets_no_large_message_through_fails_those_and_the_next_run_has_them(box: Box, proxy: FaultProxy) -> None:
    box.put("INBOX", *[letter(number, "x" * MEGABYTE) for number in range(3, 9)], letter(9))
    proxy.drop_after(MEGABYTE // 2, times=1000)
    source = box.source(port=proxy.port)
    taken = list(source.items({}))
    assert [item.code for item in refused_in(taken)] == ["unreadable"] * 6
    assert {item.raw for item in messages_in(taken)} >= {letter(9)}
    assert proxy.connections < 60
    proxy.pass_through()
    rest = list(source.items(cursors_of(taken)))
    assert {item.raw for item in messages_in([*taken, *rest])} == set(box.bodies("INBOX"))


def test_a_server_that_is_restarted_between_two_batches(server_folder: Path) -> None:
    with running(Dovecot(server_folder)) as server:
        box = Box(server)
        box.put("INBOX", *[letter(number, "x" * 3 * MEGABYTE) for number in range(1, 10)])
        items = box.source().items({})
        taken = [next(items)]
        server.kill()
        server.start()
        taken += list(items)
        assert [item.raw for item in messages_in(taken)] == box.bodies("INBOX")
        server.stop()
        with pytest.raises(SourceUnavailable):
            list(box.source().items({}))


def test_a_frozen_server_is_given_up_in_time(server_folder: Path) -> None:
    with running(Dovecot(server_folder)) as server:
        box = Box(server)
        box.put("INBOX", letter(1))
        server.freeze()
        try:
            with pytest.raises(SourceUnavailable):
                box.source(timeout_s=0.5).check()
        finally:
            server.thaw()
        assert len(list(box.source().items({}))) == 1


@pytest.mark.parametrize("tls", ["tls", "none"])
def test_a_reader_that_is_given_up_does_not_wait_for_the_server(dovecot: Dovecot, box: Box, tls: str) -> None:
    box.put("INBOX", *[letter(number, "x" * 3 * MEGABYTE) for number in range(3, 12)])
    with FaultProxy("127.0.0.1", dovecot.tls_port if tls == "tls" else dovecot.port) as proxy:
        server = ImapServer("127.0.0.1", proxy.port, tls, dovecot.ca_file, timeout_s=30)  # type: ignore[arg-type]
        items = ImapSource("mail", server, ImapLogin(box.user, dovecot.password)).items({})
        taken = [next(items) for _ in range(3)]
        proxy.hang()
        before = time.monotonic()
        items.close()  # type: ignore[attr-defined]
        assert time.monotonic() - before < 10
    assert len(messages_in(taken)) == 3
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]
