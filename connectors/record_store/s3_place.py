"""Where an S3 store is, and the two ways to it: boto3 for what is rare, the wire for what is sent for every message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from capstone.domain.errors import StoreUnfit
from connectors.record_store.s3_errors import vendor_errors
from connectors.record_store.s3_signature import Signer
from connectors.record_store.s3_whole import refuse_cut_answers
from connectors.record_store.s3_wire import Address, Wire

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

FIRST_REGION = "us-east-1"
"""The region that S3 means where none is named."""


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket and the way to it. What is None is taken from the usual AWS settings: environment, profile, role."""

    bucket: str
    endpoint_url: str | None = None
    region: str | None = None
    ca_file: Path | None = None
    """The authority that signed the server's certificate, where the machine does not trust it already."""
    path_style: bool = False
    """The bucket's name in the path and not in the host's name, as most servers but AWS want it."""
    connect_timeout_s: float = 5
    read_timeout_s: float = 60
    attempts: int = 4


@dataclass(frozen=True, slots=True)
class Link:
    """An open way to one bucket; any thread may use it."""

    bucket: str
    region: str
    client: S3Client
    wire: Wire


def open_link(place: S3Place, connections: int) -> Link:
    """Find settings and credentials; nothing is asked of the store yet. Raises StoreUnfit where they are missing or senseless."""
    with vendor_errors():
        try:
            return _open(place, connections)
        except ValueError as exc:  # botocore's word for an endpoint that is no address
            raise StoreUnfit("The address of the record store makes no sense.", "Correct [store] endpoint_url.") from exc


def _open(place: S3Place, connections: int) -> Link:
    core = botocore.session.get_session()
    session = boto3.session.Session(botocore_session=core)
    region = place.region or session.region_name or FIRST_REGION
    ca_file = str(place.ca_file) if place.ca_file else core.get_config_variable("ca_bundle")
    client = session.client(
        "s3", endpoint_url=place.endpoint_url, region_name=region, verify=ca_file, config=_config(place, connections)
    )
    refuse_cut_answers(client, place.attempts)
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    # Asked of boto3, so that both ways go to the same host: GovCloud, FIPS and dual-stack endpoints, virtual hosts or paths.
    example = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": place.bucket, "Key": "k"}))
    address = Address(
        f"{example.scheme}://{example.netloc}{example.path.removesuffix('/k')}",
        place.connect_timeout_s,
        place.read_timeout_s,
        place.attempts,
        connections,
        ca_file,
    )
    return Link(place.bucket, region, client, Wire(address, _signer_source(cast(Credentials, credentials), region)))


def _config(place: S3Place, connections: int) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=place.connect_timeout_s,
        read_timeout=place.read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": place.attempts},
        max_pool_connections=connections,
        s3={"addressing_style": "path" if place.path_style else "auto"},
        # Other servers than AWS may not know the checksums that boto3 adds by itself; where S3 demands one, it is sent.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
    )


def _signer_source(credentials: Credentials, region: str) -> Callable[[], Signer]:
    def signer() -> Signer:
        with_key = credentials.get_frozen_credentials()  # renews what is about to end
        return Signer(with_key.access_key, with_key.secret_key, region, with_key.token)

    return signer
