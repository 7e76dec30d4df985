"""Mail on an IMAP server: every folder, each message once, by UID. It is only ever read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from capstone.domain.errors import SourceMissing, SourceUnavailable
from capstone.domain.folders import BY_DEFAULT, LeftOut
from capstone.domain.message import HeldItem, ItemState, OfferedItem, Place, RefusedItem, SourceNote
from capstone.ports import FolderSeen, SourceCheck
from connectors.mailboxes.ahead import ReadAhead
from connectors.mailboxes.emptiness import check_emptiness
from connectors.mailboxes.imap.connection import ImapLogin, ImapServer
from connectors.mailboxes.imap.cursors import Position, is_unchanged, position_in, read_after
from connectors.mailboxes.imap.errors import vendor_errors
from connectors.mailboxes.imap.folders import Folder, Listed, below, personal, to_read
from connectors.mailboxes.imap.names import path_of, wire_of
from connectors.mailboxes.imap.reading import FolderReader
from connectors.mailboxes.imap.session import FolderRefused, FolderState, ImapSession
from connectors.mailboxes.losses import Losses

AHEAD_BYTES = 8 * 1024 * 1024
"""How much mail is read before it is taken."""

_NAMED = "user and `folders`"
_READ_RIGHT = "The folder {!r} is listed and not opened: ask the mail server's administrator for the right to read it."

__all__ = ["ImapLogin", "ImapServer", "ImapSource"]


class ImapSource:
    """A MailSource over one mailbox of an IMAP server. `folders` narrows it to those and what lies below them; folders of
    other people and shared ones are read only when they are named. `left_out` are those whose messages are only counted."""

    gives_same_bytes = True

    def __init__(
        self, name: str, server: ImapServer, login: ImapLogin, folders: Sequence[str] = (), left_out: LeftOut = BY_DEFAULT
    ) -> None:
        """`name` stands in every place. Nothing is connected yet."""
        self.name, self._left_out = name, left_out
        self._server, self._login, self._folders = server, login, tuple(folders)

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every message that the cursors do not cover, folder by folder, by UID. Raises SourceMissing, SourceRefused,
        SourceUnavailable, ServerBusy, and NoMailFound where no folder holds a message and none was ever read."""
        session, ahead = ImapSession(self._server, self._login), ReadAhead(AHEAD_BYTES, _size_of)

        def make() -> Iterator[list[OfferedItem]]:
            with closing(session):
                yield from self._batches(session, cursors, ahead.room_for)

        with vendor_errors(self._server.where), closing(ahead.batches(make, session.abort)) as batches:
            for batch in batches:
                batch.reverse()
                while batch:
                    # Popped, so that a large message is free as soon as who took it lets it go.
                    yield batch.pop()

    def places(self) -> Iterator[Place]:
        """The place of every message that `items` offers; no bytes are read. Raises as `items`, and SourceUnavailable where
        a folder cannot be opened."""
        is_empty = True
        with vendor_errors(self._server.where), closing(ImapSession(self._server, self._login)) as session:
            chosen = self._chosen(session)
            for folder in chosen:
                state = session.state(folder.wire)
                if state is None or state.messages:
                    is_empty = False
                    if folder.policy is None:
                        yield from self._places(session, folder)
        if is_empty:
            check_emptiness(self._server.where, _NAMED, {}, chosen)

    def notes(self) -> Sequence[SourceNote]:
        """None: what a server keeps from this user is not known, and a folder that cannot be read is an item."""
        return ()

    def check(self) -> SourceCheck:
        """Every folder that would be read, as the server counts it. Raises as `items`, but for an empty mailbox."""
        folders, closed = [], []
        with vendor_errors(self._server.where), closing(ImapSession(self._server, self._login)) as session:
            for folder in self._chosen(session):
                messages = self._count(session, folder)
                if messages is None:
                    closed.append(folder.path)
                size = session.size(folder.wire) if messages else 0
                folders.append(FolderSeen(folder.path, messages or 0, size, folder.policy))
        return SourceCheck(tuple(folders), tuple(_READ_RIGHT.format(path) for path in closed))

    def _count(self, session: ImapSession, folder: Folder) -> int | None:
        """How many messages it holds; None where it may not be read."""
        if (state := session.state(folder.wire)) is not None:
            return state.messages
        try:
            opened = self._opened(session, folder)
        except FolderRefused:
            return None
        return opened.messages if opened else 0

    # --- folders -------------------------------------------------------------------------------

    def _chosen(self, session: ImapSession) -> list[Folder]:
        everything = session.folders()
        if not self._folders:
            spaces = session.namespaces()
            for space in spaces:
                if space.is_personal and not any(one.wire.startswith(space.prefix) for one in everything):
                    more = session.folders(pattern=space.prefix + b"*")
                    everything += [one for one in more if one.wire.startswith(space.prefix)]
            return list(to_read(personal(everything, spaces), everything, left_out=self._left_out))
        found: dict[bytes, Folder] = {}
        for named in self._folders:
            listed = below(everything, named) or below(self._asked_for(session, named), named)
            if not listed:
                raise SourceMissing(
                    f"The mail server {self._server.where} shows no folder {named!r} to this user.",
                    "Check `folders` of this source: names as the server lists them, levels joined by '/'.",
                )
            below_it = to_read(listed, [*everything, *listed], named, self._left_out)
            found |= {folder.wire: folder for folder in below_it}
        return sorted(found.values(), key=lambda folder: folder.path)

    def _asked_for(self, session: ImapSession, named: str) -> list[Listed]:
        """A folder that is not in the list of all, as folders of other people often are, by its name in each namespace."""
        found = []
        for space in session.namespaces():
            wire = wire_of(named, space.separator)
            if not space.is_personal and path_of(wire, space.separator).startswith(path_of(space.prefix, space.separator)):
                found += session.folders(pattern=wire) + session.folders(pattern=wire + (space.separator or b"") + b"*")
        return found

    def _opened(self, session: ImapSession, folder: Folder) -> FolderState | None:
        """The folder, open; None where it is gone meanwhile. Raises FolderRefused."""
        try:
            return session.open(folder.wire)
        except FolderRefused:
            if self._is_listed(session, folder):
                raise
            return None

    def _is_listed(self, session: ImapSession, folder: Folder) -> bool:
        return any(one.wire == folder.wire and one.is_open for one in session.folders())

    # --- messages ------------------------------------------------------------------------------

    def _batches(
        self, session: ImapSession, cursors: Mapping[str, str], room_for: Callable[[int], None]
    ) -> Iterator[list[OfferedItem]]:
        messages, losses, chosen = 0, Losses(), self._chosen(session)
        for folder in chosen:
            position = position_in(cursors.get(folder.cursor))
            try:
                state = session.state(folder.wire)
                if state is not None and (not state.messages or is_unchanged(position, state)):
                    messages += state.messages
                    continue
                if (state := self._opened(session, folder)) is not None:
                    messages += state.messages
                    yield from self._read(session, folder, state, position, losses, room_for)
            except FolderRefused:
                if self._is_listed(session, folder):
                    messages += 1
                    yield [self._unreadable(folder)]
        losses.end()
        if not messages:
            check_emptiness(self._server.where, _NAMED, cursors, chosen)

    def _read(
        self,
        session: ImapSession,
        folder: Folder,
        state: FolderState,
        position: Position | None,
        losses: Losses,
        room_for: Callable[[int], None],
    ) -> Iterator[list[OfferedItem]]:
        losses.moved()
        return FolderReader(session, self.name, folder, state, losses).batches(read_after(position, state), room_for)

    def _places(self, session: ImapSession, folder: Folder) -> Iterator[Place]:
        try:
            if (state := self._opened(session, folder)) is not None:
                yield from FolderReader(session, self.name, folder, state, Losses()).places()
        except FolderRefused as exc:
            raise SourceUnavailable(f"The mail server {self._server.where} lists a folder and does not open it.") from exc

    def _unreadable(self, folder: Folder) -> RefusedItem:
        place = Place(self.name, folder.path, "")
        return RefusedItem(place, ItemState.FAILED, "unreadable", "the mail server lists this folder and does not open it")


def _size_of(batch: list[OfferedItem]) -> int:
    return sum(len(item.raw) for item in batch if not isinstance(item, HeldItem) and item.raw is not None)
