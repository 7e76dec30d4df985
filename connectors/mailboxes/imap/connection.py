"""One line to an IMAP server: encryption first, then the login. It writes nothing and falls back to nothing weaker."""

from __future__ import annotations

import imaplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout  # type: ignore[import-untyped]

from capstone.domain.errors import SourceRefused
from connectors.mailboxes.imap.errors import RESPONSE_CODES, LoginRefused

_UNSENDABLE = frozenset("\r\n\0")


@dataclass(frozen=True, slots=True)
class ImapServer:
    """Where a mail server is. `tls="none"` sends password and mail in the clear and must be said in so many words."""

    host: str
    port: int = 993
    tls: Literal["tls", "starttls", "none"] = "tls"
    ca_file: Path | None = None
    """The only authority trusted for this server; None trusts those of the system."""
    connect_timeout_s: float = 10
    timeout_s: float = 60

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ImapLogin:
    """Who reads. A token goes out as XOAUTH2, or as OAUTHBEARER where only that is offered."""

    user: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def connect(server: ImapServer, login: ImapLogin) -> Any:
    """A logged-in imapclient. Raises SourceRefused, and what `vendor_errors` translates."""
    client = _encrypted(server)
    try:
        _log_in(client, server, login)
    except BaseException:
        hang_up(client)
        raise
    return client


def hang_up(client: Any) -> None:
    """Close the line at once, without a word to the server, which may not be listening any more."""
    with suppress(OSError, imaplib.IMAP4.error):
        client.shutdown()


def _encrypted(server: ImapServer) -> Any:
    context = None if server.tls == "none" else _trust(server)
    limits = SocketTimeout(server.connect_timeout_s, server.timeout_s)
    client = IMAPClient(server.host, server.port, ssl=server.tls == "tls", ssl_context=context, timeout=limits)
    # Otherwise every line, and every message, is rendered as text for a debug log that must not hold it.
    client._imap.debug = 0
    client.normalise_times, client.folder_encode = False, False
    # A login goes out in small pieces, each of which would wait for the answer to the one before.
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if server.tls == "starttls":
        try:
            _start_tls(client, server, context)
        except BaseException:
            hang_up(client)
            raise
    return client


def _trust(server: ImapServer) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except OSError as exc:
        why = f"The ca_file for the mail server {server.where} cannot be read."
        raise SourceRefused(why, "Set ca_file of this source to a file of certificates in PEM form.") from exc


def _start_tls(client: Any, server: ImapServer, context: ssl.SSLContext | None) -> None:
    """Without encryption nothing goes on: who sits on the line could have taken the offer away."""
    if client._imap.state != "NONAUTH" or "STARTTLS" not in client._imap.capabilities:
        why = f"The mail server {server.where} does not offer STARTTLS; nothing was sent to it."
        raise SourceRefused(why, 'Set tls = "tls" and its port (993), or have STARTTLS turned on at the server.')
    client.starttls(context)


def _log_in(client: Any, server: ImapServer, login: ImapLogin) -> None:
    imap = client._imap
    if imap.state != "NONAUTH":
        raise SourceRefused(f"The mail server {server.where} asks nobody who they are; whose mail it shows is not known.")
    offered = {str(capability).upper() for capability in imap.capabilities}
    # What was offered before the login would be taken for what is offered after it.
    imap.response("CAPABILITY")
    try:
        _send_secret(client, server, login, offered)
    except imaplib.IMAP4.error as exc:
        # imapclient calls every end of a login a refusal, also that of the line.
        cause = exc if isinstance(exc, imaplib.IMAP4.abort) else exc.__context__
        if isinstance(cause, imaplib.IMAP4.abort):
            raise cause from None
        codes = tuple(code for code in RESPONSE_CODES if imap.response(code)[1] != [None])
        raise LoginRefused(codes, str(exc)) from None


def _send_secret(client: Any, server: ImapServer, login: ImapLogin, offered: set[str]) -> None:
    if _UNSENDABLE.intersection(f"{login.user}{login.password or ''}{login.token or ''}"):
        raise SourceRefused("The user, password or token of this source holds a line end or NUL, which IMAP cannot carry.")
    if login.token is not None:
        _send_token(client, server, login.user, login.token, offered)
    elif login.password is None:
        raise SourceRefused(f"There is neither password nor token for the mail server {server.where}.")
    elif "AUTH=PLAIN" in offered:
        client.plain_login(login.user, login.password)
    elif "LOGINDISABLED" in offered:
        why = f"The mail server {server.where} takes no password on this line."
        raise SourceRefused(why, 'Set tls = "tls" or "starttls" of this source, or use a token.')
    else:
        _send_login(client._imap, login.user, login.password)


def _send_token(client: Any, server: ImapServer, user: str, token: str, offered: set[str]) -> None:
    """One answer to the first challenge; a second challenge tells why it was refused and is answered by what ends it."""
    if "AUTH=XOAUTH2" in offered:
        mechanism, answers = "XOAUTH2", [f"user={user}\1auth=Bearer {token}\1\1", ""]
    elif "AUTH=OAUTHBEARER" in offered:
        name = user.replace("=", "=3D").replace(",", "=2C")
        mechanism, answers = "OAUTHBEARER", [f"n,a={name},\1auth=Bearer {token}\1\1", "\1"]
    else:
        why = f"The mail server {server.where} takes no token: it offers neither XOAUTH2 nor OAUTHBEARER."
        raise SourceRefused(why, "Use a password for this source, or have tokens turned on at the server.")
    left = iter(answers)
    client.sasl_login(mechanism, lambda _challenge: next(left, None))


def _send_login(imap: Any, user: str, password: str) -> None:
    """For servers without PLAIN. The library leaves a user name without quotes, so both are quoted here."""
    typ, data = imap._simple_command("LOGIN", _quoted(user), _quoted(password))
    if typ != "OK":
        raise imaplib.IMAP4.error(str(data[-1]))
    imap.state = "AUTH"


def _quoted(text: str) -> bytes:
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
