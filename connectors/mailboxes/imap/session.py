"""The few commands of IMAP that reading needs, over a line that is made anew when it breaks.

Folders are opened by EXAMINE and bodies asked for by BODY.PEEK[], so nothing changes at the server, not even \\Seen or
\\Recent. Every command can be asked again: after a lost line the folder is opened once more, and its UIDs must still mean
the same.
"""

from __future__ import annotations

import imaplib
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, TypeVar

from imapclient.exceptions import ProtocolError  # type: ignore[import-untyped]
from imapclient.response_parser import parse_fetch_response, parse_response  # type: ignore[import-untyped]
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from capstone.domain.errors import SourceUnavailable
from connectors.mailboxes.imap.connection import ImapLogin, ImapServer, connect, hang_up
from connectors.mailboxes.imap.errors import DROPS, is_dropped
from connectors.mailboxes.imap.folders import Listed, Namespace

T = TypeVar("T")

_TRIES = 3
"""How often one command is sent at most. Each answer is progress, so a long read may lose its line many times."""

_SPECIAL_USES = "RETURN (SPECIAL-USE)"
_LEFT_OUT_FLAGS = frozenset({"\\recent"})
"""\\Recent says who looked first, not what the message is."""


class FolderRefused(Exception):
    """The server did not open a folder, or did not tell how many messages it holds: it is gone, or may not be read."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """What a server says of a folder. `uid_next` and `mod_seq` are 0 where it does not say."""

    validity: int
    uid_next: int
    messages: int
    mod_seq: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as listed, before its bytes."""

    uid: int
    size_bytes: int
    """RFC822.SIZE: a hint for batches, not always true."""
    flags: tuple[str, ...]
    received_at: datetime | None
    number: int
    """Its place in the folder when it was listed."""


