"""What lies in quarantine, as a source that is read again: its bytes are laid out as a file, for as long as they are read."""

from __future__ import annotations

import errno
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from capstone.bootstrap.sources import open_files
from capstone.domain.fixity import digest_of
from capstone.domain.message import ItemState, OfferedItem, Place, RefusedItem, SourceNote
from capstone.ports import MailSource
from capstone.usecases.quarantine import OpenSource
from connectors.mailboxes.files.content import CONTAINER_ENDINGS

POINTER = "pst_item_unreadable"
"""Of such an item quarantine keeps where it lay, and no byte of it: a retry has nothing to read."""

_IMPORT_AGAIN = "only its place in a PST is kept; import the PST again to try it"
_OF_CONTAINERS = frozenset((".msg", *CONTAINER_ENDINGS))
_SUFFIXES = _OF_CONTAINERS | {".eml"}
"""Names come from outside, and only these say something of the bytes."""
_SLICE = re.compile(r"#\d+\Z")


def reopening(pointers: Container[str], scratch: Path) -> OpenSource:
    """How a retry reads what is kept. `pointers`: the digests of what says only where an item lay. Nothing stays in `scratch`."""

    def reopened(name: str, item_id: str, raw: bytes) -> MailSource:
        return PointedAt(name, item_id, raw) if digest_of(raw) in pointers else Reopened(name, item_id, raw, scratch)

    return reopened


class Reopened:
    """A source of one item's bytes. A disk that does not take them is a failure of this item alone; the next retry mends it."""

    gives_same_bytes = True

    def __init__(self, name: str, item_id: str, raw: bytes, scratch: Path) -> None:
        """`scratch` is a folder for the file; nothing stays in it."""
        self.name = name
        self._item_id, self._raw = item_id, raw
        self._path = scratch / f"{uuid4().hex}{suffix_of(item_id)}"
        self._notes: Sequence[SourceNote] = ()

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """See `MailSource`."""
        try:
            with self._laid_out() as source:
                yield from source.items(cursors)
                self._notes = source.notes()
        except OSError as exc:
            because = f"the system could not read it ({errno.errorcode.get(exc.errno or 0, 'no reason given')})"
            yield RefusedItem(Place(self.name, "", self._item_id), ItemState.FAILED, "unreadable", because)

    def places(self) -> Iterator[Place]:
        """See `MailSource`."""
        return (item.occurrence.place for item in self.items({}) if not isinstance(item, RefusedItem))

    def notes(self) -> Sequence[SourceNote]:
        """See `MailSource`."""
        return self._notes

    @contextmanager
    def _laid_out(self) -> Iterator[MailSource]:
        try:
            self._path.write_bytes(self._raw)
            yield open_files(self.name, [self._path])
        finally:
            self._path.unlink(missing_ok=True)


class PointedAt:
    """A source that refuses again what quarantine has only a pointer to, and says what would help."""

    gives_same_bytes = True

    def __init__(self, name: str, item_id: str, raw: bytes) -> None:
        """`raw` is the pointer."""
        self.name = name
        self._item_id, self._raw = item_id, raw

    def items(self, _cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """See `MailSource`."""
        yield RefusedItem(Place(self.name, "", self._item_id), ItemState.QUARANTINED, POINTER, _IMPORT_AGAIN, self._raw)

    def places(self) -> Iterator[Place]:
        """See `MailSource`."""
        return iter(())

    def notes(self) -> Sequence[SourceNote]:
        """See `MailSource`."""
        return (SourceNote(POINTER, self._item_id, _IMPORT_AGAIN),)


def suffix_of(item_id: str) -> str:
    """The ending that says what the bytes are. What lay in an archive may be kept as it lay there, so that it is no letter
    whatever its name; a damaged container is known by its name there too."""
    suffix = Path(_SLICE.sub("", item_id)).suffix.lower()
    return suffix if suffix in (_OF_CONTAINERS if "!" in item_id else _SUFFIXES) else ""
