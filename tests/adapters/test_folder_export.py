"""Exports to a folder: the contract, run by the fake too, and what only a folder can suffer."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.errors import StoreUnavailable
from capstone.ports import ExportTarget
from connectors.exports.folder import FolderExport
from tests.contracts.export_target import ExportTargetContract
from tests.fakes.export_target import MemoryExport


class TestMemoryExport(ExportTargetContract):
    @pytest.fixture
    def target(self) -> MemoryExport:
        return MemoryExport()

    def written(self, target: ExportTarget) -> dict[str, bytes]:
        assert isinstance(target, MemoryExport)
        return target.files


class TestFolderExport(ExportTargetContract):
    @pytest.fixture
    def target(self, tmp_path: Path) -> FolderExport:
        self.folder = tmp_path / "new" / "export"
        return FolderExport(self.folder)

    def written(self, target: ExportTarget) -> dict[str, bytes]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


def test_a_new_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    FolderExport(tmp_path / "export").begin()
    assert (tmp_path / "export").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(StoreUnavailable):
        FolderExport(tmp_path / "file" / "export").begin()
    target = FolderExport(tmp_path / "export")
    target.begin()
    (tmp_path / "export" / "director").write_bytes(b"in the way")
    with pytest.raises(StoreUnavailable):
        target.append("director/one.eml", b"x")
    with pytest.raises(StoreUnavailable):
        target.create("director/one.eml", b"x")
    with pytest.raises(StoreUnavailable):
        target.create(f"{'n' * 300}.eml", b"x")
    target.append("two.eml", b"x")
    (tmp_path / "export" / "two.eml").unlink()
    with pytest.raises(StoreUnavailable):
        target.finish()
