"""Where mail comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from capstone.domain.message import OfferedItem, Place, SourceNote

HeldItems = Callable[[Sequence[str]], Mapping[str, tuple[str, ...]]]
"""Asked by a source before it reads items anew: of those identities that the account holds, the digests of the records, first
captured first."""


def holds_nothing(_identities: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The `HeldItems` of an archive that is empty."""
    return {}


@dataclass(frozen=True, slots=True)
class FolderSeen:
    """A folder as a check of the source saw it."""

    path: str
    messages: int
    size_bytes: int | None = None
    """None where the server does not tell."""
    left_out_by: str | None = None
    """The policy that leaves it out, such as "folder_drafts"; its messages count as excluded."""


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What a source would give: it was signed in to and listed, and nothing was read or changed."""

    folders: tuple[FolderSeen, ...]
    missing_rights: tuple[str, ...] = ()
    """Plain sentences: what is not permitted, and what to ask an administrator for."""
    notes: tuple[SourceNote, ...] = ()


class MailSource(Protocol):
    """One source of one account's mail. It is only ever read."""

    name: str
    gives_same_bytes: bool
    """False where the server regenerates MIME at each fetch (EWS, Graph)."""

    def items(self, cursors: Mapping[str, str]) -> Iterator[OfferedItem]:
        """Every item from the cursors on, each once, streamed. Raises SourceMissing, SourceUnavailable, and NoMailFound where
        there is no mail at all: of a source that keeps cursors only if it has none yet."""
        ...

    def places(self) -> Iterator[Place]:
        """Every place that holds a message now, for reconciliation."""
        ...

    def notes(self) -> Sequence[SourceNote]:
        """What the last `items` has to say beside its items; whole once these were all taken."""
        ...


class CheckableSource(MailSource, Protocol):
    """A source that the settings name: it can be looked at before anything is captured."""

    def check(self) -> SourceCheck:
        """Sign in and count; read no message, change nothing. Raises SourceMissing, SourceRefused, SourceUnavailable."""
        ...
