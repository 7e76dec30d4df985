"""Folders of which a server does not tell what they hold: for want of a right, a few of them, or because the mailbox is away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from exchangelib import errors as ews

from capstone.domain.message import SourceNote
from connectors.mailboxes.ews.errors import ABSENT, BUSY, DENIED, IMPERSONATION, NO_ANSWER
from connectors.mailboxes.ews.folders import Folder
from connectors.mailboxes.ews.mailbox import EwsReader
from connectors.mailboxes.ews.trees import public_gap
from connectors.mailboxes.losses import Losses, Probe

_MOST_PROBED = 5
"""So many others are asked for where several in a row are not listed: where none is, it is the mailbox."""


_MOST_NAMED = 10
_ASK_READER = (
    "Ask an Exchange administrator, or who owns the mailbox, to give this user the permission to read the items of these folders "
    "(Reviewer), or full access to the mailbox."
)


class NotListed(Exception):
    """The server does not tell what a folder holds, and says something else than that it is not there or not permitted."""

    def __init__(self, error: Exception) -> None:
        """`error` is what it said."""
        super().__init__(type(error).__name__)
        self.error = error


@contextmanager
def listing() -> Iterator[None]:
    """Raises NotListed for what may concern the folder alone; patience and missing rights stay what they are."""
    try:
        yield
    except (*BUSY, *IMPERSONATION, *DENIED, *ABSENT):
        raise
    except (ews.ResponseMessageError, *NO_ANSWER) as exc:
        raise NotListed(exc) from None


class Unlisted:
    """The folders of a run that were not listed, in the order in which they were asked for."""

    def __init__(self, reader: EwsReader, folders: Sequence[Folder]) -> None:
        """`folders` are all that are to be read."""
        self._reader, self._folders = reader, folders
        self._losses = Losses()
        self._lost: dict[str, Exception] = {}
        self._has_listed = False

    def listed(self, folder: Folder) -> None:
        """A folder was read to its end."""
        self._has_listed = True
        self._losses.given(folder.messages, partial(self._is_listed, folder))

    def lost(self, folder: Folder, error: Exception) -> None:
        """A folder was not listed. Raises the error where the Inbox does not answer either, or where it is one of three in a row
        and none other is listed."""
        self._lost[folder.folder_id] = error
        if not self._reader.has_inbox():
            raise error
        self._losses.lost(error, self._others())

    def end(self) -> None:
        """The run is over. Raises the first error where no folder at all was listed."""
        if self._lost and not self._has_listed:
            raise next(iter(self._lost.values()))
        self._losses.end()

    def _others(self) -> list[Probe]:
        others = [one for one in self._folders if one.folder_id not in self._lost]
        return [partial(self._is_listed, one) for one in others[:: -(-len(others) // _MOST_PROBED) or 1]]

    def _is_listed(self, folder: Folder) -> bool:
        try:
            with listing():
                self._reader.probe(folder.folder_id)
        except (NotListed, *DENIED, *ABSENT):
            return False
        return True


def try_listing(reader: EwsReader, folders: Iterable[Folder]) -> tuple[tuple[str, ...], tuple[SourceNote, ...]]:
    """Asks each folder for one item of its listing: which right is missing, and which folders are not listed for another reason.
    Raises the error where the Inbox does not answer either."""
    denied: list[str] = []
    notes: list[SourceNote] = []
    for folder in folders:
        try:
            with listing():
                reader.probe(folder.folder_id)
        except DENIED:
            denied.append(folder.path)
        except ABSENT as exc:
            notes.append(public_gap(folder.path) if folder.is_public else _not_shown(folder, type(exc).__name__))
        except NotListed as exc:
            if not reader.has_inbox():
                raise exc.error from None
            notes.append(_not_shown(folder, str(exc)))
    return ((_not_readable(denied),) if denied else ()), tuple(notes)


def _not_readable(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MOST_NAMED:,} more" if len(paths) > _MOST_NAMED else ""
    named = ", ".join(map(repr, paths[:_MOST_NAMED]))
    return f"This user sees these folders and may not read their items: {named}{more}. {_ASK_READER}"


def _not_shown(folder: Folder, code: str) -> SourceNote:
    return SourceNote("folder_not_shown", folder.path, f"The server lists this folder and not what it holds ({code}).")
