"""Mail on an Exchange server, by Exchange Web Services: primary mailbox, archive, what is recoverable. It is only ever read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from capstone.domain.errors import SourceMissing
from capstone.domain.message import ItemState, OfferedItem, Place, RefusedItem, SourceNote
from capstone.ports import FolderSeen, HeldItems, SourceCheck, holds_nothing
from connectors.mailboxes.ahead import ReadAhead
from connectors.mailboxes.emptiness import check_emptiness
from connectors.mailboxes.ews.autodiscover import Asked, Service, find_service, services_of
from connectors.mailboxes.ews.errors import ABSENT, DENIED, IMPERSONATION, right_missing, vendor_errors
from connectors.mailboxes.ews.folders import Folder
from connectors.mailboxes.ews.line import Line, Trust
from connectors.mailboxes.ews.lists import Lists
from connectors.mailboxes.ews.mailbox import EwsReader
from connectors.mailboxes.ews.reading import FolderReader, Reading
from connectors.mailboxes.ews.session import LOST_PAUSE_S, EwsSession
from connectors.mailboxes.ews.sign_in import EwsApplication, EwsLogin, auth_for
from connectors.mailboxes.ews.trees import EwsChoice, Found, find_folders, public_gap
from connectors.mailboxes.ews.unlisted import NotListed, Unlisted, try_listing

AHEAD_BYTES = 8 * 1024 * 1024
"""How much mail is read before it is taken."""

__all__ = ["EwsApplication", "EwsChoice", "EwsLogin", "EwsServer", "EwsSource", "Trust"]


@dataclass(frozen=True, slots=True)
class EwsServer:
    """Where a mailbox is, and how it is entered."""

    mailbox: str
    url: str | None = None
    """None: by Autodiscover."""
    access: Literal["impersonation", "delegate"] = "impersonation"
    trust: Trust = field(default_factory=Trust)
    patience_s: float = 300
    """How long one request may take, the waits that the server asks for included."""
    lost_pause_s: float = LOST_PAUSE_S
    """The first wait after a line that was lost."""
    services: Callable[[str], Sequence[str]] = services_of
    """The addresses at which Autodiscover may answer for a mailbox."""

    @property
    def where(self) -> str:
        """The server's name, for people."""
        return urlsplit(self.url).netloc if self.url else f"of {self.mailbox.rpartition('@')[2]}"


