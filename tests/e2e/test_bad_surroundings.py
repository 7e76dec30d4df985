"""Disks that fill up, files that may not be read, databases that others hold or that lose bits: a named error, nothing lost."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import CommandLine
from tests.e2e.in_process import InProcess
from tests.fakes.archive import a_message

_DROP_BOUNDING_CAPABILITY, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2
MEGABYTE = 1024 * 1024
LONG_S = 180
"""A bound for what must not hang; what is waited for takes a fraction of it."""


def without_the_right_to_read_everything() -> None:
    """Between fork and exec: what makes root read files that nobody may read is given up. Others never had it."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            libc.prctl(_DROP_BOUNDING_CAPABILITY, capability, 0, 0, 0)


def test_an_unreadable_file_or_folder_is_counted_as_failed_and_taken_when_it_can_be_read(
    archive: CommandLine, tmp_path: Path
) -> None:
    mail = tmp_path / "mail"
    (mail / "closed").mkdir(parents=True)
    for name in ("open.eml", "secret.eml", "closed/inner.eml"):
        (mail / name).write_bytes(a_message(name))
    (mail / "secret.eml").chmod(0)
    (mail / "closed").chmod(0)
    done = subprocess.run(
        archive.command("import", mail, "--account", "director", "--json"),
        env=archive.environment, capture_output=True, timeout=120, preexec_fn=without_the_right_to_read_everything,
    )  # fmt: skip
    (mail / "closed").chmod(0o700)
    told = json.loads(done.stdout)
    assert (done.returncode, told["offered"], told["archived"], told["failed"]) == (1, 3, 1, 2)
    assert archive.json("status")["runs"][0]["outcome"] == "failed"
    (mail / "secret.eml").chmod(0o600)
    again = archive.json("import", mail, "--account", "director")
    assert (again["offered"], again["archived"], again["already_held"], again["failed"]) == (3, 2, 1, 0)


# --- a full disk -----------------------------------------------------------------------------------


