"""`capstone sources`: what each source would give, and that looking changes nothing; several sources of one account."""

from __future__ import annotations

import hashlib
import signal
import smtplib
import socket
import sqlite3
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from servers.dovecot import Dovecot
from tests.adapters.imap_boxes import Box
from tests.contracts.mail_source import letter
from tests.e2e.conftest import CommandLine
from tests.fakes.mail_source import Mail
from tests.journal_reports import lines_for, report

FILES = '[[sources]]\nname = "{name}"\nkind = "files"\naccount = "{account}"\npath = "{path}"\n'
IMAP = (
    '[[sources]]\nname = "{name}"\nkind = "imap"\naccount = "{account}"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
    'user = "{user}"\npassword_file = "password"\nconnect_timeout_s = 5\ntimeout_s = 5\n'
)
SEP = b"From ada@agency.example Thu Jan  2 10:00:00 2020\r\n"


@pytest.fixture
def capstone(tmp_path: Path) -> CommandLine:
    """An empty home; commands run in this process."""
    return CommandLine(tmp_path / "home", here=True)


def configured(capstone: CommandLine, *sources: str) -> CommandLine:
    capstone.home.mkdir(parents=True, exist_ok=True)
    (capstone.home / "capstone.toml").write_text('[agency]\nname = "Agency"\n' + "".join(sources))
    capstone.environment["CAPSTONE_CONFIG"] = str(capstone.home / "capstone.toml")
    return capstone


def files_at(home: Path, name: str = "old") -> Path:
    """An MBOX, a letter in Drafts, an archive, and what is no mail."""
    folder = home / name
    (folder / "Drafts").mkdir(parents=True)
    (folder / "INBOX.mbox").write_bytes(b"".join(SEP + letter(number) + b"\r\n" for number in (1, 2)))
    (folder / "Drafts" / "1.eml").write_bytes(letter(3))
    (folder / "readme").write_bytes(b"no mail")
    with zipfile.ZipFile(folder / "sent.zip", "w") as archive:
        archive.writestr("Sent/1.eml", letter(4))
    return folder


