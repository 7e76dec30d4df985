"""Buckets, addresses and credentials: the right ones are made and used, each wrong one is refused with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from capstone.domain.errors import CapstoneError, StoreUnavailable, StoreUnfit
from capstone.domain.records import Lock
from connectors.record_store.s3 import S3Place, S3RecordStore
from servers.http_faults import HttpFaults
from servers.processes import free_port
from servers.versitygw import S3Access, Versitygw
from tests.adapters.s3_surroundings import fresh_store, new_bucket, opened, outside_client, place_on, use_credentials
from tests.contracts.record_store import RAW, ref, request, state_of
from tests.services import running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def _credentials(versitygw: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(versitygw, monkeypatch)


@pytest.fixture
def client(versitygw: S3Access) -> Iterator[S3Client]:
    with outside_client(versitygw) as made:
        yield made


def refusal_of(place: S3Place) -> CapstoneError:
    """What `check` says, which must be the same that a first put would be stopped by."""
    with opened(place) as store, pytest.raises((StoreUnfit, StoreUnavailable)) as caught:
        store.check()
    return caught.value


def test_init_makes_a_bucket_with_versions_and_object_lock_and_can_be_repeated(versitygw: S3Access, client: S3Client) -> None:
    with fresh_store(versitygw) as store:
        bucket = store._place.bucket
        store.put_all([request()])
        store.create()
        store.check()
        assert store.get(request().key) == RAW
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_a_bucket_that_is_not_there_is_named_with_the_command_that_makes_it(versitygw: S3Access) -> None:
    told = refusal_of(place_on(versitygw))
    assert isinstance(told, StoreUnfit)
    assert "capstone init" in told.next_step


@pytest.mark.parametrize("versions", [False, True], ids=["no-versions", "no-object-lock"])
def test_a_bucket_that_could_lose_records_is_refused_and_left_as_it_is(
    versitygw: S3Access, client: S3Client, versions: bool
) -> None:
    place = place_on(versitygw)
    client.create_bucket(Bucket=place.bucket)
    if versions:
        client.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    before = client.get_bucket_versioning(Bucket=place.bucket).get("Status")
    with opened(place) as store:
        for begin in (store.check, store.create):
            with pytest.raises(StoreUnfit, match="Object Lock" if versions else "no versions") as caught:
                begin()
            assert "capstone init" in caught.value.next_step
    assert client.get_bucket_versioning(Bucket=place.bucket).get("Status") == before


def test_a_put_into_a_bucket_without_versions_is_refused(versitygw: S3Access, client: S3Client) -> None:
    place = place_on(versitygw)
    client.create_bucket(Bucket=place.bucket)
    with opened(place) as store:
        for lock in (Lock(), Lock(hold=True)):
            with pytest.raises(StoreUnfit):
                store.put_all([request(lock=lock)])


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_bucket_with_a_default_retention_is_refused(versitygw: S3Access, client: S3Client, mode: str) -> None:
    with fresh_store(versitygw) as store:
        client.put_object_lock_configuration(
            Bucket=store._place.bucket,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": mode, "Days": 1}},  # type: ignore[typeddict-item]
            },
        )
        with pytest.raises(StoreUnfit, match="default retention"):
            store.check()


@pytest.mark.parametrize("bucket", ["Bad_Name", "a", "with/slash", ""])
def test_a_name_that_no_bucket_can_have_is_refused(versitygw: S3Access, bucket: str) -> None:
    with opened(S3Place(bucket, versitygw.endpoint_url, path_style=True)) as store, pytest.raises(StoreUnfit):
        store.create()


# --- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "nobody"), ("AWS_ACCESS_KEY_ID", None), ("AWS_PROFILE", "none")],
    ids=["wrong-secret", "unknown-key", "none", "unknown-profile"],
)
def test_wrong_or_missing_credentials_are_named_and_never_shown(
    versitygw: S3Access, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    with fresh_store(versitygw) as store:
        place = store._place
        (stored,) = store.put_all([request()])
    secret = versitygw.secret_key
    if value is None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    else:
        monkeypatch.setenv(name, value)
    told = refusal_of(place)
    assert isinstance(told, StoreUnfit)
    assert "credentials" in told.message
    assert "AWS_ACCESS_KEY_ID" in told.next_step
    assert secret not in f"{told.message} {told.next_step}"
    with opened(place) as store:
        asks = [
            lambda: store.put_all([request("ab/2")]),
            lambda: store.get(stored.key, stored.version_id),
            lambda: list(store.get_all([ref(stored)])),
            lambda: store.states([ref(stored)]),
            lambda: list(store.list_keys("records/")),
            lambda: store.relock(stored.key, stored.version_id, Lock(hold=True)),
        ]
        for ask in asks:
            with pytest.raises(StoreUnfit, match="credentials"):
                ask()


def test_credentials_may_come_from_a_file_of_profiles(
    versitygw: S3Access, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "credentials"
    kept.write_text(f"[archive]\naws_access_key_id={versitygw.access_key}\naws_secret_access_key={versitygw.secret_key}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(kept))
    monkeypatch.setenv("AWS_PROFILE", "archive")
    with fresh_store(versitygw) as store:
        assert store.put_all([request()])[0].is_new


def test_credentials_that_end_soon_are_renewed_between_requests(
    versitygw: S3Access, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "give-credentials"
    program.write_text(
        f"#!/bin/sh\necho once >> {asked}\n"
        f'echo \'{{"Version": 1, "AccessKeyId": "{versitygw.access_key}", "SecretAccessKey": "{versitygw.secret_key}",'
        ' "Expiration": "\'$(date -u -d "+2 minutes" +%Y-%m-%dT%H:%M:%SZ)\'"}\'\n'
    )
    program.chmod(0o700)
    settings = tmp_path / "config"
    settings.write_text(f"[profile archive]\ncredential_process = {program}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings))
    monkeypatch.setenv("AWS_PROFILE", "archive")
    with fresh_store(versitygw, threads=2) as store:
        before = len(asked.read_text().splitlines())
        store.put_all([request()])
        assert store.get(request().key) == RAW
        assert len(asked.read_text().splitlines()) > before


# --- addresses ------------------------------------------------------------------------------------


def test_an_address_where_nobody_listens_is_unavailable(versitygw: S3Access) -> None:
    told = refusal_of(place_on(versitygw, endpoint_url=f"http://127.0.0.1:{free_port()}", attempts=2))
    assert isinstance(told, StoreUnavailable)
    assert "endpoint_url" in told.next_step


@pytest.mark.parametrize("address", ["nonsense", "http://", "http://127.0.0.1:port"])
def test_an_address_that_makes_no_sense_is_refused(versitygw: S3Access, address: str) -> None:
    told = refusal_of(place_on(versitygw, endpoint_url=address, attempts=1))
    assert isinstance(told, StoreUnfit)
    assert "[store]" in told.next_step


def test_the_bucket_may_stand_in_the_hosts_name(versitygw: S3Access) -> None:
    place = S3Place("records", None, "us-gov-west-1")
    with opened(place) as store:
        link = store._open().link
        assert link.wire._host == "records.s3.us-gov-west-1.amazonaws.com"
        assert link.wire._path == ""


def test_a_server_with_tls_is_trusted_by_its_authority_only(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Versitygw(server_folder / "versitygw", tls=True)) as server:
        use_credentials(server, monkeypatch)
        with fresh_store(server) as store:
            (stored,) = store.put_all([request()])
            assert list(store.get_all([ref(stored)])) == [RAW]
            assert state_of(store, stored).lock == Lock(hold=True)
            untrusting = place_on(server, store._place.bucket, ca_file=None, attempts=2)
        told = refusal_of(untrusting)
        assert isinstance(told, StoreUnfit)
        assert "ca_file" in told.next_step
        with opened(untrusting) as store, pytest.raises(StoreUnfit, match="not trusted"):
            store.get(stored.key, stored.version_id)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(server.ca_file))
        with opened(untrusting) as store:
            store.check()
            assert store.get(stored.key, stored.version_id) == RAW


def test_a_proxy_is_used_where_the_surroundings_name_one(versitygw: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpFaults(versitygw.endpoint_url) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with fresh_store(versitygw) as store:
            (stored,) = store.put_all([request()])
            assert store.get(stored.key, stored.version_id) == RAW
        through = [target for method, target, _ in proxy.requests if method == "PUT" and target.endswith(stored.key)]
        assert through == [f"{versitygw.endpoint_url}/{store._place.bucket}/{stored.key}"]


def test_nothing_is_asked_before_the_first_call() -> None:
    S3RecordStore(S3Place(new_bucket(), f"http://127.0.0.1:{free_port()}")).close()
