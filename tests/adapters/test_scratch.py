"""Room for what is unpacked: nothing of it outlives the process that made it for long."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from connectors.scratch import scratch_folder

LONG_AGO = time.time() - 10_000


@pytest.fixture(autouse=True)
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_behind(below: Path, age: float = LONG_AGO) -> Path:
    folder = below / "capstone-unpacked-left"
    folder.mkdir()
    (folder / "1").write_bytes(b"mail")
    os.utime(folder, (age, age))
    return folder


def test_a_folder_is_for_its_owner_alone_and_gone_at_the_end(below: Path) -> None:
    with scratch_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "1").write_bytes(b"mail")
    assert list(below.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(below: Path) -> None:
    left_behind(below)
    with scratch_folder() as folder:
        assert list(below.iterdir()) == [folder]


def test_what_another_process_uses_stays_however_old(below: Path) -> None:
    with scratch_folder() as used:
        os.utime(used, (LONG_AGO, LONG_AGO))
        with scratch_folder():
            assert used.is_dir()


def test_what_was_made_a_moment_ago_and_what_is_no_folder_of_ours_stays(below: Path) -> None:
    new = left_behind(below, time.time())
    other = below / "other"
    other.mkdir()
    link = below / "capstone-unpacked-link"
    link.symlink_to(other)
    with scratch_folder():
        assert new.is_dir()
        assert other.is_dir()
        assert link.is_symlink()