def ledger_rows(home: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [(name, ledger.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in tables]


def of_sources(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["source"]: one for one in told["sources"]}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def journal(line: CommandLine, port: int, *raws: bytes) -> None:
    """A mail server sends a report of each letter to a receiver of its own, which is told to stop then."""
    with subprocess.Popen(line.command("journal"), env=line.environment, stderr=subprocess.PIPE) as receiver:
        try:
            assert receiver.stderr is not None
            assert any(b"Listening" in said for said in receiver.stderr)
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as sender:
                for raw in raws:
                    sender.sendmail("postmaster@agency.example", "journal@agency.example", reported(raw))
            receiver.send_signal(signal.SIGTERM)
            receiver.communicate(timeout=30)
        finally:
            receiver.kill()
    assert receiver.returncode == 0


def reported(raw: bytes) -> bytes:
    message_id = raw.partition(b"Message-ID: <")[2].partition(b">")[0].decode()
    lines = lines_for("To: director@agency.example", sender="ada@agency.example", subject="Note", message_id=message_id)
    return report(lines, raw)


def test_a_list_names_every_source_and_connects_nothing(capstone: CommandLine) -> None:
    nobody = IMAP.format(name="mail", account="director", port=1, user="ada")
    line = configured(capstone, FILES.format(name="old", account="director", path="old"), nobody)
    assert line.json("sources", "list") == {
        "sources": [
            {"source": "old", "account": "director", "kind": "files", "where": str(line.home / "old")},
            {"source": "mail", "account": "director", "kind": "imap", "where": "127.0.0.1:1"},
        ]
    }
    assert b"127.0.0.1:1" in line.run("sources", "list").stdout


def test_files_are_counted_before_the_archive_is_made(capstone: CommandLine) -> None:
    line = configured(capstone, FILES.format(name="old", account="director", path="old"))
    files_at(line.home)
    [found] = line.json("sources", "check")["sources"]
    assert {(one["path"], one["messages"], one["left_out_by"]) for one in found["folders"]} == {
        ("INBOX.mbox", 2, None), ("Drafts", 1, "folder_drafts"), ("sent.zip/Sent", 1, None),
    }  # fmt: skip
    sizes = {one["path"]: one["bytes"] for one in found["folders"]}
    assert sizes["Drafts"] == len(letter(3))
    assert (found["messages"], found["left_out"], found["bytes"]) == (4, 1, sum(len(letter(n)) for n in (1, 2, 3, 4)))
    assert [(one["code"], one["counts"]) for one in found["notes"]] == [("not_mail", {"items": 1})]
    assert (found["estimated_seconds"], found["estimated_from"], found["error"]) == (1, "size", None)
    assert sorted(path.name for path in line.home.iterdir()) == ["capstone.toml", "old"], "nothing was made"


@pytest.mark.service
def test_each_source_is_told_beside_those_that_fail_and_nothing_changes(capstone: CommandLine, dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.fill([*[Mail("INBOX", letter(number)) for number in range(1, 6)], Mail("Drafts", letter(6)), Mail("Sent", letter(7))])
    imap = {"account": "director", "port": dovecot.port}
    line = configured(
        capstone,
        IMAP.format(name="mail", user=box.user, **imap),
        IMAP.format(name="away", account="director", port=1, user="ada"),
        FILES.format(name="gone", account="analyst", path="nowhere"),
    )
    (line.home / "password").write_text(dovecot.password)
    line.prepare()
    line.run("capture", "--account", "director", exit_code=1)
    before = ledger_rows(line.home), box.traces()

    found = of_sources(line.json("sources", "check", exit_code=1))
    assert (ledger_rows(line.home), box.traces()) == before
    assert {name: one["error"] and one["error"]["code"] for name, one in found.items()} == {
        "mail": None, "away": "E101", "gone": "E102",
    }  # fmt: skip
    mail = found["mail"]
    assert (mail["messages"], mail["left_out"], mail["missing_rights"]) == (7, 1, [])
    assert mail["bytes"] == sum(len(letter(number)) for number in range(1, 8))
    assert mail["estimated_from"] == "earlier runs"
    said = line.run("sources", "check", exit_code=1).stdout.decode()
    assert "folder_drafts" in said
    assert "away: E101" in said

    assert [one["source"] for one in line.json("sources", "check", "--source", "mail")["sources"]] == ["mail"]
    assert list(of_sources(line.json("sources", "check", "--account", "analyst", exit_code=1))) == ["gone"]


def test_a_source_or_account_that_is_not_configured_is_named(capstone: CommandLine) -> None:
    line = configured(capstone, FILES.format(name="old", account="director", path="old"))
    assert line.json("sources", "check", "--source", "new", exit_code=3)["error"]["code"] == "E102"
    assert line.json("sources", "check", "--account", "nobody", exit_code=3)["error"]["code"] == "E007"


@pytest.mark.service
def test_several_sources_of_an_account_meet_without_doubling(capstone: CommandLine, dovecot: Dovecot) -> None:
    """A mailbox, an old MBOX, a ZIP of letters and the journal hold some of the same bytes."""
    box = Box(dovecot)
    box.fill([*[Mail("INBOX", letter(number)) for number in (1, 2, 3)], Mail("Sent", letter(4))])
    line = configured(
        capstone,
        IMAP.format(name="mail", account="director", port=dovecot.port, user=box.user),
        FILES.format(name="old", account="director", path="old.mbox"),
        FILES.format(name="usb", account="director", path="usb.zip"),
        f"[journal]\nport = {(port := free_port())}\n",
    )
    (line.home / "password").write_text(dovecot.password)
    (line.home / "old.mbox").write_bytes(b"".join(SEP + letter(number) + b"\r\n" for number in (2, 3, 5)))
    with zipfile.ZipFile(line.home / "usb.zip", "w") as archive:
        for number in (3, 5, 6):
            archive.writestr(f"{number}.eml", letter(number))
    line.prepare()
    runs = {run["source"]: (run["archived"], run["already_held"]) for run in line.json("capture")["runs"]}
    assert runs == {"mail": (4, 0), "old": (1, 2), "usb": (1, 2)}
    journal(line, port, letter(3), letter(7))
    assert {one["account"]: one["messages"] for one in line.json("status")["accounts"]} == {"director": 7, "analyst": 0}
    shown = line.json("show", "director/" + hashlib.sha256(letter(3)).hexdigest())
    places = {(one["place"]["source"], one["place"]["folder"]) for one in shown["occurrences"]}
    assert places == {("mail", "INBOX"), ("old", "old.mbox"), ("usb", "usb.zip"), ("journal", "")}
    again = {run["source"]: (run["archived"], run["already_held"]) for run in line.json("capture")["runs"]}
    assert again == {"mail": (0, 0), "old": (0, 3), "usb": (0, 3)}
