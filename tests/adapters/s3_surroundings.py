"""A bucket of its own for every test, and a client that is not ours, to lay damage and to look from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from connectors.record_store.s3 import S3Place, S3RecordStore
from servers.versitygw import S3Access

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NUMBERS = count()
_RUN = uuid4().hex[:8]


def use_credentials(server: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the server, from the environment and from nowhere else."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")


def new_bucket() -> str:
    return f"capstone-test-{_RUN}-{next(_NUMBERS)}"


def place_on(server: S3Access, bucket: str | None = None, **changes: Any) -> S3Place:
    """A bucket on the server; waits that tests can afford."""
    made = S3Place(bucket or new_bucket(), server.endpoint_url, server.region, server.ca_file, path_style=True)
    return replace(made, **changes)


@contextmanager
def opened(place: S3Place, **options: Any) -> Iterator[S3RecordStore]:
    store = S3RecordStore(place, **options)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def fresh_store(server: S3Access, **options: Any) -> Iterator[S3RecordStore]:
    """A store in a bucket that was made for it."""
    with opened(place_on(server), **options) as store:
        store.create()
        yield store


@contextmanager
def outside_client(server: S3Access, *, ca_file: Path | None = None) -> Iterator[S3Client]:
    """boto3, bare."""
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        verify=str(ca_file) if ca_file else None,
        config=Config(s3={"addressing_style": "path"}),
    )
    try:
        yield client
    finally:
        client.close()
