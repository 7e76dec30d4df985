"""Answers are taken only whole. A line may end in the midst of an answer's headers, and http.client takes what came so far for
all there is: a success that tells of no version, no lock, no entries. On either way to the store that counts as no answer.
"""

from __future__ import annotations

import http.client
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from botocore.exceptions import ConnectionClosedError
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from mypy_boto3_s3.client import S3Client

_PAUSE_S: Final = 0.2


class _WholeLines:
    """Lines of a status and of headers; their end comes only after an empty line."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def readline(self, limit: int) -> bytes:
        line = self._raw.readline(limit)
        if not line.endswith(b"\n") and len(line) < limit:
            raise ConnectionResetError("The line ended in the midst of the headers.")
        return line


class _WholeResponse(http.client.HTTPResponse):
    """An answer whose headers are all there."""

    def begin(self) -> None:
        """Read status and headers. Raises ConnectionResetError where they end too early."""
        raw = self.fp
        self.fp = cast(Any, _WholeLines(cast(BinaryIO, raw)))
        try:
            super().begin()
        finally:
            self.fp = raw


class _WholeHTTPConnection(HTTPConnection):
    response_class = cast(Any, _WholeResponse)


class _WholeHTTPSConnection(HTTPSConnection):
    response_class = cast(Any, _WholeResponse)


class _Pool(HTTPConnectionPool):
    ConnectionCls = cast(Any, _WholeHTTPConnection)


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = cast(Any, _WholeHTTPSConnection)


POOLS: Final = {"http": _Pool, "https": _TLSPool}
"""By scheme, for urllib3's managers."""


def refuse_cut_answers(client: S3Client, attempts: int) -> None:
    """Let boto3 ask again, so many times in all, when an answer ended too early; then raise ConnectionClosedError.

    boto3 takes an empty body for an empty list, does not compare lengths, and its connections cannot be replaced. But what
    we ask through it is told in bodies alone, and S3 tells the length of every body that it sends.
    """

    def asked_again(
        attempts: int, operation: OperationModel, response: tuple[AWSResponse, object] | None, **_told: object
    ) -> float | None:
        if response is None or _is_whole(response[0], is_streamed=operation.has_streaming_output):
            return None
        if attempts >= limit:
            raise ConnectionClosedError(endpoint_url=response[0].url)
        return _PAUSE_S * attempts

    limit = attempts
    client.meta.events.register_first("needs-retry.s3", asked_again)


def _is_whole(answer: AWSResponse, *, is_streamed: bool) -> bool:
    length = answer.headers.get("content-length")
    if length is None:
        return answer.status_code == HTTPStatus.NO_CONTENT or "transfer-encoding" in answer.headers
    return is_streamed or length == str(len(answer.content))  # of a stream, its reader compares
