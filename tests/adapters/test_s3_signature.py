"""What is signed is the request that goes out; secrets are not shown."""

from __future__ import annotations

from connectors.record_store.s3_signature import EMPTY_DIGEST, Signer, quoted, signed

EXAMPLE = Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "token")
URL = "https://store.agency.example:9000/bucket/records/a.eml?tagging="


def test_every_header_and_the_digest_of_the_body_are_signed() -> None:
    told = signed(
        EXAMPLE, "PUT", URL, {"host": "store.agency.example:9000", "x-amz-object-lock-mode": "GOVERNANCE"}, EMPTY_DIGEST
    )
    names = told["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert names == sorted(
        ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-object-lock-mode", "x-amz-security-token"],
    )
    assert told["X-Amz-Content-SHA256"] == EMPTY_DIGEST
    assert told["X-Amz-Security-Token"] == "token"


def test_another_digest_gives_another_signature() -> None:
    one, other = (signed(EXAMPLE, "PUT", URL, {}, digest)["Authorization"] for digest in (EMPTY_DIGEST, "ab" * 32))
    assert one != other


def test_keys_are_quoted_byte_for_byte() -> None:
    assert quoted("a b/ü+~.eml", "/") == "a%20b/%C3%BC%2B~.eml"


def test_secrets_are_not_shown() -> None:
    shown = repr(Signer("id", "the-secret", "us-east-1", "the-token"))
    assert "the-secret" not in shown
    assert "the-token" not in shown