class ImapSession:
    """One reader of one server, for one thread; `abort` may come from another."""

    def __init__(self, server: ImapServer, login: ImapLogin) -> None:
        """Connects at the first command."""
        self._server, self._login = server, login
        self._client: Any = None
        self._open: tuple[bytes, int] | None = None
        self._was_in = self._is_over = False

    # --- the line ------------------------------------------------------------------------------

    def close(self) -> None:
        """Say goodbye, or hang up where the server does not listen."""
        client, self._client, self._open = self._client, None, None
        self._is_over = True
        if client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                client.logout()
            hang_up(client)

    def abort(self) -> None:
        """End the line under a command that waits for it, and allow no new one. The thread that waits closes it."""
        self._is_over = True
        if (client := self._client) is not None:
            with suppress(OSError):
                # Not by the client, whose file the waiting thread has locked, nor by a TLS socket, which forgets its state.
                socket.socket.shutdown(client.socket(), socket.SHUT_RDWR)

    def _ask(self, question: Callable[[Any], T]) -> T:
        """The answer, asked again on a new line where the line broke; a first line that cannot be made is not tried again."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: is_dropped(error) and self._was_in and not self._is_over),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(multiplier=0.1, max=5),
            reraise=True,
        )
        answer: T = retrying(self._ask_once, question)
        return answer

    def _ask_once(self, question: Callable[[Any], T]) -> T:
        if self._is_over:
            raise imaplib.IMAP4.abort("closed")
        try:
            if self._client is None:
                self._client = connect(self._server, self._login)
                self._was_in = True
                self._reopen()
            return question(self._client)
        except DROPS as exc:
            if is_dropped(exc):
                self._drop()
            raise
        except (OverflowError, MemoryError) as exc:
            # Of an answer as large as it was announced nothing was read: what follows on this line would be taken for others.
            self._drop()
            raise imaplib.IMAP4.abort("an answer larger than memory") from exc
        except (ValueError, TypeError, LookupError, AttributeError) as exc:
            # The readers of the library raise these on answers that no server should give.
            raise ProtocolError("an answer that cannot be read") from exc

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            hang_up(client)

    def _reopen(self) -> None:
        if self._open is not None:
            _same_validity(_examine(self._client, self._open[0]), self._open[1])

    # --- folders -------------------------------------------------------------------------------

    def namespaces(self) -> list[Namespace]:
        """The parts of the server's tree; none where it does not say."""

        def ask(client: Any) -> list[Namespace]:
            if not client.has_capability("NAMESPACE"):
                return []
            personal, *others = parse_response(client._command_and_check("namespace"))
            spaces = [(space, True) for space in personal or ()] + [(space, False) for part in others for space in part or ()]
            return [Namespace(space[0] or b"", space[1], own) for space, own in spaces]

        return self._ask(ask)

    def folders(self, wire: bytes = b"", pattern: bytes = b"*") -> list[Listed]:
        """What the server lists, with special uses where it tells them."""

        def ask(client: Any) -> list[Listed]:
            extended = client.has_capability("SPECIAL-USE") and client.has_capability("LIST-EXTENDED")
            asked = [quoted(wire), quoted(pattern), *([_SPECIAL_USES] if extended else [])]
            typ, data = client._imap._simple_command("LIST", *asked)
            client._checkok("list", typ, data)
            _, lines = client._imap.response("LIST")
            # What comes behind a name that came as a literal is no folder of its own.
            own = [line for before, line in pairwise([None, *lines]) if line and not isinstance(before, tuple)]
            return [_listed(_with_quoted_name(line)) for line in own]

        return self._ask(ask)

    def state(self, wire: bytes) -> FolderState | None:
        """What the server says of a folder without opening it; None where it does not say."""

        def ask(client: Any) -> FolderState | None:
            if not _is_sendable(wire):
                return None
            asked = "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)" if _has_mod_seq(client) else "(MESSAGES UIDNEXT UIDVALIDITY)"
            client._imap.response("STATUS")
            typ, _ = client._imap._simple_command("STATUS", quoted(wire), asked)
            _, lines = client._imap.response("STATUS")
            return _state_in(lines[-1]) if typ == "OK" and lines != [None] else None

        return self._ask(ask)

    def size(self, wire: bytes) -> int | None:
        """How many bytes its messages have (RFC 8438); None where the server does not say."""

        def ask(client: Any) -> int | None:
            if not _is_sendable(wire) or not client.has_capability("STATUS=SIZE"):
                return None
            client._imap.response("STATUS")
            typ, _ = client._imap._simple_command("STATUS", quoted(wire), "(SIZE)")
            _, lines = client._imap.response("STATUS")
            size = _status_in(lines[-1]).get(b"SIZE") if typ == "OK" and lines != [None] else None
            return size if isinstance(size, int) else None

        return self._ask(ask)

    def open(self, wire: bytes) -> FolderState:
        """Open a folder for reading only. Raises FolderRefused."""
        self._open = None
        state = self._ask(lambda client: _examine(client, wire))
        self._open = (wire, state.validity)
        return state

    def refresh(self) -> FolderState:
        """Open the open folder once more, to see it as it is now. Raises FolderRefused, SourceUnavailable."""
        if self._open is None:
            raise FolderRefused
        wire, validity = self._open
        return _same_validity(self._ask(lambda client: _examine(client, wire)), validity)

    # --- messages of the open folder -----------------------------------------------------------

    def entries(self, low: int, high: int) -> list[Entry]:
        """The messages whose UIDs lie between the two, both included, by UID."""

        def ask(client: Any) -> list[Entry]:
            asked = f"{low}:{high}".encode()
            try:
                rows = _fetch(client, asked, "(UID RFC822.SIZE INTERNALDATE FLAGS)")
            except ProtocolError:
                # The library does not read every keyword that a server may keep, such as "[x".
                rows = _fetch(client, asked, "(UID RFC822.SIZE INTERNALDATE)")
            found = [_entry(uid, row) for uid, row in rows.items() if b"RFC822.SIZE" in row and low <= uid <= high]
            return sorted(found, key=lambda entry: entry.uid)

        return self._ask(ask)

    def uids(self, first: int, last: int) -> list[int]:
        """The UIDs of the messages with these numbers in the open folder. Raises SourceUnavailable where one is not told."""

        def ask(client: Any) -> list[int]:
            rows = _fetch(client, f"{first}:{last}".encode(), "(UID)", by_uid=False)
            told = [uid for number in range(first, last + 1) if isinstance(uid := rows.get(number, {}).get(b"UID"), int)]
            if len(told) <= last - first:
                raise SourceUnavailable("The mail server did not tell the UID of a message that it counts.")
            return told

        return self._ask(ask)

    def bodies(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The bytes of the messages; one that the server does not give is left out."""

        def ask(client: Any) -> dict[int, bytes]:
            rows = _fetch(client, uid_set(uids), "(UID BODY.PEEK[])", may_lack=True)
            return {uid: body for uid in uids if (body := _body(rows.get(uid, {}), b"BODY[]")) is not None}

        return self._ask(ask)

    def part(self, uid: int, offset: int, size: int) -> bytes | None:
        """That part of a message's bytes, fewer at its end; None where the server gives nothing."""

        def ask(client: Any) -> bytes | None:
            rows = _fetch(client, str(uid).encode(), f"(UID BODY.PEEK[]<{offset}.{size}>)", may_lack=True)
            return _body(rows.get(uid, {}), f"BODY[]<{offset}>".encode())

        return self._ask(ask)


def quoted(wire: bytes) -> bytes:
    """A folder name as a quoted string. Raises FolderRefused for one that no quoted string can hold."""
    if not _is_sendable(wire):
        raise FolderRefused
    return b'"' + wire.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _is_sendable(wire: bytes) -> bool:
    """A name that holds the end of a line would end the command, and what follows would be another."""
    return not any(byte in b"\r\n\0" for byte in wire)


def uid_set(uids: Sequence[int]) -> bytes:
    """Ascending UIDs as IMAP writes them, neighbours as a range."""
    runs: list[list[int]] = []
    for uid in uids:
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in runs).encode()


