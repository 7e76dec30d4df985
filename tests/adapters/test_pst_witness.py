"""What another program lists in a PST is compared with what was read, also where the file could not be opened at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capstone.domain.message import OfferedMessage, RefusedItem
from connectors.mailboxes.files.source import FileSource
from tests.corpus import corpus_root

MAILBOX, BODIES = "tika/microsoft/testPST.pst", "tika/microsoft/testPST_variousBodyTypes.pst"
CONTACTS = "java-libpst/dist-list.pst"


def says(folder: Path, mail: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program that lists so many messages in every file."""
    program = folder / "lspst"
    program.write_text("#!/bin/sh\n" + "printf 'Email\\tFrom: A\\n'\n" * mail + "printf 'Contact\\tA\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.parametrize(
    ("name", "listed", "is_gap"), [(MAILBOX, 8, True), (MAILBOX, 7, False), (MAILBOX, 3, False), (CONTACTS, 1, True)]
)
def test_more_mail_than_was_read_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, listed: int, is_gap: bool
) -> None:
    """Contacts and appointments are no mail: they do not stand for messages that the other lists."""
    says(tmp_path, listed, monkeypatch)
    source = FileSource("disk", [corpus_root() / name])
    list(source.items({}))
    (note,) = source.notes()
    assert (note.counts["unrecovered"], note.counts["second_witness"], note.is_gap) == (0, listed, is_gap)
    assert ("lists more mail than was read" in note.reason) == is_gap


def test_mail_in_a_folder_that_the_policy_leaves_out_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, 4, monkeypatch)
    source = FileSource("disk", [corpus_root() / BODIES], lambda _folder: "folder_tmp")
    assert all(isinstance(item, RefusedItem) for item in source.items({}))
    assert not source.notes()[0].is_gap


def test_mail_that_is_held_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tmp_path, 4, monkeypatch)
    source = FileSource("disk", [corpus_root() / BODIES], held=lambda identities: {one: ("0" * 64,) for one in identities})
    assert not any(isinstance(item, OfferedMessage | RefusedItem) for item in source.items({}))
    assert not source.notes()[0].is_gap


@pytest.mark.parametrize(("listed", "is_noted"), [(3, True), (0, False)])
def test_mail_that_another_program_lists_in_a_file_that_cannot_be_opened_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: int, is_noted: bool
) -> None:
    says(tmp_path, listed, monkeypatch)
    path = tmp_path / "mail.pst"
    path.write_bytes(b"!BDN" + bytes(600))
    source = FileSource("disk", [path])
    (item,) = source.items({})
    assert isinstance(item, RefusedItem)
    assert item.code == "container_unreadable"
    told = [(note.where, dict(note.counts), note.is_gap) for note in source.notes()]
    assert told == ([(str(path), {"emitted": 0, "second_witness": 3, "missed": 3}, True)] if is_noted else [])
    assert all("another reader lists mail in it" in note.reason for note in source.notes())