class SmallDisk:
    """A file system in memory of a chosen size."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def mount(self, size_bytes: int, *options: str) -> None:
        choice = ",".join([*options, f"size={size_bytes}"])
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", choice, "tmpfs", str(self.at)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"a small file system cannot be mounted here: {done.stderr.decode().strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    at = tmp_path / "disk"
    at.mkdir()
    disk = SmallDisk(at)
    disk.mount(64 * MEGABYTE)
    yield disk
    subprocess.run(["umount", "--lazy", str(at)], check=True)  # connections of this process end when they are collected


@pytest.mark.slow
@pytest.mark.parametrize("room_bytes", [300_000, 10 * MEGABYTE, 35 * MEGABYTE], ids=str)
def test_a_full_disk_is_a_named_error_and_the_next_run_completes_without_doubles(
    small_disk: SmallDisk, tmp_path: Path, room_bytes: int
) -> None:
    mail = tmp_path / "mail"
    mail.mkdir()
    chance = Random(room_bytes)
    for number in range(48):
        words = chance.randbytes(MEGABYTE // 2).hex() if number % 2 else " ".join(str(chance.random()) for _ in range(5_000))
        (mail / f"{number:03}.eml").write_bytes(a_message(f"Letter {number}") + words.encode())
    archive = CommandLine(small_disk.at / "home").prepare()
    used = sum(path.stat().st_blocks * 512 for path in archive.home.rglob("*"))
    small_disk.mount(used + room_bytes, "remount")
    told = archive.json("import", mail, "--account", "director", exit_code=(1, 3))
    error = told.get("error") or told["index"]["error"]
    assert error["code"] in {"E204", "E301", "E401"}
    assert "full" in error["message"].lower()
    small_disk.mount(512 * MEGABYTE, "remount")
    again = archive.json("import", mail, "--account", "director")
    assert (again["offered"], again["archived"] + again["already_held"], again["failed"]) == (48, 48, 0)
    assert again["index"]["pending"] == 0
    ask = InProcess(archive).ask
    stored = list((archive.home / "store" / "objects" / "records").rglob("*.eml"))
    assert ask("status")[1]["totals"]["messages"] == len(stored) == 48
    verified = ask("verify")[1]
    assert (verified["checked"], verified["damaged"], verified["missing"], verified["audit"]["broken_at"]) == (48, [], [], None)
    assert ask("reconcile") == (0, {"compared": 48, "missing": [], "unexpected": [], "mended": []})
    assert ask("search", "subject:letter")[1]["total"] == 48


# --- databases that another process holds ----------------------------------------------------------


def held(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


@pytest.mark.slow
def test_a_ledger_or_index_that_another_process_holds_is_a_named_error_after_a_bounded_wait(
    archive: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "one.eml").write_bytes(a_message("One"))
    (tmp_path / "two.eml").write_bytes(a_message("Two"))
    archive.run("import", tmp_path / "one.eml", "--account", "director")

    def asked(*arguments: object) -> tuple[str, float]:
        began = time.monotonic()
        told = archive.json(*arguments, exit_code=(0, 1, 3))
        error = told.get("error") or told.get("index", {}).get("error")
        return (error["code"] if error else "none"), time.monotonic() - began

    ledger = held(archive.home / "ledger.sqlite")
    with ThreadPoolExecutor(3) as three:
        answers = three.map(
            lambda arguments: asked(*arguments),
            (["import", tmp_path / "two.eml", "--account", "director"], ["search", "one"], ["status"]),
        )
        (imported, waited_s), (searched, _), (status, status_s) = answers
    assert (imported, searched, status) == ("E301", "E301", "none")
    assert waited_s < LONG_S
    assert status_s < waited_s
    ledger.close()
    index = held(archive.home / "index.sqlite")
    told, waited_s = asked("import", tmp_path / "two.eml", "--account", "director")
    assert (told, waited_s < LONG_S) == ("E401", True)
    index.close()
    assert archive.json("index") == {"indexed": 1, "failed": 0, "pending": 0}
    assert archive.json("search", "*")["total"] == archive.json("verify")["checked"] == 2


# --- bits that flip --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """Sixty records in three manifests."""
    folder = tmp_path_factory.mktemp("filled")
    archive = InProcess(CommandLine(folder / "home")).prepare()
    for run in range(3):
        (folder / str(run)).mkdir()
        for number in range(20):
            (folder / str(run) / f"{number}.eml").write_bytes(a_message(f"Letter {run} {number}"))
        assert archive.ask("import", folder / str(run), "--account", "director")[0] == 0
    for part in ("ledger.sqlite", "index.sqlite"):
        connection = sqlite3.connect(archive.line.home / part)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    return archive


def scribbled(raw: bytes, seed: int) -> bytes:
    """The bytes with sixty-four overwritten in eight places, none of them in the first eighth."""
    chance, damaged = Random(seed), bytearray(raw)
    for _ in range(8):
        at = chance.randrange(len(raw) // 8, len(raw) - 64)
        damaged[at : at + 64] = chance.randbytes(64)
    return bytes(damaged)


def flipped(raw: bytes, at: int) -> bytes:
    """The bytes with one bit changed."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@pytest.mark.parametrize(
    ("part", "setting", "code"),
    [("ledger.sqlite", "CAPSTONE_LEDGER__URL", "E302"), ("index.sqlite", "CAPSTONE_INDEX__PATH", "E402")],
)
def test_a_database_with_damaged_pages_answers_or_is_named_damaged_and_is_made_anew(
    filled: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, setting: str, code: str
) -> None:
    shutil.copytree(filled.line.home, tmp_path / "home")
    archive, named = InProcess(CommandLine(tmp_path / "home")), set()
    sound = (archive.line.home / part).read_bytes()
    asked = [["search", "letter"], ["status"], ["verify"]] + ([["reconcile"]] if part.startswith("index") else [])
    for seed in range(20):
        copy = tmp_path / f"{seed}.sqlite"
        copy.write_bytes(scribbled(sound, seed))
        monkeypatch.setitem(archive.line.environment, setting, f"sqlite:///{copy}" if part.startswith("ledger") else str(copy))
        named |= {archive.ask(*arguments)[1].get("error", {}).get("code") for arguments in asked}
    assert named == {None, code}
    assert archive.ask("rebuild", "--ledger" if part.startswith("ledger") else "--index")[0] == 0
    assert archive.ask("search", "subject:letter")[1]["total"] == archive.ask("verify")[1]["checked"] == 60


