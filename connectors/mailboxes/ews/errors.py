"""What an Exchange server's answers and a broken line mean, in the archive's own errors.

The server's words and what exchangelib makes of them may quote a mailbox, so none is told: the name of a response code is. For
the same reason these errors are not chained: exchangelib keeps whole answers in its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import lxml.etree
import requests
from exchangelib import errors as ews

from capstone.domain.errors import CapstoneError, ServerBusy, SourceMissing, SourceRefused, SourceUnavailable


class Forbidden(ews.EWSError):  # type: ignore[misc]
    """The server knows the user and does not let it use Exchange Web Services."""


class NotThere(ews.EWSError):  # type: ignore[misc]
    """There is no service at this address."""


class Incomplete(ews.MalformedResponseError):  # type: ignore[misc]
    """What came is no whole answer: the line broke, or something between here and the server answered in its place."""


BUSY = (ews.ErrorServerBusy, ews.ErrorExceededConnectionCount, ews.ErrorTooManyObjectsOpened)
"""The server asks for patience."""

PASSING = (
    ews.ErrorTimeoutExpired,
    ews.ErrorInternalServerTransientError,
    ews.ErrorConnectionFailedTransientError,
    ews.ErrorConnectionFailed,
    ews.ErrorMailboxStoreUnavailable,
    ews.ErrorADUnavailable,
    Incomplete,
)
"""A little later it may work. A lost line is told as ErrorTimeoutExpired."""

NO_ANSWER = (*PASSING, ews.SOAPError, ews.MalformedResponseError, ews.ErrorMessageSizeExceeded, ews.ErrorInternalServerError)
"""What one item among several may be the cause of."""

STUMBLES = (lxml.etree.LxmlError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What exchangelib raises over an answer that only looks like one."""

DENIED = (ews.ErrorAccessDenied,)
ABSENT = (ews.ErrorFolderNotFound, ews.ErrorSyncFolderNotFound, ews.ErrorItemNotFound, ews.ErrorManagedFoldersRootFailure)

IMPERSONATION = (ews.ErrorImpersonateUserDenied, ews.ErrorImpersonationDenied, ews.ErrorImpersonationFailed)
_NO_MAILBOX = (ews.ErrorNonExistentMailbox, ews.ErrorMissingEmailAddress, ews.ErrorNameResolutionNoMailbox)
_CERTIFICATE_NEXT = (
    "Set ca_file of this source to the certificate of the authority that signed the server's, or have that renewed."
)
_FORBIDDEN_NEXT = (
    "Ask an Exchange administrator whether EWS is open to it. Exchange Online has it blocked since October 2026: "
    'use kind = "graph" there.'
)
ASK_IMPERSONATION = (
    "Ask an Exchange administrator to give this user the role ApplicationImpersonation over the mailbox, or set access = "
    '"delegate" and have full access to the mailbox given.'
)
ASK_ACCESS = "Ask an Exchange administrator to give this user full access to the mailbox (or the role ApplicationImpersonation)."


def right_missing(error: Exception) -> str:
    """What is not permitted and what to ask for, as a sentence."""
    is_impersonation = isinstance(error, IMPERSONATION)
    what = "This user may not act for the mailbox." if is_impersonation else "This user may not open the mailbox."
    return f"{what} {ASK_IMPERSONATION if is_impersonation else ASK_ACCESS}"


@contextmanager
def vendor_errors(where: str) -> Iterator[None]:
    """Everything that exchangelib, requests and the line raise, as named errors. `where` names the server."""
    try:
        yield
    except (ews.EWSError, lxml.etree.LxmlError, requests.RequestException, OSError) as exc:
        raise to_source_error(exc, where) from None


def to_source_error(error: Exception, where: str) -> CapstoneError:
    """The named error that an answer or a failure of the line stands for."""
    if isinstance(error, IMPERSONATION):
        return SourceRefused(f"The Exchange server {where} does not let this user act for the mailbox.", ASK_IMPERSONATION)
    if isinstance(error, DENIED):
        return SourceRefused(f"The Exchange server {where} does not let this user into the mailbox.", ASK_ACCESS)
    if isinstance(error, ews.UnauthorizedError):
        return SourceRefused(f"The Exchange server {where} does not take this user with this password, ticket or token.")
    if isinstance(error, Forbidden):
        return SourceRefused(f"{where} does not allow Exchange Web Services to this user.", _FORBIDDEN_NEXT)
    if isinstance(error, NotThere):
        return SourceMissing(f"{where} has no Exchange Web Services at this address.", "Check `url` of this source.")
    if isinstance(error, _NO_MAILBOX):
        return SourceMissing(f"The Exchange server {where} has no such mailbox.", "Check `mailbox` of this source.")
    if isinstance(error, (ews.RateLimitError, *BUSY)):
        return ServerBusy(f"The Exchange server {where} asks for patience ({_code(error)}).")
    if _is_certificate(error):
        return SourceRefused(f"The certificate of the Exchange server {where} is not trusted.", _CERTIFICATE_NEXT)
    return SourceUnavailable(f"The Exchange server {where} did not do what was asked, or the line broke ({_code(error)}).")


def _code(error: Exception) -> str:
    return type(error).__name__


def _is_certificate(error: Exception) -> bool:
    """exchangelib tells what the line found wrong in words only."""
    is_tls = isinstance(error, requests.exceptions.SSLError) or type(error) is ews.TransportError
    return is_tls and "certificate" in str(error).lower()
