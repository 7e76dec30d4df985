"""How long `capstone capture` takes where nothing came since the last one: 50 accounts, on a Dovecot and in files.

    python -m benchmarks.nothing_new FOLDER

Makes the mailboxes and an embedded archive in FOLDER, captures all, and then BENCH_ROUNDS times again, each a process of its own.
"""

from __future__ import annotations

import imaplib
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.embedded import ask, make
from benchmarks.on_servers.cluster import fresh_folder
from servers.dovecot import Dovecot

ACCOUNTS, ON_SERVER = 50, 35
LETTERS, IN_FILE = 60, 300
"""In the mailbox of an account on the server, and in the MBOX file of another."""
FLOOR_S = 60

_IMAP = (
    '[[sources]]\nname = "{0}"\naccount = "{0}"\nkind = "imap"\nhost = "127.0.0.1"\nport = {1}\ntls = "none"\nuser = "{0}"\n'
    'password_file = "password"\n'
)
_FILES = '[[sources]]\nname = "{0}"\naccount = "{0}"\nkind = "files"\npath = "{0}.mbox"\n'
_BODY = "A line of ordinary words that fill a letter.\r\n" * 900


def main() -> int:
    """Print the figures; 1 where the floor is missed."""
    home = Path(sys.argv[1]).absolute() / "home"
    home.mkdir(parents=True)
    with fresh_folder(home.parent) as folder:
        dovecot = Dovecot(folder / "dovecot")
        dovecot.start()
        try:
            _make(home, dovecot)
            first, told = _captured(home)
            print(f"first capture: {first:.1f} s, {_sum(told, 'archived'):,} messages of {len(told)} accounts")
            rounds = [_captured(home) for _ in range(int(os.environ.get("BENCH_ROUNDS", "5")))]
        finally:
            dovecot.stop()
    seconds = statistics.median(each for each, _ in rounds)
    known = _sum(rounds[0][1], "already_held")
    print(f"nothing new: {seconds:.1f} s (median of {len(rounds)}), floor {FLOOR_S} s; {known:,} messages in files read again")
    return 0 if seconds < FLOOR_S and not any(_sum(told, "archived") for _, told in rounds) else 1


def _make(home: Path, dovecot: Dovecot) -> None:
    names = [f"account{number:02}" for number in range(ACCOUNTS)]
    on_server, in_files = names[:ON_SERVER], names[ON_SERVER:]
    for name in on_server:
        _fill(dovecot, name)
    for name in in_files:
        separator = b"From ada@agency.example Thu Jan  2 10:00:00 2020\r\n"
        (home / f"{name}.mbox").write_bytes(b"".join(separator + _letter(name, n) + b"\r\n" for n in range(IN_FILE)))
    sources = [*(_IMAP.format(name, dovecot.port) for name in on_server), *(_FILES.format(name) for name in in_files)]
    (home / "password").write_text(dovecot.password)
    make(home, names, "".join(sources))


def _fill(dovecot: Dovecot, user: str) -> None:
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as line:
        line.login(user, dovecot.password)
        for number in range(LETTERS):
            folder = f"Folder{number % 5}"
            if number < 5:
                line.create(folder)
            line.append(folder, "", "", _letter(user, number))


def _letter(name: str, number: int) -> bytes:
    head = f"From: {name}@agency.example\r\nTo: staff@agency.example\r\nSubject: Note {number}\r\n"
    return f"{head}Date: Thu, 2 Jan 2020 10:{number % 60:02}:00 +0000\r\n\r\n{name} {number} {_BODY}".encode()


def _captured(home: Path) -> tuple[float, list[dict[str, Any]]]:
    start = time.perf_counter()
    told = ask(home, "capture")
    return time.perf_counter() - start, told["runs"]


def _sum(runs: list[dict[str, Any]], count: str) -> int:
    return sum(int(run[count]) for run in runs)


if __name__ == "__main__":
    sys.exit(main())
