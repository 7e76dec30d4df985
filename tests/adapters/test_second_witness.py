"""The other program that is asked about a PST file: it may have no opinion, and neither hangs nor outlives who asks it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from connectors.mailboxes.outlook.second_witness import Witness


def witnessed_by(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    program = folder / "lspst"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return Witness(b"/none.pst")


def test_a_witness_that_writes_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert witnessed_by("#!/bin/sh\nprintf 'Email\\t\\n'\n", tmp_path, monkeypatch).count(30) == 1
    assert witnessed_by("#!/bin/sh\nexec head -c 70000000 /dev/zero\n", tmp_path, monkeypatch).count(30) is None


def test_a_witness_that_cannot_be_started_has_no_opinion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert witnessed_by("#!/no/interpreter\n", tmp_path, monkeypatch).count(30) is None
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert witnessed_by("#!/bin/sh\n", tmp_path, monkeypatch).count(30) is None


def test_a_witness_ends_with_who_asked_it(tmp_path: Path) -> None:
    (tmp_path / "lspst").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/fifo\nexec sleep 300\n")
    (tmp_path / "lspst").chmod(0o755)
    os.mkfifo(tmp_path / "fifo")
    program = (
        "import threading\nfrom connectors.mailboxes.outlook.second_witness import Witness\n"
        "witness = Witness(b'/none.pst')\nthreading.Event().wait()\n"
    )
    root = Path(__file__).resolve().parents[2]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, env={**os.environ, "PATH": path}) as run:
        witness = os.pidfd_open(int((tmp_path / "fifo").read_text()))
        try:
            run.kill()
            ended = select.poll()
            ended.register(witness, select.POLLIN)
            assert ended.poll(10_000)
        finally:
            os.close(witness)
