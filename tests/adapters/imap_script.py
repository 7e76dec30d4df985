"""A small IMAP server for what no real one can be made to do on request: odd answers, missing capabilities, lines cut short.

It speaks over a real socket and knows just the commands of a reader; anything that writes is an error of the test.
"""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CAPABILITIES = "IMAP4rev1 AUTH=PLAIN NAMESPACE"


@dataclass
class ScriptedFolder:
    """Messages by UID. `sizes` tells other sizes than the true ones."""

    messages: dict[int, bytes | None] = field(default_factory=dict)
    validity: int = 7
    uid_next: int | None = None
    mod_seq: int | None = None
    attributes: str = ""
    sizes: dict[int, int] = field(default_factory=dict)
    flags: str = "\\Seen \\Recent"
    date: str = "02-Jan-2020 10:00:00 +0000"
    is_refused: bool = False
    """Whether it is listed and not opened."""

    def next_uid(self) -> int:
        return self.uid_next or max(self.messages, default=0) + 1


@dataclass
class ScriptedServer:
    """What the server offers and how it answers. `answers` overrules by the start of a command: a line, or what makes it."""

    folders: dict[str, ScriptedFolder] = field(default_factory=dict)
    greeting: str = "* OK ready"
    capabilities: str = CAPABILITIES
    later_capabilities: str | None = None
    """After the login, if others."""
    login: str = "OK in"
    namespaces: str = '(("" "/")) NIL NIL'
    separator: str = '"/"'
    answers: dict[str, Callable[[str], bytes | None]] = field(default_factory=dict)
    """Gives the whole untagged answer, to be followed by OK; None cuts the line."""
    body: Callable[[int, bytes | None], bytes] | None = None
    """How a message's bytes are written in a FETCH answer."""
    tells_uid_next: bool = True
    commands: list[str] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)
    lines: int = 0
    """Connections so far."""
    open_lines: int = 0
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
            yield self
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.lines += 1
                threading.Thread(target=_Talk(self, line).run, daemon=True).start()


