"""Files of Outlook among files of mail: PST and MSG, what came of them, and the two processes that read them for a whole pass."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import FileIO
from itertools import islice

from capstone.domain.folders import FolderPolicy
from capstone.domain.message import (
    Companion,
    CompanionKind,
    HeldItem,
    ItemState,
    Occurrence,
    OfferedItem,
    OfferedMessage,
    Place,
    RefusedItem,
    SourceNote,
)
from capstone.ports import HeldItems
from connectors.mailboxes.files.regular import open_regular
from connectors.mailboxes.files.tree import Found, Kind
from connectors.mailboxes.outlook import msg_child, pst_child
from connectors.mailboxes.outlook.facts import occurrence_of
from connectors.mailboxes.outlook.pst import PstItemsOffered, PstPlace
from connectors.mailboxes.outlook.pst_reading import PstNotOpened
from connectors.mailboxes.outlook.reader_process import Limits, ReaderEnded, ReaderProcess
from connectors.mailboxes.outlook.second_witness import Witness

_FORESEEN = 64
_MOST_READERS = 2
"""More of them would read faster than what they read can be stored."""
READING = Limits()


class MsgFiles:
    """Reads MSG files, one after the other."""

    def __init__(self, held: HeldItems, reader: ReaderProcess) -> None:
        """`reader` is one for `msg_child.begin`."""
        self._held, self._reader = held, reader
        self._known: Mapping[str, tuple[str, ...]] = {}
        self._asked: frozenset[str] = frozenset()
        self.emitted = self.lacking = 0
        """How many messages were made of files, and how many of them lack something of their item."""

    def close(self) -> None:
        """End the process."""
        self._reader.close()

    def expect(self, identities: Iterable[str]) -> None:
        """What comes next: asked for at once whether it is held."""
        self._asked = frozenset(identities)
        self._known = self._held(sorted(self._asked)) if self._asked else {}

    def item(self, file: FileIO, place: Place, *, is_sent: bool) -> OfferedItem | None:
        """The item of an MSG file, or why there is none; None where the file cannot be read. Raises OSError, also if it
        changes."""
        unchanged = _Unchanged(file)
        identity = f"msg:{digest_of_file(file)}"
        known = self._known if identity in self._asked else self._held([identity])
        if digests := known.get(identity):
            return HeldItem(Occurrence(place, is_sent=is_sent, identity=identity), digests[0])
        try:
            self._reader.send({"path": os.fsdecode(_path_of(file))})
            told, blobs = self._reader.receive()
        except ReaderEnded:
            return None
        finally:
            unchanged()
        match told["state"]:
            case "message":
                occurrence = occurrence_of(told, place, identity, is_sent=is_sent)
                raw = file.readall()
                unchanged()
                self.emitted, self.lacking = self.emitted + 1, self.lacking + bool(told.get("is_lacking"))
                return OfferedMessage(occurrence, blobs[0], companions=(Companion(CompanionKind.NATIVE, "msg", raw),))
            case "excluded":
                return RefusedItem(place, ItemState.EXCLUDED, told["policy"], "its class is that of an item that is no mail")
            case "no_msg":
                return RefusedItem(place, ItemState.EXCLUDED, "not_mail", "an OLE2 file that is no message: a document, say")
        return None


class OutlookFiles:
    """For one pass over files. To be closed."""

    def __init__(self, held: HeldItems, excludes: FolderPolicy, limits: Limits, notes: list[SourceNote]) -> None:
        """What there is to say of a PST is added to `notes`."""
        self._held, self._excludes, self._limits = held, excludes, limits
        self._msg = MsgFiles(held, ReaderProcess(msg_child.begin, limits))
        self._pst_readers = [ReaderProcess(pst_child.begin, limits) for _ in range(min(_MOST_READERS, os.cpu_count() or 1))]
        self._notes = notes

    def close(self) -> None:
        """End the processes. Of MSG files there is one note, if anything is lacking in them."""
        self._msg.close()
        for reader in self._pst_readers:
            reader.close()
        if self._msg.lacking:
            counts = {"emitted": self._msg.emitted, "lacking": self._msg.lacking}
            self._notes.append(SourceNote("msg_files", "*.msg", "what a message lacks stands in its first field", counts))

    def foreseen(self, founds: Iterable[Found]) -> Iterator[Found]:
        """The same things; of the MSG files among the next ones it is asked at once whether they are held."""
        ahead = iter(founds)
        while chunk := list(islice(ahead, _FORESEEN)):
            self._msg.expect(_identities(chunk))
            yield from chunk

    def msg(self, file: FileIO, place: Place, *, is_sent: bool) -> OfferedItem | None:
        """See `MsgFiles.item`."""
        return self._msg.item(file, place, is_sent=is_sent)

    def pst(self, file: FileIO, place: PstPlace) -> Iterator[OfferedItem]:
        """The items of a PST. Raises PstNotOpened, then or later, where it cannot be read (on), OSError if it changes."""
        path, unchanged = _path_of(file), _Unchanged(file)
        place = replace(place, path=path, digest=digest_of_file(file))
        unchanged()
        found = PstItemsOffered(place, self._held, self._excludes, self._pst_readers, unchanged)
        witness = Witness(path)
        try:
            yield from found.items()
            unchanged()
            self._notes.append(found.note(witness.count(self._limits.silence_s)))
        except PstNotOpened:
            unchanged()
            note = found.note_unopened(witness.count(self._limits.silence_s))
            self._notes += [note] if note else []
            raise
        finally:
            witness.dismiss()


def _path_of(file: FileIO) -> bytes:
    """Where another process opens the file whose digest was taken, whatever comes to lie at its own path."""
    return b"/proc/%d/fd/%d" % (os.getpid(), file.fileno())


class _Unchanged:
    """Raises OSError once a file is not what it was when this was made."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._before = self._now()

    def __call__(self) -> None:
        if self._now() != self._before:
            raise OSError(errno.ESTALE, "the file changed while it was read")

    def _now(self) -> tuple[int, ...]:
        found = os.fstat(self._file.fileno())
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _identities(founds: Sequence[Found]) -> Iterator[str]:
    """Of the things that have the name of an MSG file. What cannot be read is told when it is its turn."""
    for found in founds:
        if found.kind is Kind.FILE and found.name.lower().endswith(b".msg"):
            with suppress(OSError), open_regular(found.path) as file:
                yield f"msg:{digest_of_file(file)}"


def digest_of_file(file: FileIO) -> str:
    """SHA-256 of all of a file, whatever its place. Raises OSError."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")
    file.seek(0)
    return digest.hexdigest()
