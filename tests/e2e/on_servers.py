"""An archive on real servers, as the command line sees it: a bucket, a database and indices of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from servers.elasticsearch import ElasticsearchAccess
from servers.postgres import PostgresAccess
from servers.versitygw import S3Access
from tests.e2e.conftest import CommandLine

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class RealServers:
    """The servers of a test, each by its access."""

    s3: S3Access
    postgres: PostgresAccess
    elasticsearch: ElasticsearchAccess


def line_on(servers: RealServers, folder: Path, more: str = "") -> CommandLine:
    """A command line with settings of its own in `folder`; `more` is added to them, word for word."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"t{uuid4().hex[:12]}"
    (folder / "ledger-url").write_text(servers.postgres.create_database(name))
    (folder / "index-key").write_text(servers.elasticsearch.api_key())
    ca_file = f'ca_file = "{servers.elasticsearch.ca_file}"\n' if servers.elasticsearch.ca_file else ""
    (folder / "capstone.toml").write_text(
        f'[store]\nkind = "s3"\nendpoint_url = "{servers.s3.endpoint_url}"\nbucket = "{name}"\n'
        f'[ledger]\nurl_file = "ledger-url"\n'
        f'[index]\nkind = "elasticsearch"\nurl = "{servers.elasticsearch.url}"\nname = "{name}"\n'
        f'api_key_file = "index-key"\n{ca_file}'
        f"{more}"
    )
    line = CommandLine(folder)
    line.environment |= {**servers.s3.environment(), "CAPSTONE_CONFIG": str(folder / "capstone.toml")}
    return line


def bucket_of(line: CommandLine) -> str:
    """The bucket that the settings of `line_on` name."""
    text = (line.home / "capstone.toml").read_text()
    return text.partition('bucket = "')[2].partition('"')[0]


def plain_client(s3: S3Access) -> S3Client:
    """A client that is none of ours."""
    session = boto3.session.Session(s3.access_key, s3.secret_key, region_name=s3.region)
    return session.client("s3", endpoint_url=s3.endpoint_url, verify=str(s3.ca_file) if s3.ca_file else None)


def versions_of(client: S3Client, bucket: str, prefix: str = "") -> list[dict[str, Any]]:
    """Every version below the prefix, delete markers not included. versitygw tells the last of a page again on the next one."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    listed = [dict(version) for page in pages for version in page.get("Versions", [])]
    return list({(version["Key"], version["VersionId"]): version for version in listed}.values())
