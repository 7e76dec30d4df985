"""How far a folder was read: the text that the ledger keeps, and what it means for the next run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.mailboxes.failed import failed_as_text, failed_in
from connectors.mailboxes.graph.folders import Folder

_MARGIN_S = 15 * 60
"""The server is many machines, whose clocks and copies differ a little."""


@dataclass(frozen=True, slots=True)
class Position:
    """The link to go on with, and when the round that gave it began, by the server's clock."""

    since: float
    link: str
    """A path on the server; the state token in it is opaque."""
    is_whole: bool
    """Whether the folder was read to its end (a deltaLink), or only so far (a nextLink)."""
    failed: tuple[str, ...] = ()
    """Ids of items before it that were not given; the next run asks for them first."""

    def as_text(self) -> str:
        """`seconds whole|part link`; ids of items that failed follow the kind as `+id,id`."""
        kind = f"{'whole' if self.is_whole else 'part'}{failed_as_text(self.failed)}"
        return f"{int(self.since)} {kind} {self.link}"


def position_in(text: str | None) -> Position | None:
    """The position that a cursor tells; None for none, and for a text that is none of ours: the folder is read anew."""
    since, kind, link = [*(text or "").split(" ", 2), "", ""][:3]
    kind, _, failed = kind.partition("+")
    if not (since.isascii() and since.isdigit()) or kind not in ("whole", "part") or not link.startswith(("/v1.0/", "/beta/")):
        return None
    return Position(float(since), link, kind == "whole", failed_in(failed))


def failed_before(cursors: Mapping[str, str]) -> frozenset[str]:
    """The items that were not given when they were listed last: the archive need not hold them as they are."""
    positions = map(position_in, cursors.values())
    return frozenset(one for position in positions if position is not None for one in position.failed)


def unchanged_before(folders: Iterable[Folder], cursors: Mapping[str, str]) -> float:
    """Whatever item the archive holds, it holds as it was at this time (seconds since 1970) or later; 0 where nothing is sure.

    It is the oldest beginning of a round of any folder, as an item may have been moved between folders since; and nothing
    where a folder with items was never read to its end, as what was captured of it may have changed since.
    """
    positions = {name: position_in(text) for name, text in cursors.items()}
    for folder in folders:
        position = positions.get(folder.cursor)
        if folder.items and (position is None or not position.is_whole):
            return 0.0
    return min((one.since for one in positions.values() if one is not None), default=0.0) - _MARGIN_S
