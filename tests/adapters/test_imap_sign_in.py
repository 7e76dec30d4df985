"""Signing in at an IMAP server: each kind of login, what a refusal means, and what is never sent in the clear."""

from __future__ import annotations

import socket
import threading

import pytest

from capstone.domain.errors import CapstoneError, ServerBusy, SourceRefused, SourceUnavailable
from connectors.mailboxes.imap.source import ImapLogin, ImapServer, ImapSource
from tests.adapters.imap_boxes import cursors_of
from tests.adapters.imap_script_boxes import LOGIN, failure, inbox, read
from tests.contracts.mail_source import letter


@pytest.mark.parametrize(
    ("login", "capabilities", "sent"),
    [
        (ImapLogin("ada", "p\xe4ss"), "AUTH=PLAIN AUTH=LOGIN", [b"\0ada\0p\xc3\xa4ss"]),
        (ImapLogin('a "b" c', "q\\ü"), "IMAP4rev1", ['"a \\"b\\" c" "q\\\\ü"'.encode()]),
        (ImapLogin("ada", token="t0"), "AUTH=XOAUTH2 AUTH=OAUTHBEARER", [b"user=ada\1auth=Bearer t0\1\1"]),
        (ImapLogin("a=d,a", token="t0"), "AUTH=OAUTHBEARER", [b"n,a=a=3Dd=2Ca,\1auth=Bearer t0\1\1"]),
        (ImapLogin("ada", "both", "t0"), "AUTH=PLAIN AUTH=XOAUTH2", [b"user=ada\1auth=Bearer t0\1\1"]),
    ],
)
def test_each_kind_of_login(login: ImapLogin, capabilities: str, sent: list[bytes]) -> None:
    server = inbox(letter(1), capabilities=f"IMAP4rev1 {capabilities}")
    assert len(read(server, login)) == 1
    assert server.secrets == sent


@pytest.mark.parametrize(("mechanism", "end"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\1")])
def test_a_refused_token_is_sent_once(mechanism: str, end: bytes) -> None:
    server = inbox(letter(1), capabilities=f"IMAP4rev1 AUTH={mechanism}", login="NO [AUTHENTICATIONFAILED] expired")
    assert isinstance(failure(server, ImapLogin("ada", token="t0")), SourceRefused)
    assert len(server.secrets) == 2
    assert server.secrets[1] == end


@pytest.mark.parametrize(
    ("login", "capabilities", "words"),
    [
        (ImapLogin("ada", "secret"), "IMAP4rev1 LOGINDISABLED", "no password"),
        (ImapLogin("ada", token="t0"), "IMAP4rev1 AUTH=PLAIN", "no token"),
    ],
)
def test_a_secret_that_the_server_does_not_take_is_not_sent(login: ImapLogin, capabilities: str, words: str) -> None:
    server = inbox(letter(1), capabilities=capabilities)
    error = failure(server, login)
    assert isinstance(error, SourceRefused)
    assert words in error.message
    assert server.secrets == []


@pytest.mark.parametrize("greeting", ["* OK ready", "* PREAUTH you are in"])
def test_without_starttls_nothing_is_sent_in_the_clear(greeting: str) -> None:
    server = inbox(letter(1), greeting=greeting)
    error = failure(server, tls="starttls")
    assert isinstance(error, SourceRefused)
    assert "STARTTLS" in error.message
    assert server.commands == ["CAPABILITY"]


def test_a_server_that_asks_nobody_who_they_are_is_not_read() -> None:
    server = inbox(letter(1), greeting="* PREAUTH you are in")
    assert isinstance(failure(server), SourceRefused)
    assert server.commands == ["CAPABILITY"]


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        ("NO [AUTHENTICATIONFAILED] no", SourceRefused, False),
        ("NO [EXPIRED] no", SourceRefused, False),
        ("NO Invalid credentials", SourceRefused, False),
        ("NO [UNAVAILABLE] later", SourceUnavailable, True),
        ("NO [INUSE] later", SourceUnavailable, True),
        ("NO [SERVERBUG] sorry", SourceUnavailable, True),
        ("NO [LIMIT] no more", ServerBusy, True),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", ServerBusy, True),
    ],
)
def test_what_a_refused_login_means(answer: str, kind: type[CapstoneError], retryable: bool) -> None:
    error = failure(inbox(letter(1), login=answer))
    assert type(error) is kind
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        ("* BYE [UNAVAILABLE] going down", SourceUnavailable),
        ("* BYE Too many connections from your address", ServerBusy),
        ("* BYE [LIMIT] no", ServerBusy),
        ("220 mail.agency.example ESMTP", SourceUnavailable),
    ],
)
def test_what_a_server_means_that_lets_nobody_speak(greeting: str, kind: type[CapstoneError]) -> None:
    assert type(failure(inbox(letter(1), greeting=greeting))) is kind


@pytest.mark.parametrize("tls", ["tls", "none"])
def test_a_line_that_ends_before_the_login_does_is_no_refusal(tls: str) -> None:
    server = inbox(letter(1))
    server.answers["AUTHENTICATE"] = lambda _: None
    assert tls == "tls" or type(failure(server)) is SourceUnavailable
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        source = ImapSource("mail", ImapServer("127.0.0.1", listener.getsockname()[1], tls), LOGIN)  # type: ignore[arg-type]
        with pytest.raises(SourceUnavailable):
            source.check()


def test_a_password_that_login_refuses() -> None:
    assert type(failure(inbox(letter(1), capabilities="IMAP4rev1", login="NO [AUTHENTICATIONFAILED] no"))) is SourceRefused


def test_capabilities_of_after_the_login_count() -> None:
    server = inbox(letter(1), capabilities="IMAP4rev1 AUTH=PLAIN", greeting="* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
    server.later_capabilities = "IMAP4rev1 NAMESPACE CONDSTORE"
    server.folders["INBOX"].mod_seq = 5
    items = read(server)
    assert [command for command in server.commands if "HIGHESTMODSEQ" in command]
    assert cursors_of(items) == {"INBOX": "7:1:2:5"}
