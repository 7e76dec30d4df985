"""Faults of an HTTP server, in front of a real one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from servers.http_faults import HttpFaults
from servers.versitygw import S3Access

pytestmark = pytest.mark.service


@pytest.fixture
def faults(versitygw: S3Access) -> Iterator[HttpFaults]:
    with HttpFaults(versitygw.endpoint_url) as made:
        yield made


@pytest.fixture
def client(faults: HttpFaults, versitygw: S3Access) -> Iterator[Any]:
    made = boto3.client(
        "s3",
        endpoint_url=faults.url,
        region_name=versitygw.region,
        aws_access_key_id=versitygw.access_key,
        aws_secret_access_key=versitygw.secret_key,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    )
    yield made
    made.close()


def test_signed_requests_pass_unchanged(client: Any) -> None:
    bucket = a_bucket(client)
    body = bytes(range(256)) * 4000
    client.put_object(Bucket=bucket, Key="a/b c", Body=body, ChecksumAlgorithm="SHA256")
    assert client.get_object(Bucket=bucket, Key="a/b c")["Body"].read() == body
    assert client.head_object(Bucket=bucket, Key="a/b c")["ContentLength"] == len(body)


def test_so_many_matching_requests_fail_and_the_next_one_passes(client: Any, faults: HttpFaults) -> None:
    bucket = a_bucket(client)
    faults.fail(503, times=2, method="PUT", path=f"/{bucket}/", retry_after_s=7)
    for _ in range(2):
        with pytest.raises(ClientError) as met:
            client.put_object(Bucket=bucket, Key="one", Body=b"1")
        told = met.value.response["ResponseMetadata"]
        assert (told["HTTPStatusCode"], told["HTTPHeaders"]["retry-after"]) == (503, "7")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    client.put_object(Bucket=bucket, Key="one", Body=b"1")
    assert [status for method, _, status in faults.requests if method == "PUT"] == [200, 503, 503, 200]


def test_a_fault_may_come_after_so_many_requests_in_good_order(client: Any, faults: HttpFaults) -> None:
    bucket = a_bucket(client)
    faults.fail(503, method="GET", path=f"/{bucket}", after=2)
    faults.requests.clear()
    for key in ("one", "two"):
        client.put_object(Bucket=bucket, Key=key, Body=b"1")
        client.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError):
        client.list_objects_v2(Bucket=bucket)
    client.list_objects_v2(Bucket=bucket)
    assert [status for method, _, status in faults.requests if method == "GET"] == [200, 200, 503, 200]


def test_an_answer_can_be_lost_after_the_work_was_done(client: Any, faults: HttpFaults) -> None:
    bucket = a_bucket(client)
    faults.fail(500, method="PUT", after_server=True)
    with pytest.raises(ClientError, match="500"):
        client.put_object(Bucket=bucket, Key="one", Body=b"1")
    assert client.get_object(Bucket=bucket, Key="one")["Body"].read() == b"1"


def test_a_mended_server_fails_no_more(client: Any, faults: HttpFaults) -> None:
    faults.fail(500, times=99)
    faults.mend()
    assert a_bucket(client)


def a_bucket(client: Any) -> str:
    name = f"faults-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name)
    return name