class EwsSource:
    """A MailSource over one mailbox of an Exchange server."""

    gives_same_bytes = False

    def __init__(
        self,
        name: str,
        server: EwsServer,
        login: EwsLogin,
        choice: EwsChoice | None = None,
        held: HeldItems = holds_nothing,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`name` stands in every place; `now` dates the members of lists. Nothing is connected yet."""
        self.name = name
        self._server, self._login, self._choice = server, login, choice or EwsChoice()
        self._held, self._now = held, now
        self._notes: tuple[SourceNote, ...] = ()

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every item that the cursors do not cover, folder by folder, as the server orders them. Raises SourceMissing,
        SourceRefused, SourceUnavailable, ServerBusy, and NoMailFound where no folder holds anything and none was ever read."""
        self._notes = ()
        ahead = ReadAhead(AHEAD_BYTES, _size_of)
        with vendor_errors(self._server.where), closing(self._session()) as session:

            def make() -> Iterator[list[OfferedItem]]:
                return self._batches(EwsReader(session), cursors, ahead.room_for)

            with closing(ahead.batches(make, session.abort)) as batches:
                for batch in batches:
                    batch.reverse()
                    while batch:
                        # Popped, so that a large message is free as soon as who took it lets it go.
                        yield batch.pop()

    def places(self) -> Iterator[Place]:
        """The place of every item that `items` offers as a message; no bytes are read. Raises as `items`."""
        with vendor_errors(self._server.where), closing(self._session()) as session:
            reader = EwsReader(session)
            found = self._found(reader, {})
            for folder in found.folders:
                if folder.policy is None and folder.messages:
                    yield from FolderReader(self._reading(reader, _no_wait), folder).places()

    def notes(self) -> Sequence[SourceNote]:
        """What the last `items` could not cover."""
        return self._notes

    def check(self) -> SourceCheck:
        """Sign in, list the folders and ask each for one item of its listing; missing rights are told, not raised. Raises
        SourceMissing, SourceRefused (a wrong password, ticket, token or certificate), SourceUnavailable, ServerBusy."""
        with vendor_errors(self._server.where), closing(self._session()) as session:
            reader = EwsReader(session)
            try:
                found = self._listed(reader)
            except (*IMPERSONATION, *DENIED) as exc:
                return SourceCheck((), (right_missing(exc),))
            rights, notes = try_listing(reader, (folder for folder in found.folders if folder.messages))
        seen = [FolderSeen(one.path, one.messages, one.size_bytes, one.policy) for one in found.folders]
        return SourceCheck(tuple(seen), (*found.missing_rights, *rights), (*found.notes, *notes))

    # --- one run -------------------------------------------------------------------------------

    def _session(self) -> EwsSession:
        server, there = self._server, self._service()
        service = "{0.scheme}://{0.netloc}".format(urlsplit(there.url))
        line = Line(there.url, server.trust, auth_for(self._login, service, server.trust))
        impersonates = server.access == "impersonation"
        return EwsSession(
            line, there.mailbox, impersonates=impersonates, patience_s=server.patience_s, lost_pause_s=server.lost_pause_s
        )

    def _service(self) -> Service:
        server = self._server
        if server.url is not None:
            return Service(server.url, server.mailbox)
        return find_service(Asked(server.mailbox, server.trust, self._login), server.services)

    def _listed(self, reader: EwsReader) -> Found:
        """The folders of the choice. Raises SourceMissing."""
        found = find_folders(reader, self._choice)
        if found.absent:
            raise SourceMissing(
                f"The mailbox on {self._server.where} has no folder {found.absent[0]!r} that this user can see.",
                "Check `folders` and `public_folders` of this source: names as the server lists them, levels joined by '/'.",
            )
        return found

    def _found(self, reader: EwsReader, cursors: Mapping[str, str]) -> Found:
        """The folders to read. Raises SourceMissing, NoMailFound."""
        found = self._listed(reader)
        self._notes = found.notes
        if not any(folder.messages for folder in found.folders):
            check_emptiness(self._server.where, "`mailbox` and `folders`", cursors, found.folders)
        return found

    def _batches(
        self, reader: EwsReader, cursors: Mapping[str, str], room_for: Callable[[int], None]
    ) -> Iterator[list[OfferedItem]]:
        found = self._found(reader, cursors)
        reading = self._reading(reader, room_for)
        filled = [folder for folder in found.folders if folder.messages]
        unlisted = Unlisted(reader, filled)
        for folder in filled:
            yield from self._read(reading, unlisted, folder, cursors.get(folder.cursor, ""))
        reading.losses.end()
        unlisted.end()

    def _read(self, reading: Reading, unlisted: Unlisted, folder: Folder, cursor: str) -> Iterator[list[OfferedItem]]:
        reader = FolderReader(reading, folder)
        is_unfound = False
        try:
            yield from reader.batches(cursor)
            unlisted.listed(folder)
        except DENIED:
            yield [self._not_opened(folder)]
        except ABSENT:
            is_unfound = True
        except NotListed as exc:
            unlisted.lost(folder, exc.error)
            yield [self._not_read(folder, f"the mail server lists this folder and not what it holds ({exc})")]
        if folder.is_public and (is_unfound or reader.has_unfound):
            self._notes += (public_gap(folder.path),)
        elif is_unfound and self._is_still_there(reading.reader, folder):
            yield [self._not_opened(folder)]

    def _is_still_there(self, reader: EwsReader, folder: Folder) -> bool:
        """Whether a folder that could not be read was not found by mistake. Else it went while others were read, and what it
        held is where it was moved to, or gone."""
        return reader.is_there(folder.folder_id) or any(one.folder_id == folder.folder_id for one in self._listed(reader).folders)

    def _not_opened(self, folder: Folder) -> RefusedItem:
        return self._not_read(folder, "the mail server lists this folder and does not open it")

    def _not_read(self, folder: Folder, why: str) -> RefusedItem:
        return RefusedItem(Place(self.name, folder.path, ""), ItemState.FAILED, "unreadable", why)

    def _reading(self, reader: EwsReader, room_for: Callable[[int], None]) -> Reading:
        return Reading(self.name, reader, Lists(reader, self._now), self._held, self._choice.calendars, room_for)


def _no_wait(_size: int) -> None:
    """Room for anything."""


def _size_of(batch: list[OfferedItem]) -> int:
    return sum(len(raw) for item in batch if (raw := getattr(item, "raw", None)) is not None)
