"""How each server lets somebody in, and whom it refuses."""

from __future__ import annotations

import imaplib
import ssl
import uuid
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError

from servers.dovecot import Dovecot
from servers.elasticsearch import ElasticsearchAccess
from servers.errors import ServerError
from servers.postgres import PostgresAccess
from servers.versitygw import S3Access, Versitygw
from tests.services import needed_programs

pytestmark = pytest.mark.service


def test_a_database_is_created_once_and_only_the_right_password_opens_it(postgres: PostgresAccess) -> None:
    role = "reader_of_servers"
    url = postgres.create_database("servers")
    assert postgres.create_database("servers") == url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {role}")
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'right/word@'")
    with psycopg.connect(postgres.url("servers", role, "right/word@")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url("servers", role, "wrong"))
    postgres.drop_database("servers")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_mail_opens_by_password_or_token_over_every_kind_of_line(dovecot: Dovecot) -> None:
    trusted = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as line:
        line.starttls(trusted)
        assert line.login("ada@agency.example", dovecot.password)[0] == "OK"
    bearer = f"user=ada@agency.example\x01auth=Bearer {dovecot.token}\x01\x01".encode()
    with imaplib.IMAP4_SSL("127.0.0.1", dovecot.tls_port, ssl_context=trusted) as line:
        assert line.authenticate("XOAUTH2", lambda _: bearer)[0] == "OK"


@pytest.mark.parametrize("secret", ["token", "wrong"])
def test_a_wrong_password_is_refused_and_so_is_the_token_in_its_place(dovecot: Dovecot, secret: str) -> None:
    word = dovecot.token if secret == "token" else secret
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as line, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        line.login("ada@agency.example", word)


def test_a_file_in_the_mail_folder_is_a_message(dovecot: Dovecot) -> None:
    (dovecot.mail_folder("bo@agency.example") / "new" / "1.here").write_bytes(b"Subject: one\r\n\r\nbody\r\n")
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as line:
        line.login("bo@agency.example", dovecot.password)
        assert line.select("INBOX", readonly=True)[1] == [b"1"]
        assert line.fetch("1", "(BODY.PEEK[])")[1][0][1] == b"Subject: one\r\n\r\nbody\r\n"  # type: ignore[index]


def test_the_special_folders_are_declared(dovecot: Dovecot) -> None:
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as line:
        line.login("cy@agency.example", dovecot.password)
        listed = b"\n".join(part for part in line.list()[1] if isinstance(part, bytes))
    assert all(word in listed for word in (b"\\Sent", b"\\Drafts", b"\\Trash", b"\\Junk", b"\\Archive"))


def test_another_separator_and_more_namespaces_can_be_had(server_folder: Path) -> None:
    shared = "namespace others {\n  prefix = Others.\n  separator = .\n  location = maildir:~/Others\n}"
    with needed_programs(), Dovecot.started(server_folder, separator=".", layout="fs", extra=shared) as server:
        with imaplib.IMAP4("127.0.0.1", server.port) as line:
            line.login("dee", server.password)
            assert line.create("One.Two")[0] == "OK"
            assert line.create("Others.Three")[0] == "OK"
        assert (server.mail_folder("dee") / "One" / "Two").is_dir()
        assert (server.mail_folder("dee").parent / "Others" / ".Three").is_dir()


def test_a_locked_version_cannot_be_deleted(versitygw: S3Access) -> None:
    _refuses_to_delete_a_locked_version(versitygw)


def test_object_storage_can_speak_tls_under_its_own_authority(server_folder: Path) -> None:
    with needed_programs(), Versitygw.started(server_folder, tls=True) as server:
        assert server.endpoint_url.startswith("https:")
        _refuses_to_delete_a_locked_version(server)


@pytest.mark.slow
def test_an_api_key_opens_the_index_and_a_wrong_one_does_not(elasticsearch: ElasticsearchAccess) -> None:
    elasticsearch.ask("PUT", "/servers", {"mappings": {"dynamic": "strict"}})
    key = elasticsearch.api_key("reader", {"reader": {"index": [{"names": ["servers"], "privileges": ["read"]}]}})
    reader = ElasticsearchAccess(elasticsearch.url, elasticsearch.ca_file, f"ApiKey {key}")
    assert reader.ask("GET", "/servers/_count")["count"] == 0
    with pytest.raises(ServerError, match="403"):
        reader.ask("DELETE", "/servers")
    stranger = ElasticsearchAccess(elasticsearch.url, elasticsearch.ca_file, "ApiKey d3Jvbmc6d3Jvbmc=")
    with pytest.raises(ServerError, match="401"):
        stranger.ask("GET", "/servers/_count")
    elasticsearch.ask("DELETE", "/servers")


def _refuses_to_delete_a_locked_version(access: S3Access) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        verify=str(access.ca_file) if access.ca_file else None,
    )
    bucket = f"servers-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    made = client.put_object(Bucket=bucket, Key="one", Body=b"kept", ObjectLockLegalHoldStatus="ON")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket, Key="one", VersionId=made["VersionId"])
    client.close()
