"""How many journal reports a second `capstone journal` keeps, from many senders at once.

    python -m benchmarks.journal_rate FOLDER

BENCH_REPORTS (10,000) Exchange reports of 20 kB come over BENCH_CONNECTIONS (50) connections from Python's smtplib, in processes
of their own on the same machine. With BENCH_STORE=servers the archive is on versitygw and PostgreSQL.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.embedded import command, environment, make
from benchmarks.on_servers.cluster import fresh_folder
from servers.postgres import Postgres
from servers.processes import free_port
from servers.versitygw import Versitygw
from tests.journal_reports import lines_for, original, report

REPORTS = int(os.environ.get("BENCH_REPORTS", "10000"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "50"))
SENDERS = 2
"""Processes that send."""
SIZE = 20_000
FLOOR = 200
"""Of the embedded archive."""

_ON_SERVERS = '[store]\nkind = "s3"\nendpoint_url = "{0}"\nbucket = "journal"\n[ledger]\nurl_file = "ledger-url"\n'


def main() -> int:
    """Print the figure; 1 where the floor is missed."""
    parent = Path(sys.argv[1]).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with fresh_folder(parent) as folder, ExitStack() as stack:
        home, port = folder / "home", free_port()
        is_embedded = os.environ.get("BENCH_STORE") != "servers"
        backing = "" if is_embedded else _on_servers(folder, home, stack)
        make(home, ["ada"], f"{backing}[journal]\nport = {port}\n")
        seconds, counts = _measured(home, port)
    if counts["archived"] != REPORTS:
        raise SystemExit(f"Not everything was kept: {counts}")
    rate = REPORTS / seconds
    print(
        f"{REPORTS:,} reports over {CONNECTIONS} connections: {rate:.0f} a second" + (f", floor {FLOOR}" if is_embedded else "")
    )
    return 1 if is_embedded and rate < FLOOR else 0


def _on_servers(folder: Path, home: Path, stack: ExitStack) -> str:
    s3 = stack.enter_context(Versitygw.started(folder / "versitygw"))
    postgres = stack.enter_context(Postgres.started(folder / "postgres"))
    os.environ |= s3.environment()
    home.mkdir(parents=True)
    (home / "ledger-url").write_text(postgres.create_database("journal"))
    return _ON_SERVERS.format(s3.endpoint_url)


def _measured(home: Path, port: int) -> tuple[float, dict[str, Any]]:
    """Seconds from the first report to the last answer, and what the receiver counted."""
    receiver = subprocess.Popen(
        command("journal"), env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert receiver.stderr is not None  # noqa: S101 it is a pipe
    if not receiver.stderr.readline().startswith("Listening on "):
        raise SystemExit(receiver.stderr.read())
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(SENDERS + 1)
    senders = [context.Process(target=_send, args=(port, number, barrier)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    barrier.wait()
    began = time.perf_counter()
    for sender in senders:
        sender.join()
    seconds = time.perf_counter() - began
    receiver.send_signal(signal.SIGTERM)
    told, complained = receiver.communicate()
    if any(sender.exitcode for sender in senders) or receiver.returncode:
        raise SystemExit(f"It did not come to its end. {complained}")
    counts: dict[str, Any] = json.loads(told)
    return seconds, counts


def _send(port: int, number: int, barrier: Any) -> None:
    connections, faults = CONNECTIONS // SENDERS, list[BaseException]()
    each = REPORTS // SENDERS

    def work(first: int) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=300) as client:
                for one in range(first, each, connections):
                    client.sendmail("s@x.example", ["journal@agency.example"], _report(f"{number}-{one}@agency.example"))
        except Exception as fault:  # noqa: BLE001 told by the exit code
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(connections)]
    barrier.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if faults else 0)


def _report(message_id: str) -> bytes:
    line = (b"We agreed on the figures for the next year, see below. " * 2)[:76] + b"\r\n"
    inner = original(message_id, body=line * (SIZE // len(line)), From="s@x.example", To="ada@agency.example")
    return report(lines_for("Bcc: ada@agency.example", sender="s@x.example", message_id=message_id), inner, sender="s@x.example")


if __name__ == "__main__":
    sys.exit(main())
