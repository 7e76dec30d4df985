"""The bucket itself: made right by `init`, and refused at the start where it could not keep records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from capstone.domain.errors import StoreUnfit
from connectors.record_store.s3_errors import refusal_in
from connectors.record_store.s3_place import FIRST_REGION, Link

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType

_NO_CONFIGURATION = "ObjectLockConfigurationNotFoundError"
_OURS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_MAKE_ANEW = "Name a bucket that is not there yet in [store] bucket and run 'capstone init', which makes it right."


def create_bucket(link: Link) -> None:
    """Make the bucket with versions and Object Lock. One that is there is left as it is; `check_bucket` judges it."""
    try:
        if link.region == FIRST_REGION:
            link.client.create_bucket(Bucket=link.bucket, ObjectLockEnabledForBucket=True)
        else:
            place: BucketLocationConstraintType = link.region  # type: ignore[assignment]  # any server's region, not only AWS's
            link.client.create_bucket(
                Bucket=link.bucket, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": place}
            )
    except ClientError as exc:
        if refusal_in(exc).code not in _OURS:
            raise


def check_bucket(link: Link) -> None:
    """Raise StoreUnfit unless records put here stay what they are, under the locks that they are given and no others."""
    if link.client.get_bucket_versioning(Bucket=link.bucket).get("Status") != "Enabled":
        raise StoreUnfit(f"The bucket {link.bucket} keeps no versions, so that a record could be overwritten.", _MAKE_ANEW)
    try:
        found = link.client.get_object_lock_configuration(Bucket=link.bucket)["ObjectLockConfiguration"]
    except ClientError as exc:
        if refusal_in(exc).code != _NO_CONFIGURATION:
            raise
        found = {}
    if found.get("ObjectLockEnabled") != "Enabled":
        raise StoreUnfit(f"The bucket {link.bucket} has no Object Lock, so that a record could be deleted.", _MAKE_ANEW)
    if found.get("Rule", {}).get("DefaultRetention"):
        raise StoreUnfit(
            f"The bucket {link.bucket} has a default retention: it would lock records for longer than their schedule says.",
            "Take the default retention off the bucket; each record gets its own lock.",
        )
