"""Mail in Microsoft 365 through Microsoft Graph: every folder, each message once. It is only ever read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from capstone.domain.errors import SourceMissing
from capstone.domain.folders import BY_DEFAULT, LeftOut
from capstone.domain.message import ItemState, OfferedItem, OfferedMessage, Place, RefusedItem, SourceNote
from capstone.ports import FolderSeen, HeldItems, SourceCheck, holds_nothing
from connectors.mailboxes.ahead import ReadAhead
from connectors.mailboxes.emptiness import check_emptiness
from connectors.mailboxes.graph.connection import BATCH, CLOUDS, GraphServer, GraphSession, part
from connectors.mailboxes.graph.cursors import Position, failed_before, position_in, unchanged_before
from connectors.mailboxes.graph.errors import GraphError, told_of, vendor_errors
from connectors.mailboxes.graph.folders import Folder, Tree, tree_of
from connectors.mailboxes.graph.items import LISTED, LISTED_ID
from connectors.mailboxes.graph.pages import PAGE, FolderPages, is_listed
from connectors.mailboxes.graph.reading import FolderReader, Known
from connectors.mailboxes.graph.rights import missing_rights, right_for
from connectors.mailboxes.graph.tokens import GraphLogin
from connectors.mailboxes.losses import Losses

AHEAD_BYTES = 8 * 1024 * 1024
"""How much mail is read before it is taken."""

_MOST_PROBED = 5
"""So many other folders are asked for where one is lost: where none is listed, it is the server, or a missing right."""

__all__ = ["CLOUDS", "GraphLogin", "GraphServer", "GraphSource"]


class GraphSource:
    """A MailSource over one mailbox of Microsoft 365, its Recoverable Items and its in-place archive. `folders` narrows it to
    those and what lies below them; of what is `left_out` the messages are only counted."""

    gives_same_bytes = False

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        server: GraphServer,
        login: GraphLogin,
        mailbox: str,
        folders: Sequence[str] = (),
        held: HeldItems = holds_nothing,
        *,
        archive: bool = True,
        recoverable: bool = True,
        left_out: LeftOut = BY_DEFAULT,
    ) -> None:
        """`name` stands in every place; `mailbox` is the user's principal name or id. Nothing is connected yet."""
        self.name = name
        self._server, self._login, self._user, self._folders, self._held = server, login, part(mailbox), tuple(folders), held
        self._archive, self._recoverable, self._left_out = archive, recoverable, left_out
        self._notes: list[SourceNote] = []

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every message that the cursors do not cover, folder by folder. What the archive holds under the same id, unchanged,
        is a HeldItem. Raises SourceMissing, SourceRefused, SourceUnavailable, ServerBusy, and NoMailFound where no folder
        holds anything."""
        with vendor_errors(self._server.where):
            session, ahead = GraphSession(self._server, self._login), ReadAhead(AHEAD_BYTES, _size_of)

            def make() -> Iterator[list[OfferedItem]]:
                with closing(session), self._pool() as pool:
                    yield from self._batches(session, pool, cursors, ahead.room_for)

            with closing(ahead.batches(make, session.abort)) as batches:
                for batch in batches:
                    batch.reverse()
                    while batch:
                        # Popped, so that a large message is free as soon as who took it lets it go.
                        yield batch.pop()

    def places(self) -> Iterator[Place]:
        """The place of every message that is not left out; no bytes are read. Raises as `items`, and in the end where a folder
        was not listed."""
        with vendor_errors(self._server.where), closing(GraphSession(self._server, self._login)) as session, self._pool() as pool:
            tree = self._tree(session)
            folders = [folder for folder in self._chosen(tree, {}) if folder.policy is None and folder.items]
            lost, errors = _LostFolders(session, folders), list[Exception](tree.refused.values())
            for folder in folders:
                given: set[str] = set()
                pages = FolderPages(session, pool, folder, LISTED_ID, self._notes.append)
                for page in pages.after(None):
                    fresh = [entry.id for entry in page.entries if entry.id not in given]
                    given.update(fresh)
                    yield from (Place(self.name, folder.path, one) for one in fresh)
                lost.note(folder, pages.lost)
                errors += [] if pages.lost is None else [pages.lost]
            if errors:
                raise errors[0]

    def notes(self) -> Sequence[SourceNote]:
        """The parts of the mailbox that the last pass could not reach, and rights without which it read more than it needed."""
        return tuple(self._notes)

    def check(self) -> SourceCheck:
        """Sign in, list and count the folders, and try the rights; no message is read. Raises SourceMissing, SourceRefused
        where nobody is let in, SourceUnavailable."""
        with vendor_errors(self._server.where), closing(GraphSession(self._server, self._login)) as session:
            try:
                tree = self._tree(session)
            except GraphError as exc:
                if exc.status != 403:
                    raise
                return SourceCheck((), (right_for("list its folders", exc),))
            chosen, _ = tree.chosen(self._folders, self._left_out)
            seen = tuple(FolderSeen(one.path, one.items, one.size_bytes, one.policy) for one in chosen)
            return SourceCheck(seen, missing_rights(session, self._user, tree.gaps), tree.gaps)

    # --- folders -------------------------------------------------------------------------------

    def _tree(self, session: GraphSession) -> Tree:
        tree = tree_of(session, self._user, self._folders, archive=self._archive, recoverable=self._recoverable)
        self._notes = list(tree.gaps)
        return tree

    def _chosen(self, tree: Tree, cursors: Mapping[str, str]) -> list[Folder]:
        chosen, missing = tree.chosen(self._folders, self._left_out)
        if missing:
            raise SourceMissing(
                f"The mail server {self._server.where} shows no folder {missing[0]!r} in this mailbox.",
                "Check `folders` of this source: names as the server lists them, levels joined by '/'.",
            )
        if not any(folder.items for folder in chosen):
            check_emptiness(self._server.where, "`mailbox` and `folders`", cursors, chosen)
        return chosen

    # --- messages ------------------------------------------------------------------------------

    def _batches(
        self, session: GraphSession, pool: Executor, cursors: Mapping[str, str], room_for: Callable[[int], None]
    ) -> Iterator[list[OfferedItem]]:
        tree, note = self._tree(session), self._notes.append
        folders = self._chosen(tree, cursors)
        # Before the first page of any folder, so that no edit after its listing is taken for one before it.
        since = session.server_time
        # Nor is anything sure of what may have lain, and changed, where nobody looks.
        unchanged = 0.0 if tree.hidden else unchanged_before(folders, cursors)
        known = Known(session, self._held, unchanged, failed_before(cursors), note)
        filled, losses = [folder for folder in folders if folder.items], Losses()
        lost = _LostFolders(session, filled)
        yield from ([self._unread(path, "what lies below it", error)] for path, error in tree.refused.items())
        for begin in range(0, len(filled), BATCH):
            some = [(folder, position_in(cursors.get(folder.cursor))) for folder in filled[begin : begin + BATCH]]
            firsts = _first_pages(session, some)
            for folder, position in some:
                pages = FolderPages(session, pool, folder, LISTED, note, since)
                reader = FolderReader(session, pool, self.name, folder, known, losses)
                yield from reader.batches(pages.after(position, firsts.pop(folder.id, None)), room_for)
                lost.note(folder, pages.lost)
                if pages.lost is not None:
                    yield [self._unread(folder.path, "all that is in it", pages.lost)]
        losses.end()
        lost.end()

    def _unread(self, path: str, what: str, error: Exception) -> OfferedItem:
        """In place of what is not known; the next run asks for it again."""
        reason = f"the mail server lists this folder and does not show {what} ({told_of(error)})"
        return RefusedItem(Place(self.name, path, ""), ItemState.FAILED, "unreadable", reason)

    @contextmanager
    def _pool(self) -> Iterator[Executor]:
        pool = ThreadPoolExecutor(self._server.requests, thread_name_prefix="graph")
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


class _LostFolders:
    """Tells some folders that are not listed to their end from a mailbox of which none is."""

    def __init__(self, session: GraphSession, folders: Sequence[Folder]) -> None:
        self._session, self._left, self._losses = session, list(folders), Losses(1)

    def note(self, folder: Folder, error: Exception | None) -> None:
        """The folder was read, to its end or not. Raises the error where no other is listed either."""
        self._left.remove(folder)
        if error is None:
            self._losses.given(folder.items, partial(is_listed, self._session, folder))
        else:
            others = self._left[:: -(-len(self._left) // _MOST_PROBED) or 1]
            self._losses.lost(error, [partial(is_listed, self._session, one) for one in others])

    def end(self) -> None:
        """Raises the error of the only folder that there was."""
        self._losses.end()


def _first_pages(session: GraphSession, some: Sequence[tuple[Folder, Position | None]]) -> dict[str, dict[str, Any] | GraphError]:
    """What changed in folders that were read to their end, in one request for twenty of them: mostly nothing."""
    links = {folder.id: position.link for folder, position in some if position is not None and position.is_whole}
    if len(links) < 2 or not all(link.startswith("/v1.0/") for link in links.values()):
        return {}
    paths = {name: link.removeprefix("/v1.0") for name, link in links.items()}
    answers = session.answered([*paths.values()], PAGE)
    return {name: answers[path] for name, path in paths.items() if path in answers}


def _size_of(batch: list[OfferedItem]) -> int:
    return sum(len(item.raw) for item in batch if isinstance(item, OfferedMessage))
