"""A real mail server journals to the archive over the wire; however often the receiver dies, no message is lost or doubled.

For longer or faster runs: CAPSTONE_JOURNAL_SECONDS, CAPSTONE_JOURNAL_RATE, and CAPSTONE_JOURNAL_S3_RATE for the real servers.
"""

from __future__ import annotations

import json
import os
import random
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers.certificates import certificates_in
from servers.elasticsearch import ElasticsearchAccess
from servers.postfix import Postfix
from servers.postgres import PostgresAccess
from servers.processes import free_port, wait_until
from servers.programs import system_program
from servers.versitygw import S3Access
from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.e2e.journal_receivers import (
    WAIT_S,
    ReceiverProcess,
    Senders,
    app_of,
    assert_everything_arrived,
    assert_nobody_is_missing,
    digests_held,
    message_ids_held,
)
from tests.e2e.on_servers import RealServers, line_on
from tests.journal_reports import lines_for, original, report
from tests.services import needed_programs, running

KILLS, SEED = 10, 617
SECONDS = float(os.environ.get("CAPSTONE_JOURNAL_SECONDS", "5"))
RATE = float(os.environ.get("CAPSTONE_JOURNAL_RATE", "40"))
LIMIT_S = 600 + 6 * SECONDS
S3_RATE = float(os.environ.get("CAPSTONE_JOURNAL_S3_RATE", "20"))


def journal_settings(port: int, **more: object) -> str:
    told = {"port": port, **more}
    return "[journal]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items())


def line_in(folder: Path, port: int, **more: object) -> CommandLine:
    """An archive of two accounts whose settings name the journal's port."""
    line = CommandLine(folder)
    folder.mkdir(parents=True)
    (folder / "capstone.toml").write_text(journal_settings(port, **more))
    line.environment["CAPSTONE_CONFIG"] = str(folder / "capstone.toml")
    return line.prepare(OFFICIALS)


@contextmanager
def received(line: CommandLine, port: int) -> Iterator[ReceiverProcess]:
    """The receiver, listening; gone at the end."""
    receiver = ReceiverProcess(line, port)
    try:
        receiver.start()
        yield receiver
    finally:
        receiver.drop()


def killed_while_mail_comes(line: CommandLine, port: int, postfix: Postfix, rate: float) -> None:
    """Kill the receiver ten times at random instants while mail comes; then let everything arrive."""
    chance = random.Random(SEED)
    senders = Senders(postfix.port, rate)
    pause_s = SECONDS / KILLS
    with received(line, port) as receiver, app_of(line) as app:
        senders.start()
        try:
            for _ in range(KILLS):
                before = len(digests_held(app))
                assert wait_until(lambda before=before: len(digests_held(app)) > before, WAIT_S)
                time.sleep(chance.uniform(0, 2) * pause_s)  # the instant of a kill is what is tried here
                taken = dict(senders.sent.taken)
                receiver.kill()
                assert_nobody_is_missing(app, postfix, taken)
                receiver.start()
        finally:
            sent = senders.stop()
        told = assert_everything_arrived(line, postfix, sent)
        counts = json.loads(receiver.stop())
    assert (told["totals"]["messages"], counts["failed"], counts["quarantined"]) == (len(sent.taken), 0, 0)
    assert len(sent.taken) >= SECONDS * rate / 2
    verified = line.json("verify")
    assert (verified["checked"], verified["damaged"], verified["missing"]) == (len(sent.taken), [], [])
    assert verified["audit"]["broken_at"] is None
    reconciled = line.json("reconcile")
    assert (reconciled["missing"], reconciled["unexpected"]) == ([], [])


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
def test_ten_kills_lose_and_double_nothing(tmp_path: Path, server_folder: Path) -> None:
    port = free_port()
    line = line_in(tmp_path / "home", port)
    with running(Postfix(server_folder / "postfix", port)) as postfix:
        killed_while_mail_comes(line, port, postfix, RATE)


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
def test_ten_kills_lose_and_double_nothing_on_real_servers(
    tmp_path: Path,
    server_folder: Path,
    versitygw: S3Access,
    postgres: PostgresAccess,
    elasticsearch: ElasticsearchAccess,
) -> None:
    port = free_port()
    line = line_on(RealServers(versitygw, postgres, elasticsearch), tmp_path / "home", journal_settings(port))
    line.prepare(OFFICIALS)
    with running(Postfix(server_folder / "postfix", port)) as postfix:
        killed_while_mail_comes(line, port, postfix, S3_RATE)