def _fetch(client: Any, asked: bytes, what: str, *, by_uid: bool = True, may_lack: bool = False) -> dict[int, dict[bytes, Any]]:
    """A FETCH of a range, which imapclient's own `fetch` does not take. An answer of NO is an error, unless messages were
    expunged meanwhile or the caller looks itself for what is missing: what came before the NO counts then."""
    imap = client._imap
    imap.response("EXPUNGEISSUED")
    tag = imap._command(*(["UID"] if by_uid else []), "FETCH", asked, what)
    typ, answer = imap._command_complete("FETCH", tag)
    if not may_lack and imap.response("EXPUNGEISSUED")[1] == [None]:
        client._checkok("fetch", typ, answer)
    _, data = imap.response("FETCH")
    rows: dict[int, dict[bytes, Any]] = parse_fetch_response(data, False, by_uid)
    return rows


def _examine(client: Any, wire: bytes) -> FolderState:
    name = quoted(wire)
    typ, _ = client._imap.select(name, True)
    if typ != "OK":
        raise FolderRefused
    told = client._process_select_response(client._imap.untagged_responses)
    if b"EXISTS" not in told:
        raise FolderRefused
    numbers = [told.get(key, 0) for key in (b"UIDVALIDITY", b"UIDNEXT", b"EXISTS", b"HIGHESTMODSEQ")]
    return FolderState(*numbers)


def _same_validity(state: FolderState, validity: int) -> FolderState:
    if state.validity != validity:
        raise SourceUnavailable("A folder was made anew while it was read; the next run reads it from its beginning.")
    return state


def _status_in(line: Any) -> dict[bytes, Any]:
    """The numbers stand in the last brackets, whatever the folder is called."""
    text = line if isinstance(line, bytes) else b""
    pairs = parse_response([text[text.rindex(b"(") :]])[0]
    return {bytes(name).upper(): number for name, number in zip(pairs[::2], pairs[1::2], strict=True)}


def _state_in(line: Any) -> FolderState | None:
    """None where it does not say how many messages there are, which is not the same as none."""
    told = {name: number for name, number in _status_in(line).items() if isinstance(number, int)}
    if b"MESSAGES" not in told:
        return None
    return FolderState(*(told.get(key, 0) for key in (b"UIDVALIDITY", b"UIDNEXT", b"MESSAGES", b"HIGHESTMODSEQ")))


def _entry(uid: int, row: dict[bytes, Any]) -> Entry:
    flags = sorted({_text(flag) for flag in row.get(b"FLAGS") or ()})
    kept = tuple(flag for flag in flags if flag.casefold() not in _LEFT_OUT_FLAGS)
    return Entry(uid, int(row[b"RFC822.SIZE"] or 0), kept, _instant(row.get(b"INTERNALDATE")), row[b"SEQ"])


def _instant(told: datetime | None) -> datetime | None:
    """Aware, in UTC. A zone of "-0000" comes without one and means UTC; a date that no calendar holds is none."""
    try:
        return None if told is None else told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _body(row: dict[bytes, Any], key: bytes) -> bytes | None:
    """Digits alone come out of the library as a number only where a server sends bytes as an atom, which none may."""
    body = row.get(key)
    return body if isinstance(body, bytes) else None


def _listed(line: Any) -> Listed:
    """What stands behind the name (RFC 5258) is of no use here."""
    flags, separator, name = parse_response([line])[:3]
    return Listed(_bytes(name), separator, frozenset(map(_small, flags)))


def _with_quoted_name(line: Any) -> Any:
    """A LIST line whose name stands without quotes: within them the library takes brackets, digits and NIL as text."""
    if not isinstance(line, bytes) or line.endswith((b'"', b")", b"}")) or b" " not in line:
        return line
    head, _, name = line.rpartition(b" ")
    return head + b' "' + name + b'"'


def _has_mod_seq(client: Any) -> bool:
    return bool(client.has_capability("CONDSTORE") or client.has_capability("QRESYNC"))


def _bytes(name: Any) -> bytes:
    return name if isinstance(name, bytes) else str(name).encode()


def _text(flag: Any) -> str:
    return flag.decode("ascii", "backslashreplace") if isinstance(flag, bytes) else str(flag)


def _small(flag: Any) -> str:
    return _text(flag).casefold()
