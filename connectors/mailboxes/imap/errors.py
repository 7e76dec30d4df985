"""What an IMAP server's answers and a broken line mean, in the archive's own errors.

The server's own words may name people, so no message quotes them: a response code (RFC 5530) is all that is told.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient.exceptions import ProtocolError  # type: ignore[import-untyped]

from capstone.domain.errors import CapstoneError, ServerBusy, SourceRefused, SourceUnavailable

_REFUSALS = {
    "AUTHENTICATIONFAILED": "does not take this user with this password or token",
    "AUTHORIZATIONFAILED": "does not let this user in",
    "EXPIRED": "says that the password or token has expired",
    "PRIVACYREQUIRED": "asks for encryption before it takes a login",
    "CONTACTADMIN": "asks that its administrator be called",
    "NOPERM": "does not let this user read the folder",
}
_PASSING = ("UNAVAILABLE", "INUSE", "SERVERBUG")
RESPONSE_CODES = ("LIMIT", *_PASSING, *_REFUSALS)
"""Those that a refused login may carry and that mean something here."""

_BUSY_WORDS = ("too many", "maximum number of connections")
_TLS_NEXT = "Check port and tls of this source: tls for port 993, starttls for port 143."
_CA_NEXT = "Set ca_file of this source to the certificate of the authority that signed the server's, or have that renewed."


class LoginRefused(imaplib.IMAP4.error):
    """The server answered a login by NO: `codes` are its response codes, `words` its text, for telling causes apart only."""

    def __init__(self, codes: tuple[str, ...], words: str) -> None:
        """Neither is ever shown."""
        super().__init__("login refused")
        self.codes, self.words = codes, words


DROPS = (imaplib.IMAP4.abort, OSError)
"""What a lost line raises."""

NO_ANSWER = (*DROPS, ProtocolError)
"""The same, and what an answer raises that the library cannot read."""


def is_dropped(error: BaseException) -> bool:
    """Whether the line is lost and a new one may do: no answer in time, cut, or ended by the server."""
    return isinstance(error, DROPS) and not isinstance(error, ssl.SSLCertVerificationError)


@contextmanager
def vendor_errors(where: str) -> Iterator[None]:
    """Everything that imaplib, imapclient and the line raise, as named errors. `where` names the server."""
    try:
        yield
    except (imaplib.IMAP4.error, OSError) as exc:
        raise to_source_error(exc, where) from exc


def to_source_error(error: Exception, where: str) -> CapstoneError:
    """The named error that an answer or a failure of the line stands for."""
    if isinstance(error, LoginRefused):
        return _login_error(error, where)
    if isinstance(error, imaplib.IMAP4.error):
        return _answer_error(str(error), where, "broke the line" if is_dropped(error) else "did not do what was asked")
    if isinstance(error, ssl.SSLError):
        return _tls_error(error, where)
    return SourceUnavailable(f"The mail server {where} {_line_words(error)}.")


def _login_error(error: LoginRefused, where: str) -> CapstoneError:
    if "LIMIT" in error.codes or _is_busy(error.words):
        return ServerBusy(f"The mail server {where} allows no more connections of this user now.")
    if code := next((code for code in _PASSING if code in error.codes), None):
        return SourceUnavailable(f"The mail server {where} cannot log anybody in now ({code}).")
    code = next((code for code in _REFUSALS if code in error.codes), "AUTHENTICATIONFAILED")
    return SourceRefused(f"The mail server {where} {_REFUSALS[code]}.")


def _answer_error(words: str, where: str, what: str) -> CapstoneError:
    """A greeting, a BYE, or an answer that is no OK. imaplib gives it as text, the response code in brackets."""
    if "[LIMIT]" in words or _is_busy(words):
        return ServerBusy(f"The mail server {where} allows no more connections now.")
    code = next((code for code in (*_PASSING, *_REFUSALS) if f"[{code}]" in words), None)
    if code in _REFUSALS:
        return SourceRefused(f"The mail server {where} {_REFUSALS[code]}.")
    return SourceUnavailable(f"The mail server {where} {what}" + (f" ({code})." if code else "."))


def _tls_error(error: ssl.SSLError, where: str) -> CapstoneError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceRefused(f"The certificate of the mail server {where} is not trusted: {error.verify_message}.", _CA_NEXT)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return SourceUnavailable(f"The mail server {where} ended the line.")
    return SourceRefused(f"The mail server {where} could not agree on encryption with us ({error.reason}).", _TLS_NEXT)


def _line_words(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "is not known by that name"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "takes no connections"
    return "cannot be reached, or the line broke"


def _is_busy(words: str) -> bool:
    return any(phrase in words.lower() for phrase in _BUSY_WORDS)
