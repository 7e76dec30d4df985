"""What Microsoft Graph's answers and a broken line mean, in the archive's own errors.

The server's own words may name people, so no message quotes them: status and error code are all that is told.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from capstone.domain.errors import CapstoneError, ServerBusy, SourceMissing, SourceRefused, SourceUnavailable

_NO_MAILBOX = frozenset(
    {
        "ErrorInvalidUser",
        "ErrorNonExistentMailbox",
        "MailboxNotEnabledForRESTAPI",
        "MailboxNotHostedInExchangeOnline",
        "Request_ResourceNotFound",
        "ResourceNotFound",
    }
)
GONE = frozenset({"ErrorItemNotFound", "itemNotFound"})
"""The item or folder is not there any more."""

RESYNC_STATUS = (400, 404, 410)
"""What a state token is refused with: 410 (`SyncStateNotFound`, `resyncRequired`), 400 for one that cannot be read, 404 for the
path that it names. Whatever the code, the answer is to read the folder from its beginning."""

READ_NEXT = (
    "Grant the application the permission Mail.Read (application, with administrator's consent); where the tenant limits "
    "applications to mailboxes (RBAC for Applications, application access policy), add this mailbox."
)
_CA_NEXT = "Set ca_file of this source to the certificate of the authority that signed the server's, or have that renewed."
_CODE = re.compile(r"[A-Za-z0-9_.]{1,80}")
_AADSTS = re.compile(r"AADSTS\d{1,8}")


class GraphError(Exception):
    """The server answered with an error: `status` and `code`; `pause_s` is what it asks to wait."""

    def __init__(self, status: int, code: str = "", pause_s: float | None = None) -> None:
        """`code` is shown, so it is one word of letters and digits or nothing."""
        super().__init__(f"{status} {code}")
        self.status, self.pause_s = status, pause_s
        self.code = code if _CODE.fullmatch(code) else ""

    @property
    def told(self) -> str:
        """For messages."""
        return f"{self.status}, {self.code}" if self.code else str(self.status)


class BrokenAnswer(Exception):
    """The answer is not what the interface promises, such as JSON that ends too early."""


class TokenRefused(Exception):
    """No token was given: `code` is one of OAuth's, `words` the server's text, of which only its number is shown."""

    def __init__(self, code: str, words: str = "") -> None:
        """Neither is shown as it came."""
        super().__init__("token refused")
        self.code = code if _CODE.fullmatch(code) else ""
        self.number = next(iter(_AADSTS.findall(words)), "")


def concerns_folder(error: GraphError) -> bool:
    """Whether a folder is refused for itself: it is not found, or cannot be shown as it is asked for."""
    return error.code in GONE or error.status in (400, 404, 405)


def concerns_all(error: Exception) -> bool:
    """Whether it says nothing of what was asked for: the token is not taken, or the server asks to wait."""
    return isinstance(error, GraphError) and error.status in (401, 429)


def told_of(error: Exception) -> str:
    """For messages."""
    return error.told if isinstance(error, GraphError) else "no answer that can be read"


_TOO_SLOW = (httpx.TimeoutException, httpcore.TimeoutException)
_OUT_OF_REACH = (httpx.ConnectError, httpcore.ConnectError)
_LINE = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)
NO_ANSWER = (httpx.TransportError, httpx.DecodingError, *_LINE, BrokenAnswer)
"""No whole answer: asking again may help."""


@contextmanager
def vendor_errors(where: str) -> Iterator[None]:
    """Everything that httpx, httpcore and the server's answers raise, as named errors. `where` names the server."""
    try:
        yield
    except (GraphError, TokenRefused, httpx.HTTPError, httpx.InvalidURL, *_LINE, BrokenAnswer) as exc:
        raise to_source_error(exc, where) from exc


def to_source_error(error: Exception, where: str) -> CapstoneError:
    """The named error that an answer or a failure of the line stands for."""
    if isinstance(error, GraphError):
        return _answer_error(error, where)
    if isinstance(error, TokenRefused):
        told = ", ".join(filter(None, (error.code, error.number))) or "no reason given"
        why = f"No token was given for the mail server {where} ({told})."
        return SourceRefused(why, "Check tenant, client_id and the secret or certificate of this source.")
    if (verify := untrusted(error)) is not None:
        return SourceRefused(f"The certificate of the mail server {where} is not trusted: {verify}.", _CA_NEXT)
    return SourceUnavailable(f"The mail server {where} {_line_words(error)}.")


def _answer_error(error: GraphError, where: str) -> CapstoneError:
    if error.status == 401:
        return SourceRefused(f"The mail server {where} does not take this application's token ({error.told}).")
    if error.status == 403:
        return SourceRefused(f"The mail server {where} does not let this application read the mailbox ({error.told}).", READ_NEXT)
    if error.status == 404 and error.code in _NO_MAILBOX:
        why = f"The mail server {where} knows no such mailbox ({error.told})."
        return SourceMissing(why, "Check `mailbox` of this source; one that is on premises is read by EWS.")
    if error.status == 429:
        return ServerBusy(f"The mail server {where} asks for fewer requests ({error.told}).")
    return SourceUnavailable(f"The mail server {where} did not do what was asked ({error.told}).")


def untrusted(error: BaseException | None) -> str | None:
    """Why a certificate is not trusted, where that is the reason. httpx chains the cause, more than once."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None


def _line_words(error: Exception) -> str:
    if isinstance(error, _TOO_SLOW):
        return "did not answer in time"
    if isinstance(error, _OUT_OF_REACH):
        return "cannot be reached"
    return "gave no whole answer, or the line broke"
