"""Where things lie in the store, and ids that sort by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from capstone.domain import layout

DIGEST = "ab" + "0" * 62
NOW = datetime(2026, 1, 31, 23, 59, 59, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("director", True), ("a", True), ("9-x", True), ("a" * 63, True), ("a" * 64, False), ("-a", False), ("A", False),
     ("", False), ("a/b", False), ("a.b", False), ("a\n", False)],
)  # fmt: skip
def test_an_account_id_is_narrow(text: str, fits: bool) -> None:
    assert layout.is_account(text) is fits


def test_keys_are_those_of_the_design() -> None:
    run = layout.run_id_at(NOW, "beef")
    assert layout.record_key("director", DIGEST) == f"records/director/ab/{DIGEST}.eml"
    assert layout.digest_in_record_key(layout.record_key("director", DIGEST)) == DIGEST
    assert layout.quarantine_key("Old Files!", DIGEST) == f"quarantine/old-files/ab/{DIGEST}"
    assert layout.quarantine_key("..", DIGEST) == f"quarantine/source/ab/{DIGEST}"
    assert layout.manifest_key("director", run, 7) == f"manifests/director/2026/01/{run}-000007.jsonl"
    assert layout.run_in_manifest_key(layout.manifest_key("director", run, 7)) == run
    assert layout.decision_key(12, NOW) == "decisions/2026/01/000000012.json"
    assert layout.decision_number("decisions/2026/01/000000012.json") == 12
    assert layout.is_manifest_key(layout.manifest_key("director", run, 7))
    assert layout.is_manifest_key(layout.manifest_key(layout.NO_ACCOUNT, run, 7))
    assert layout.is_audit_key(layout.audit_key(DIGEST, NOW))
    assert layout.audit_key(DIGEST, NOW) == f"audit/2026/01/31/{DIGEST}.json"


@pytest.mark.parametrize(
    "name", ["decisions/", "decisions/2026/01/", "decisions/2026/01/000000012.json.bak", "decisions/notes.txt"]
)
def test_what_others_put_beside_decisions_has_no_number(name: str) -> None:
    assert layout.decision_number(name) is None


@pytest.mark.parametrize("name", ["manifests/", "manifests/director/", "manifests/director/2026/01/", "manifests/notes.txt"])
def test_what_others_put_beside_manifests_is_none(name: str) -> None:
    assert not layout.is_manifest_key(name)


def test_run_ids_sort_by_time_even_when_the_clock_goes_back() -> None:
    first = layout.run_id_at(NOW, "ffff")
    later = layout.run_id_at(NOW + timedelta(microseconds=1), "0000")
    after_step_back = layout.run_id_at(NOW - timedelta(hours=1), "0000", after=later)
    assert first < later < after_step_back


def test_newer_manifests_are_looked_for_from_the_last_ones_month_on() -> None:
    last = layout.manifest_key("director", layout.run_id_at(datetime(2025, 11, 3, tzinfo=UTC), "0000"), 0)
    assert layout.manifest_months("director", last, NOW - timedelta(days=2)) == [
        "manifests/director/2025/11/",
        "manifests/director/2025/12/",
        "manifests/director/2026/01/",
    ]
    assert layout.manifest_months("director", None, NOW) == ["manifests/director/"]


def test_a_manifest_of_a_machine_whose_clock_is_ahead_is_looked_for_in_the_next_month_too() -> None:
    last = layout.manifest_key("director", layout.run_id_at(NOW, "0000"), 0)
    assert layout.manifest_months("director", last, NOW) == ["manifests/director/2026/01/", "manifests/director/2026/02/"]


def test_a_clock_before_the_last_manifest_leads_to_looking_everywhere() -> None:
    last = layout.manifest_key("director", layout.run_id_at(datetime(2027, 1, 1, tzinfo=UTC), "0000"), 0)
    assert layout.manifest_months("director", last, NOW) == ["manifests/director/"]