@pytest.mark.parametrize("which", [0, 1, 2], ids=["first", "middle", "newest"])
@pytest.mark.parametrize("harm", ["a flipped bit", "missing"])
def test_a_manifest_that_lost_a_bit_or_is_gone_is_found(filled: InProcess, which: int, harm: str) -> None:
    manifests = sorted((filled.line.home / "store" / "objects" / "manifests" / "director").rglob("*.jsonl"))
    aside = filled.line.home / "aside"
    manifests[which].rename(aside)
    try:
        if harm != "missing":
            raw = aside.read_bytes()
            manifests[which].write_bytes(flipped(raw, raw.rindex(b'"content_key"') + 20))
        code, told = filled.ask("verify")
        assert code == 1
        assert any("manifests/director/" in key for key in told["damaged"] + told["missing"])
    finally:
        aside.replace(manifests[which])
    assert filled.ask("verify")[0] == 0


@pytest.mark.parametrize("harm", ["a flipped bit", "cut short", "missing"])
def test_a_record_that_lost_a_bit_or_is_gone_is_found_by_its_name(filled: InProcess, harm: str) -> None:
    record = sorted((filled.line.home / "store" / "objects" / "records").rglob("*.eml"))[7]
    aside = filled.line.home / "aside"
    record.rename(aside)
    try:
        if harm != "missing":
            record.write_bytes(flipped(aside.read_bytes(), 40) if harm == "a flipped bit" else aside.read_bytes()[:-1])
        code, told = filled.ask("verify")
        assert (code, told["missing" if harm == "missing" else "damaged"]) == (1, [f"director/{record.stem}"])
    finally:
        aside.replace(record)
    assert filled.ask("verify")[0] == 0


@pytest.mark.parametrize("description", [b"", b"{", b'{"format": "another", "version": 1}', b"\xff\xfe"])
def test_a_store_whose_description_is_damaged_is_a_named_error(filled: InProcess, description: bytes) -> None:
    file = filled.line.home / "store" / "store.json"
    sound = file.read_bytes()
    file.write_bytes(description)
    try:
        for arguments in (["verify"], ["import", filled.line.home, "--account", "director"], ["init"]):
            code, told = filled.ask(*arguments)
            assert (code, told["error"]["code"]) == (3, "E205")
    finally:
        file.write_bytes(sound)


# --- parts that are gone ---------------------------------------------------------------------------


@pytest.fixture
def with_one_record(tmp_path: Path) -> CommandLine:
    archive = CommandLine(tmp_path / "home", here=True).prepare()
    (tmp_path / "one.eml").write_bytes(a_message("One"))
    archive.run("import", tmp_path / "one.eml", "--account", "director")
    return archive


def test_a_new_index_beside_a_filled_ledger_says_what_it_lacks_until_it_is_filled(with_one_record: CommandLine) -> None:
    for file in with_one_record.home.glob("index.sqlite*"):
        file.unlink()
    with_one_record.run("init")
    assert b"0 found, 0 shown; searched 0 records, 1 not yet indexed." in with_one_record.run("search", "one").stdout
    assert with_one_record.json("index") == {"indexed": 1, "failed": 0, "pending": 0}
    assert with_one_record.json("search", "one")["total"] == 1


def test_a_ledger_that_was_moved_aside_is_whole_with_what_was_in_its_log_only(with_one_record: CommandLine) -> None:
    ledger = with_one_record.home / "ledger.sqlite"
    reader = sqlite3.connect(ledger, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM records").fetchone()  # who reads keeps the log from being folded in
    writer = sqlite3.connect(ledger, isolation_level=None)
    writer.execute("CREATE TABLE only_in_the_log (one)")
    with_one_record.run("rebuild", "--ledger")
    (aside,) = with_one_record.home.glob("ledger.sqlite.*.old")
    assert aside.with_name(f"{aside.name}-wal").stat().st_size > 0
    writer.close()
    reader.close()
    old = sqlite3.connect(aside)
    assert old.execute("SELECT count(*) FROM only_in_the_log").fetchone() == (0,)
    assert old.execute("SELECT count(*) FROM records").fetchone() == (1,)
    old.close()


@pytest.mark.parametrize("part", ["quarantine", "decisions"])
def test_quarantine_or_decisions_that_are_gone_are_found(with_one_record: CommandLine, tmp_path: Path, part: str) -> None:
    (tmp_path / "box.pst").write_bytes(b"!BDN" + bytes(600))
    with_one_record.run("import", tmp_path / "box.pst", "--account", "director", exit_code=(0, 1))
    assert with_one_record.json("verify")["missing"] == []
    shutil.rmtree(with_one_record.home / "store" / "objects" / part)
    (named,) = with_one_record.json("verify", exit_code=1)["missing"]
    assert named.startswith("quarantine/" if part == "quarantine" else "decision 1")
