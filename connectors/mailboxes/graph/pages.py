"""The pages of a folder's listing: by delta from where a cursor stands, or anew where its token has expired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from capstone.domain.message import SourceNote
from connectors.mailboxes.graph.answers import listed_in
from connectors.mailboxes.graph.connection import GraphSession, mailbox_in, part, relative
from connectors.mailboxes.graph.cursors import Position
from connectors.mailboxes.graph.errors import NO_ANSWER, RESYNC_STATUS, BrokenAnswer, GraphError, concerns_all, concerns_folder
from connectors.mailboxes.graph.folders import Folder, is_there, not_shown
from connectors.mailboxes.graph.items import LISTED_ID, Entry, entries_in, entry_of

PAGE = "odata.maxpagesize=200"
"""Enough to keep four requests busy, and few enough that the first message comes at once."""

_MOST_RESYNCS = 3
"""A folder whose tokens expire while they are used is read anew so often in one run."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, and where to go on after them."""

    entries: tuple[Entry, ...]
    position: Position
    mailbox: str
    """Where they were listed, and so where they are asked for: a part of an archive may lie in another mailbox."""
    is_again: bool = False
    """Whether an earlier run was not given these."""


class FolderPages:
    """The listing of one folder. What is listed twice in one pass without having changed is given once."""

    def __init__(
        self,
        session: GraphSession,
        pool: Executor,
        folder: Folder,
        listed: str,
        note: Callable[[SourceNote], None],
        since: float = 0,
    ) -> None:
        """`listed` is what is asked for of each message. The pool asks for the next page while one is worked on. `note` is told
        of a folder that is there and is not shown; `since` is when the run began, by the server's clock."""
        self._session, self._pool, self._folder, self._listed = session, pool, folder, listed
        self._note, self._since = note, since
        self._given: set[int] = set()
        self.lost: Exception | None = None
        """Why the listing did not come to its end, where it did not: the pages before that are good."""

    def after(self, position: Position | None, first: dict[str, Any] | GraphError | None = None) -> Iterator[Page]:
        """From the position on, or everything, as far as `lost` says. `first` is the answer to the position's link where it was
        asked for already. Raises what concerns more than this folder."""
        if position is not None and position.failed:
            yield self._failed_before(position)
        for _ in range(_MOST_RESYNCS):
            try:
                yield from self._round(position, first)
            except (GraphError, *NO_ANSWER) as exc:
                if concerns_all(exc):
                    raise
                is_expired = isinstance(exc, GraphError) and exc.status in RESYNC_STATUS
                if not is_expired or (position is None and _is_not_shown(exc)):
                    self._end(exc)
                    return
                position = first = None
            else:
                return
        self.lost = GraphError(410, "resyncRequired")

    def _end(self, error: Exception) -> None:
        """Mostly a folder that is not found went after it was listed; one that is there is a gap."""
        if not _is_not_shown(error):
            self.lost = error
            return
        try:
            if is_there(self._session, self._folder.address):
                self._note(not_shown(self._folder.path, error, "the messages of this folder"))
        except (GraphError, *NO_ANSWER) as exc:
            if concerns_all(exc):
                raise
            self.lost = exc

    def _round(self, position: Position | None, first: dict[str, Any] | GraphError | None) -> Iterator[Page]:
        if isinstance(first, GraphError):
            raise first
        link = position.link if position else f"{self._folder.address}/messages/delta?{self._listed}"
        told = self._session.get(link, PAGE) if first is None else first
        # First pages are asked for in advance, so a round counts from the beginning of the run; one that is gone on with, from
        # that of the run that began it.
        since = min(position.since, self._since) if position and not position.is_whole else self._since
        followed = {link}
        while True:
            page = self._page(told, since, self._session.mailbox_of(link) or self._folder.mailbox)
            following: Future[dict[str, Any]] | None = None
            if not page.position.is_whole:
                if page.position.link in followed:
                    raise BrokenAnswer
                followed.add(page.position.link)
                following = self._pool.submit(self._session.get, page.position.link, PAGE)
            yield page
            if following is None:
                return
            told, link = following.result(), page.position.link

    def _failed_before(self, position: Position) -> Page:
        """What an earlier run was not given, as it is now."""
        mailbox = mailbox_in(position.link) or self._folder.mailbox
        entries = self._pool.map(lambda one: self._told_of(mailbox, one), position.failed)
        return Page(
            tuple(entry for entry in entries if self._is_new(entry)), replace(position, failed=()), mailbox, is_again=True
        )

    def _told_of(self, mailbox: str, item_id: str) -> Entry:
        """Where the server tells nothing of it, its bytes are asked for all the same."""
        try:
            return entry_of(item_id, self._session.get(f"/users/{mailbox}/messages/{part(item_id)}?{self._listed}"))
        except (GraphError, *NO_ANSWER) as exc:
            if concerns_all(exc):
                raise
            return entry_of(item_id, {})

    def _page(self, told: dict[str, Any], since: float, mailbox: str) -> Page:
        whole, link = told.get("@odata.deltaLink"), told.get("@odata.nextLink")
        if not isinstance(whole or link, str):
            raise BrokenAnswer
        entries = tuple(entry for entry in entries_in(told) if self._is_new(entry))
        return Page(entries, Position(since, relative(str(whole or link)), is_whole=bool(whole)), mailbox)

    def _is_new(self, entry: Entry) -> bool:
        mark = hash((entry.id, entry.modified))
        is_new = mark not in self._given
        self._given.add(mark)
        return is_new


def is_listed(session: GraphSession, folder: Folder) -> bool:
    """Whether the server lists what is in a folder."""
    try:
        listed_in(session.get(f"{folder.address}/messages/delta?{LISTED_ID}", PAGE))
    except (GraphError, *NO_ANSWER):
        return False
    return True


def _is_not_shown(error: Exception) -> bool:
    return isinstance(error, GraphError) and concerns_folder(error)
