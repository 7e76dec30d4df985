"""The signature of the few plain requests that are sent for every message: botocore's signer, without boto3 around it.

The digest of the body is part of what is signed, so a fault here can only be refused by the server: it cannot store wrong bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()
"""The digest of a body that is not there."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Credentials as they are at this moment, for one region."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str
    token: str | None = field(default=None, repr=False)


class _KnownDigest(S3SigV4Auth):  # type: ignore[misc]
    """Takes the digest that is known already instead of reading the body again."""

    def __init__(self, signer: Signer, digest: str) -> None:
        super().__init__(ReadOnlyCredentials(signer.access_key, signer.secret_key, signer.token), "s3", signer.region)
        self._digest = digest

    def payload(self, request: AWSRequest) -> str:
        return self._digest


def quoted(text: str, keep: str = "") -> str:
    """As S3 wants it in paths (keep "/") and queries: every byte but letters, digits and `-._~` as %XX."""
    return quote(text, safe=keep)


def signed(signer: Signer, method: str, url: str, headers: Mapping[str, str], digest: str) -> dict[str, str]:
    """The headers with the signature among them.

    `url`: whole, its path and sorted query quoted. `headers`: names in lower case. `digest`: SHA-256 of the body.
    """
    request = AWSRequest(method, url, headers=dict(headers))
    _KnownDigest(signer, digest).add_auth(request)
    return dict(request.headers.items())