@pytest.mark.service
@pytest.mark.parametrize(("protocol", "tls"), [("smtp", "encrypt"), ("lmtp", "none"), ("lmtp", "encrypt")])
def test_a_mail_server_delivers_by_each_protocol(protocol: str, tls: str, tmp_path: Path, server_folder: Path) -> None:
    port = free_port()
    made = certificates_in(server_folder / "tls")
    more = {"certificate_file": str(made.certificate), "key_file": str(made.key), "require_tls": True} if tls == "encrypt" else {}
    line = line_in(tmp_path / "home", port, protocol=protocol, **more)
    with (
        running(Postfix(server_folder / "postfix", port, protocol=protocol, tls=tls)) as postfix,
        received(line, port) as receiver,
    ):
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            for number in range(5):
                raw = original(f"m{number}@x.example", body=b".\r\n..x\r\n" + b"long " * 3000)
                client.sendmail("director@agency.example", ["analyst@agency.example", "x@x.example"], raw)
        with app_of(line) as app:
            assert wait_until(lambda: len(digests_held(app)) == 10, WAIT_S)  # for who sent it, and who received it
            assert sorted(message_ids_held(app)) == sorted(f"m{number}@x.example" for number in range(5) for _ in range(2))
        counts = json.loads(receiver.stop())
    assert (counts["received"], counts["archived"]) == (5, 10)


@pytest.mark.service
def test_mail_that_is_too_large_comes_back_and_mail_of_nobody_is_quarantined(tmp_path: Path) -> None:
    port = free_port()
    line = line_in(tmp_path / "home", port, size_limit_bytes=5_000)
    with needed_programs():
        swaks = [
            str(system_program("swaks", "swaks")),
            "--server",
            f"127.0.0.1:{port}",
            "--from",
            "s@x.example",
            "--to",
            "j@x.example",
        ]
    small, large = tmp_path / "small.eml", tmp_path / "large.eml"
    small.write_bytes(original(From="s@x.example", To="x@x.example"))
    large.write_bytes(original(body=b"long line\r\n" * 600))
    with received(line, port) as receiver:
        said = {
            file: subprocess.run([*swaks, "--data", f"@{file}"], capture_output=True, text=True, timeout=WAIT_S)
            for file in (small, large)
        }
        counts = json.loads(receiver.stop())
    assert "250 2.6.0" in said[small].stdout
    assert (said[large].returncode != 0, "552 5.3.4" in said[large].stdout) == (True, True)
    assert (counts["received"], counts["quarantined"], counts["refused_size"]) == (1, 2, 1)
    kept, beside = line.json("quarantine", "list")["items"]
    assert beside["item_id"] == f"{kept['digest']}.envelope"
    assert (kept["account"], kept["code"], kept["source"]) == ("_", "no_registered_account", "journal")
    whole = line.run("quarantine", "show", kept["digest"], "--raw").stdout
    assert b"Message-ID: <m1@agency.example>" in whole
    assert line.json("verify")["missing"] == []
    assert line.json("reconcile")["unexpected"] == []


def test_mail_of_nobody_is_whose_it_is_once_they_are_registered(tmp_path: Path) -> None:
    port = free_port()
    line = line_in(tmp_path / "home", port, form="copies")
    # What looks like a report on the analyst's mail is a copy here, and only the wire says for whom.
    raw = report(lines_for("To: analyst@agency.example", sender="s@x.example"), original(), sender="s@x.example")
    with received(line, port) as receiver, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("s@x.example", ["newcomer@agency.example"], raw)
        client.quit()
        receiver.stop()
    tried = line.json("quarantine", "retry", exit_code=1)["runs"]
    assert [(run["account"], run["quarantined"]) for run in tried] == [("_", 2)]
    newcomer = OFFICIALS.splitlines()[-1].replace("analyst", "newcomer").replace("Ben Ode", "Nell Roe")
    (line.home / "more.csv").write_text(f"{OFFICIALS}{newcomer}\n")
    line.json("officials", "import", line.home / "more.csv")
    (run,) = line.json("quarantine", "retry")["runs"]
    assert (run["account"], run["archived"], run["source"]) == ("newcomer", 1, "journal")
    assert line.json("verify")["missing"] == []
    reconciled = line.json("reconcile")
    assert (reconciled["missing"], reconciled["unexpected"]) == ([], [])


def test_a_port_that_is_taken_and_a_certificate_that_is_none_are_named(tmp_path: Path) -> None:
    port = free_port()
    line = line_in(tmp_path / "home", port)
    with received(line, port):
        assert line.json("journal", exit_code=3)["error"]["code"] == "E001"
    bad = line_in(tmp_path / "bad", port, certificate_file="none.pem", key_file="none.key")
    assert bad.json("journal", exit_code=3)["error"]["code"] == "E001"
