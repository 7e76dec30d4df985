"""Manifests: what is written comes back equal, nothing of a message's text is in them, damage is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from capstone.domain.errors import FixityMismatch
from capstone.domain.manifest import (
    ManifestHead,
    ManifestLine,
    ReplayLine,
    classification_as_dict,
    classification_from_dict,
    read_manifest,
    write_manifest,
)
from capstone.domain.message import ItemState, Occurrence, Place
from capstone.domain.records import Classification, RecordClass

AT = datetime(2026, 3, 1, 12, 0, 0, 123, tzinfo=UTC)
PLACE = Place("export", "Inbox/\u00c4lteres", "/mail/inbox.mbox#120")
HEAD = ManifestHead("director", "20260301T120000000123Z-beef", 3, "export", AT, "0" * 64)
CLASS = Classification(
    RecordClass.PERMANENT, "capstone_official", "rules 1", "010", "DAA-X", "abc", "GRS 6.1-0000-2026-0001", "1", AT, "header",
    date(2026, 12, 31), date(2042, 1, 1), ("dates_apart",),
)  # fmt: skip
LINES = [
    ManifestLine(
        PLACE, ItemState.ARCHIVED, digest="1" * 64, version_id="1", size_bytes=10, content_key="2" * 64, problems=("no_subject",),
        occurrence=Occurrence(PLACE, ("\\Seen",), AT, AT, True, "3" * 64), classification=CLASS, is_new=True,
    ),
    ManifestLine(PLACE, ItemState.ALREADY_HELD, digest="1" * 64, occurrence=Occurrence(PLACE)),
    ManifestLine(PLACE, ItemState.EXCLUDED, "not_mail", "It is no mail."),
    ManifestLine(PLACE, ItemState.QUARANTINED, "empty_item", "Nothing in it.", digest="4" * 64),
    ManifestLine(PLACE, ItemState.ARCHIVED, digest="5" * 64, version_id="1", is_new=True,
                 classification=Classification(RecordClass.UNSCHEDULED, "no_usable_date", "rules 1")),
]  # fmt: skip


def test_what_is_written_comes_back_equal() -> None:
    assert read_manifest(write_manifest(HEAD, LINES)) == (HEAD, LINES)
    first = replace(HEAD, previous=None)
    assert read_manifest(write_manifest(first, [])) == (first, [])


def test_a_replay_notes_records_and_their_new_class_and_no_items() -> None:
    lines = [
        ReplayLine("1" * 64, CLASS),
        ReplayLine("2" * 64, Classification(RecordClass.UNSCHEDULED, "no_role_known", "rules 2")),
    ]
    raw = write_manifest(HEAD, lines)
    assert read_manifest(raw) == (HEAD, lines)
    assert raw.startswith(b'{"account":"director","at":"2026-03-01T12:00:00.000123+00:00","format":2,')
    assert b'"format":1,' in write_manifest(HEAD, LINES)


def test_the_same_content_gives_the_same_bytes() -> None:
    assert write_manifest(HEAD, LINES) == write_manifest(HEAD, list(LINES))


def test_a_class_comes_back_equal_from_plain_values() -> None:
    assert classification_from_dict(classification_as_dict(CLASS)) == CLASS


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "no_head", "other_format", "binary"])
def test_a_damaged_manifest_is_named(damage: str) -> None:
    raw = write_manifest(HEAD, LINES)
    damaged = {
        "cut": raw[: len(raw) // 2],
        "flip": raw.replace(b'"state"', b'"stote"', 1),
        "empty": b"",
        "no_head": b"[]\n",
        "other_format": raw.replace(b'"format":1', b'"format":99'),
        "binary": b"\xff\x00",
    }[damage]
    with pytest.raises(FixityMismatch):
        read_manifest(damaged)
