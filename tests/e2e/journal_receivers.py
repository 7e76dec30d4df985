"""`capstone journal` as a process of its own, a mail server that journals to it, and what must be in the archive for it."""

from __future__ import annotations

import re
import signal
import smtplib
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from capstone.bootstrap import App, build_app
from capstone.domain.facts import capture_facts
from capstone.domain.fixity import digest_of
from servers.postfix import JOURNAL, Postfix
from servers.processes import wait_until
from tests.e2e.conftest import CommandLine
from tests.e2e.power import cut_power
from tests.journal_reports import lines_for, original, report

WAIT_S = 60
_SLOWEST_RATE = 10
"""Messages a second, on a machine that does much else."""
_LINE = (b"We agreed on the figures for the next year, see below. " * 2)[:76] + b"\r\n"
_QUEUED = re.compile(rb"queued as (\w+)")


class ReceiverProcess:
    """The command, started again and again on one port."""

    def __init__(self, line: CommandLine, port: int) -> None:
        self._line, self.port = line, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it listens."""
        self._process = subprocess.Popen(
            self._line.command("journal", "--json"),
            env=self._line.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        assert said.startswith(b"Listening on "), said + self._process.stderr.read()

    def kill(self) -> None:
        """At once, as a power cut would."""
        assert self._process is not None
        cut_power(self._process)
        self._process.communicate()
        self._process = None

    def stop(self) -> bytes:
        """In good order; what it printed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        said, complained = self._process.communicate(timeout=WAIT_S)
        assert self._process.returncode == 0, complained
        assert b"Traceback" not in complained
        self._process = None
        return said

    def drop(self) -> None:
        """Whatever its state, it is gone."""
        if self._process is not None:
            self.kill()


@dataclass
class Sent:
    """What the mail server took: Message-ID to (queue id, digest of the record that it must become, if that is known)."""

    taken: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    faults: list[BaseException] = field(default_factory=list)


class Senders:
    """People who write at a steady rate: every other message is an Exchange report, the others are copied by the server."""

    def __init__(self, port: int, rate: float, size_bytes: int = 20_000, threads: int = 4) -> None:
        self._port, self._rate, self._size = port, rate / threads, size_bytes
        self.sent = Sent()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> Sent:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT_S)
        if self.sent.faults:
            raise self.sent.faults[0]
        return self.sent

    def _work(self, worker: int) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=WAIT_S) as client:
                client.ehlo()
                began, number = time.monotonic(), 0
                while not self._stop.wait(max(0.0, began + number / self._rate - time.monotonic())):
                    self._send(client, f"{worker}-{number}@agency.example", is_report=number % 2 == 0)
                    number += 1
        except BaseException as fault:  # noqa: BLE001 - told by `stop`
            self.sent.faults.append(fault)

    def _send(self, client: smtplib.SMTP, message_id: str, *, is_report: bool) -> None:
        inner = original(message_id, body=_LINE * (self._size // len(_LINE)), From="s@x.example", To="analyst@agency.example")
        raw, recipient = inner, "analyst@agency.example"
        if is_report:
            lines = lines_for("Bcc: analyst@agency.example", sender="s@x.example", message_id=message_id)
            raw, recipient = report(lines, inner, sender="s@x.example"), JOURNAL
        client.mail("s@x.example")
        client.rcpt(recipient)
        code, said = client.data(raw)
        found = _QUEUED.search(said)
        assert code == 250, said
        assert found, said
        self.sent.taken[message_id] = (found[1].decode(), digest_of(inner) if is_report else None)


@contextmanager
def app_of(line: CommandLine) -> Iterator[App]:
    """The archive of the command line, in this process."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in line.environment.items():
            patched.setenv(name, value)
        app = build_app()
        try:
            yield app
        finally:
            app.close()


def digests_held(app: App) -> list[str]:
    """The digest of every record."""
    return [entry.digest for entry in app._parts.ledger.records.records()]


def message_ids_held(app: App) -> list[str]:
    """The Message-ID of every record, from its stored bytes."""
    store = app._parts.store
    keys = [f"records/{one.account}/{one.digest[:2]}/{one.digest}.eml" for one in app._parts.ledger.records.records()]
    return [str(capture_facts(store.get(key)).message_id) for key in keys]


def assert_nobody_is_missing(app: App, postfix: Postfix, taken: dict[str, tuple[str, str | None]]) -> None:
    """While the receiver is down: what the mail server took is in the archive, or still in its queue."""
    held = set(digests_held(app))
    missing = {queue_id for queue_id, digest in taken.values() if digest and digest not in held}

    def is_accounted_for() -> bool:  # a listing may pass by what moves from one queue to another meanwhile
        missing.difference_update(postfix.queued())
        return not missing

    assert wait_until(is_accounted_for, WAIT_S), f"{len(missing)} neither archived nor queued"


def assert_everything_arrived(line: CommandLine, postfix: Postfix, sent: Sent) -> dict[str, Any]:
    """Every message is one record, and the queue is empty. Gives what `status` says."""
    postfix.flush()
    limit_s = max(WAIT_S, len(sent.taken) / _SLOWEST_RATE)
    with app_of(line) as app:
        assert wait_until(lambda: len(digests_held(app)) >= len(sent.taken), limit_s, 1), f"{len(postfix.queued())} still queued"
        held = message_ids_held(app)
    assert sorted(held) == sorted(sent.taken)
    assert wait_until(lambda: not postfix.queued(), WAIT_S)
    return line.json("status")
