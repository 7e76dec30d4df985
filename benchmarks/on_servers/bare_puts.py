"""Bare parallel PUTs by boto3, with lock, tags, checksum and condition: BUCKET ENDPOINT MAILDIR PROCESSES THREADS.

Measured is the time from the first PUT to the last: messages are read and clients made before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from mypy_boto3_s3 import S3Client

_TAGS = "record-class=permanent&schedule-item=010&account=bench&na1005-category=1"


def main() -> None:
    """Print how many seconds the PUTs took."""
    bucket, endpoint, mail, processes, threads = sys.argv[1:]
    client(endpoint, 1).create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    files = sorted(entry.path for entry in os.scandir(Path(mail) / "cur"))
    count = int(processes)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count + 1)
    children = [
        context.Process(target=put_all, args=(bucket, endpoint, files[number::count], int(threads), barrier))
        for number in range(count)
    ]
    for child in children:
        child.start()
    barrier.wait()
    began = time.monotonic()
    barrier.wait()
    took = time.monotonic() - began
    for child in children:
        child.join()
    print(json.dumps({"seconds": took, "puts": len(files)}))


def put_all(bucket: str, endpoint: str, files: list[str], threads: int, barrier: Barrier) -> None:
    """Put the messages, all threads at once. The barrier is passed before the first and after the last."""
    s3, raws = client(endpoint, threads), [Path(file).read_bytes() for file in files]
    with ThreadPoolExecutor(threads) as pool:
        barrier.wait()
        for _ in pool.map(lambda raw: put(s3, bucket, raw), raws):
            pass
    barrier.wait()


def put(s3: S3Client, bucket: str, raw: bytes) -> None:
    """One message, with all that the archive gives its objects."""
    digest = hashlib.sha256(raw)
    key = f"records/bench/{digest.hexdigest()[:2]}/{digest.hexdigest()}.eml"
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=raw,
            IfNoneMatch="*",
            ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            ObjectLockLegalHoldStatus="ON",
            Tagging=_TAGS,
        )
    except s3.exceptions.ClientError as exc:
        if exc.response["Error"]["Code"] != "PreconditionFailed":  # the same message twice
            raise


def client(endpoint: str, threads: int) -> S3Client:
    """A client with a connection for each thread."""
    config = Config(max_pool_connections=threads, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    made: S3Client = boto3.session.Session().client("s3", endpoint_url=endpoint, config=config)
    return made


if __name__ == "__main__":
    main()
