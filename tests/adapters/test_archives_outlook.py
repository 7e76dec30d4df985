"""PST and MSG files in archives."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from capstone.domain.message import OfferedMessage
from connectors.mailboxes.files.source import FileSource
from tests.adapters.archive_files import items


@pytest.mark.corpus
def test_pst_and_msg_files_in_an_archive_are_read_as_those_on_disk(tmp_path: Path, corpus: Path) -> None:
    """Their items have the identities that they have outside, so what was captured from either is known again."""
    files = [corpus / "tika/microsoft/testPST.pst", corpus / "tika/microsoft/testMSG.msg"]
    path = tmp_path / "old.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, f"old/{file.name}")
    outside = [item for item in items(*files) if isinstance(item, OfferedMessage)]
    inside = FileSource("disk", [path])
    found = [item for item in inside.items({}) if isinstance(item, OfferedMessage)]
    assert len(found) == 8
    assert {item.occurrence.identity: item.raw for item in found} == {item.occurrence.identity: item.raw for item in outside}
    assert None not in {item.occurrence.identity for item in found}
    assert {item.occurrence.place.folder.partition("/")[0] for item in found} == {"old.zip"}
    assert [(note.where, note.counts["emitted"]) for note in inside.notes()] == [(f"{path}!old/testPST.pst", 7)]