class _Talk:
    """One connection."""

    def __init__(self, server: ScriptedServer, line: socket.socket) -> None:
        self._server, self._line, self._file = server, line, line.makefile("rb")
        self._open = ScriptedFolder()
        self._is_in = server.greeting.startswith("* PREAUTH")

    def run(self) -> None:
        self._server.open_lines += 1
        try:
            with suppress(OSError), self._line, self._file:
                self._talk()
        finally:
            self._server.open_lines -= 1

    def _talk(self) -> None:
        self._say(self._server.greeting)
        while command := self._file.readline().decode("latin-1").rstrip("\r\n"):
            tag, _, rest = command.partition(" ")
            self._server.commands.append(rest)
            answer = self._answer(rest)
            if answer is None:
                self._line.shutdown(socket.SHUT_RDWR)
                return
            untagged, result = answer
            self._line.sendall(untagged)
            self._say(f"{tag} {result}")
            if rest == "LOGOUT":
                return

    def _say(self, line: str) -> None:
        self._line.sendall(line.encode("latin-1") + b"\r\n")

    def _answer(self, command: str) -> tuple[bytes, str] | None:
        for start, make in self._server.answers.items():
            if command.startswith(start):
                made = make(command)
                if made is None:
                    return None
                untagged, _, last = made.rpartition(b"\n")
                return (untagged + b"\n" if untagged else b"", last.decode("latin-1") or "OK done")
        name = command.split(" ")[0]
        known: dict[str, Callable[[str], tuple[bytes, str]]] = {
            "CAPABILITY": self._capability,
            "AUTHENTICATE": self._authenticate,
            "LOGIN": self._log_in,
            "NAMESPACE": lambda _: (f"* NAMESPACE {self._server.namespaces}\r\n".encode(), "OK done"),
            "LIST": self._list,
            "STATUS": self._status,
            "EXAMINE": self._examine,
            "FETCH": self._fetch,
            "UID": self._fetch,
            "LOGOUT": lambda _: (b"* BYE so long\r\n", "OK done"),
        }
        return known[name](command)

    def _capability(self, command: str) -> tuple[bytes, str]:
        offered = self._server.later_capabilities if self._is_in else None
        return f"* CAPABILITY {offered or self._server.capabilities}\r\n".encode(), "OK done"

    def _authenticate(self, command: str) -> tuple[bytes, str]:
        self._say("+ ")
        self._server.secrets.append(base64.b64decode(self._file.readline()))
        if not self._server.login.startswith("OK") and "OAUTH" in command.upper():
            self._say("+ " + base64.b64encode(b'{"status":"401"}').decode())
            self._server.secrets.append(base64.b64decode(self._file.readline()))
        return self._logged_in()

    def _log_in(self, command: str) -> tuple[bytes, str]:
        self._server.secrets.append(command.partition(" ")[2].encode("latin-1"))
        return self._logged_in()

    def _logged_in(self) -> tuple[bytes, str]:
        self._is_in = self._server.login.startswith("OK")
        return b"", self._server.login

    def _list(self, command: str) -> tuple[bytes, str]:
        rows = [f'* LIST ({box.attributes}) {self._server.separator} "{name}"\r\n' for name, box in self._server.folders.items()]
        return "".join(rows).encode(), "OK done"

    def _named(self, command: str) -> tuple[str, ScriptedFolder | None]:
        name = command.split('"')[1]
        box = self._server.folders.get(name)
        return name, None if box is None or box.is_refused else box

    def _status(self, command: str) -> tuple[bytes, str]:
        name, box = self._named(command)
        if box is None:
            return b"", "NO no such folder"
        told = f"MESSAGES {len(box.messages)} UIDVALIDITY {box.validity}"
        told += f" UIDNEXT {box.next_uid()}" if self._server.tells_uid_next else ""
        told += f" HIGHESTMODSEQ {box.mod_seq}" if box.mod_seq is not None else ""
        return f'* STATUS "{name}" ({told})\r\n'.encode(), "OK done"

    def _examine(self, command: str) -> tuple[bytes, str]:
        _, box = self._named(command)
        if box is None:
            return b"", "NO no such folder"
        self._open = box
        told = f"* {len(box.messages)} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {box.validity}]\r\n"
        told += f"* OK [UIDNEXT {box.next_uid()}]\r\n" if self._server.tells_uid_next else ""
        told += f"* OK [HIGHESTMODSEQ {box.mod_seq}]\r\n" if box.mod_seq is not None else ""
        return told.encode(), "OK [READ-ONLY] opened"

    def _fetch(self, command: str) -> tuple[bytes, str]:
        by_uid, words = command.startswith("UID "), command.removeprefix("UID ").split(" ", 2)
        wanted = [tuple(map(int, f"{part}:{part}".split(":")[:2])) for part in words[1].split(",")]
        if ":" in words[1]:
            wanted = [(int(part.split(":")[0]), int(part.split(":")[-1])) for part in words[1].split(",")]
        rows = [
            self._row(number, uid, words[2])
            for number, uid in enumerate(sorted(self._open.messages), 1)
            if any(low <= (uid if by_uid else number) <= high for low, high in wanted)
        ]
        return b"".join(rows), "OK done"

    def _row(self, number: int, uid: int, what: str) -> bytes:
        box, raw = self._open, self._open.messages[uid]
        told = [f"UID {uid}".encode()]
        if "RFC822.SIZE" in what:
            told.append(f"RFC822.SIZE {box.sizes.get(uid, len(raw or b''))}".encode())
        if "INTERNALDATE" in what:
            told.append(f'INTERNALDATE "{box.date}"'.encode())
        if "FLAGS" in what:
            told.append(f"FLAGS ({box.flags})".encode())
        if part := re.search(r"BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?", what):
            first = int(part[1] or 0)
            inside = raw if raw is None or part[1] is None else raw[first : first + int(part[2])]
            mark = b"BODY[]" + (f"<{first}>".encode() if part[1] is not None else b"")
            told.append(mark + b" " + (self._server.body or _literal)(uid, inside))
        return b"* %d FETCH (" % number + b" ".join(told) + b")\r\n"


def _literal(_uid: int, raw: bytes | None) -> bytes:
    return b"NIL" if raw is None else b"{%d}\r\n" % len(raw) + raw
