"""What an S3 server's refusals, and failures on the way to it, mean for the archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import urllib3.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)

from capstone.domain.errors import (
    CapstoneError,
    FixityMismatch,
    ObjectMissing,
    ObjectTooLarge,
    StoreUnavailable,
    StoreUnfit,
)

PRECONDITION_FAILED = "PreconditionFailed"
NO_LOCK = "NoSuchObjectLockConfiguration"
DENIED = "AccessDenied"
INVALID = "InvalidArgument"

_GIVE_CREDENTIALS = (
    "Give credentials by the usual AWS ways: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of the machine."
)
_MISSING = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}
OTHER_BYTES = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"}
_WRONG_CREDENTIALS = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "XAdminUserNotFound",
}
_WRONG_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_TRY_AGAIN = {
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "TemporaryRedirect",
}
_TRY_AGAIN_STATUS = {
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"}
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


class Refusal(Exception):
    """An answer that is no success, in the server's own words: `code` and HTTP `status`. It does not leave this package."""

    def __init__(self, code: str, status: int, retry_after_s: float = 0.0) -> None:
        super().__init__(code)
        self.code, self.status, self.retry_after_s = code, status, retry_after_s

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.code in _TRY_AGAIN or self.status in _TRY_AGAIN_STATUS


@contextmanager
def vendor_errors(what: str = "the record store", *, asks_version: bool = False) -> Iterator[None]:
    """Turn refusals and failures of botocore and urllib3 into named errors; named errors and bugs pass through.

    `what` names the object or bucket. `asks_version`: a version id is asked about, and one that makes no sense is missing too.
    """
    try:
        yield
    except Refusal as exc:
        raise refused(exc, what, asks_version=asks_version) from exc
    except ClientError as exc:
        raise refused(refusal_in(exc), what, asks_version=asks_version) from exc
    except BotoCoreError as exc:
        raise _not_sent(exc) from exc
    except urllib3.exceptions.HTTPError as exc:
        raise _not_answered(exc) from exc


def refusal_in(exc: ClientError) -> Refusal:
    """The refusal that boto3 tells of."""
    code = exc.response.get("Error", {}).get("Code", "")
    return Refusal(code, exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def refused(refusal: Refusal, what: str, *, asks_version: bool = False) -> CapstoneError:
    """The named error that an answer stands for. `what` names the object or bucket, never content."""
    code, status = refusal.code, refusal.status
    if code in _MISSING or (asks_version and code == INVALID):
        return ObjectMissing(f"The store has no object {what}.")
    if code in OTHER_BYTES:
        return FixityMismatch(f"The bytes given for {what} do not have the digest given with them.")
    if code == "EntityTooLarge":
        return ObjectTooLarge(f"The store does not take an object as large as {what}.")
    if code in _FULL or status == HTTPStatus.INSUFFICIENT_STORAGE:
        return StoreUnavailable("The record store is full.", "Give it room or raise its quota, then run again.")
    if refusal.may_pass:
        return StoreUnavailable(
            f"The record store could not do its work: it answered {code or status}.",
            "See what the server says of itself; the next run takes up what is left.",
        )
    return _unfit(code, status, what)


def _unfit(code: str, status: int, what: str) -> StoreUnfit:
    said = f"({code or status})"
    if code == "NoSuchBucket":
        return StoreUnfit(f"There is no bucket for the record store {said}.", "Correct [store] bucket, or run 'capstone init'.")
    if code in _WRONG_CREDENTIALS:
        return StoreUnfit(f"The record store does not accept these credentials {said}.", _GIVE_CREDENTIALS)
    if code in _WRONG_REGION or status == HTTPStatus.MOVED_PERMANENTLY:
        return StoreUnfit(f"The bucket of the record store is in another region {said}.", "Correct [store] region.")
    if code == "RequestTimeTooSkewed":
        return StoreUnfit(f"The clocks of this machine and of the record store differ {said}.", "Set this machine's clock.")
    if code == DENIED or status == HTTPStatus.FORBIDDEN:
        return StoreUnfit(
            f"These credentials may not do what is asked of {what} {said}.",
            "Give them the rights that docs/runbook.md lists for the record store, for this bucket and its objects.",
        )
    return StoreUnfit(
        f"The record store refused a request about {what} {said}.", "See docs/runbook.md for stores that are known to work."
    )


def _not_sent(exc: BotoCoreError) -> CapstoneError:
    if isinstance(exc, _NO_CREDENTIALS):
        return StoreUnfit("There are no usable credentials for the record store.", _GIVE_CREDENTIALS)
    if isinstance(exc, SSLError):
        return _not_trusted()
    if isinstance(exc, HTTPClientError | NoConnection):
        return _not_reached(exc)
    return StoreUnfit(
        f"The record store cannot be asked with these settings ({type(exc).__name__}).", "Correct the section [store]."
    )


def _not_answered(exc: urllib3.exceptions.HTTPError) -> CapstoneError:
    return _not_trusted() if isinstance(exc, urllib3.exceptions.SSLError) else _not_reached(exc)


def _not_trusted() -> StoreUnfit:
    return StoreUnfit(
        "The certificate of the record store is not trusted.", "Name the authority that signed it in [store] ca_file."
    )


def _not_reached(exc: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"The record store does not answer ({type(exc).__name__}).",
        "Check [store] endpoint_url, the network and the server; the next run takes up what is left.",
    )
