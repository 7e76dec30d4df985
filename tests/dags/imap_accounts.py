"""Accounts whose mail lies on a Dovecot: filled, changed and looked at by a client that is not ours."""

from __future__ import annotations

import hashlib
import random
from base64 import encodebytes
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from servers.dovecot import Dovecot
from tests.adapters.imap_boxes import Box, ok, wire
from tests.fakes.mail_source import Mail

LEFT_OUT = "Drafts"
"""Dovecot gives this folder the special use of drafts; the archive leaves it out."""


@dataclass(frozen=True)
class Account:
    """An account of the register, its mailbox, and the port that its source names."""

    name: str
    box: Box
    port: int
    tls: str

    @property
    def source(self) -> str:
        return f"{self.name}-mail"

    def fill(self, folder: str, raws: list[bytes]) -> None:
        self.box.fill([Mail(folder, raw) for raw in raws])

    def mark(self, folder: str, uids: str, flags: str) -> None:
        with self.box.line() as line:
            ok(line.select(wire(folder)))
            ok(line.uid("STORE", uids, "+FLAGS", f"({flags})"))

    def remake(self, folder: str) -> None:
        """Lose what the server knows of a folder but for its messages: they get new UIDs, under another UIDVALIDITY."""
        before = self.validity(folder)
        root = self.box.dovecot.mail_folder(self.box.user) / f".{folder.replace('/', '.')}"
        for path in root.glob("dovecot*"):
            path.unlink()
        assert self.validity(folder) != before

    def validity(self, folder: str) -> bytes:
        with self.box.line() as line:
            return bytes(ok(line.status(wire(folder), "(UIDVALIDITY)"))[0])

    def folders(self) -> list[str]:
        """Every folder that the archive should read, as the server names it and takes it."""
        with self.box.line() as line:
            parts = [bytes(row).decode().partition(' "/" ') for row in ok(line.list())]
        return [name for marks, _, name in parts if name.strip('"') != LEFT_OUT and "\\Noselect" not in marks]

    def look(self) -> Counter[str]:
        """The digest of every message that a second client is given by BODY.PEEK[], each as often as it is there."""
        shown: Counter[str] = Counter()
        with self.box.line() as line:
            for name in self.folders():
                ok(line.select(name, readonly=True))
                rows = ok(line.uid("FETCH", "1:*", "(BODY.PEEK[])"))
                shown.update(hashlib.sha256(row[1]).hexdigest() for row in rows if isinstance(row, tuple))
        return shown


def new_account(name: str, dovecot: Dovecot, port: int, tls: str = "tls") -> Account:
    """One with an empty mailbox of its own."""
    return Account(name, Box(dovecot), port, tls)


def corpus_mail(corpus: Path) -> list[bytes]:
    """Messages of real people, none of them large."""
    files = sorted(path for path in (corpus / "spamassassin").rglob("*") if path.is_file())
    return [raw for raw in (path.read_bytes() for path in files) if len(raw) < 50_000]


def large_letter(number: int, size_bytes: int) -> bytes:
    """A message of about that size; every number gives another."""
    head = f"From: a@agency.example\r\nSubject: Survey {number}\r\nDate: Tue, 5 May 2020 09:00:00 -0400\r\n\r\n"
    body = encodebytes(random.Random(number).randbytes(size_bytes * 3 // 4)).replace(b"\n", b"\r\n")
    return head.encode() + body
