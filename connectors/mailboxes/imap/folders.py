"""Which folders of a server are read: the personal ones, or those that a person named with all below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from capstone.domain.folders import BY_DEFAULT, LeftOut, MarkedFolders
from connectors.mailboxes.choice import cursor_for
from connectors.mailboxes.imap.names import cursor_name, path_of

_CLOSED = frozenset({"\\noselect", "\\nonexistent"})
"""Folders that only hold other folders, or are subscribed to and gone."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A part of the server's tree: its prefix as it travels, and whether it is the user's own."""

    prefix: bytes
    separator: bytes | None
    is_personal: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder as the server lists it. `attributes` are in small letters."""

    wire: bytes
    separator: bytes | None
    attributes: frozenset[str]

    @property
    def path(self) -> str:
        """For people and rules."""
        return path_of(self.wire, self.separator)

    @property
    def is_open(self) -> bool:
        """Whether it can hold messages."""
        return not self.attributes & _CLOSED


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to read: what it is called on the wire and in the archive, and what its messages are."""

    wire: bytes
    path: str
    is_sent: bool
    policy: str | None
    """The policy that leaves its messages out."""
    cursor: str
    """The name of its cursor."""


def personal(listed: Iterable[Listed], namespaces: Sequence[Namespace]) -> Iterator[Listed]:
    """Those in the user's own namespace: the longest prefix that fits says whose a folder is; INBOX is always the user's."""
    for one in listed:
        fitting = [space for space in namespaces if _lies_in(one.wire, space)]
        longest = max(fitting, key=lambda space: len(space.prefix), default=None)
        if longest is None or longest.is_personal or one.wire.upper() == b"INBOX":
            yield one


def below(listed: Iterable[Listed], named: str) -> list[Listed]:
    """The folder of that path and all that lie in it. INBOX is the one name whose letters may be small or capital."""
    return [one for one in listed if _same(one.path, named) or _same(one.path[: len(named) + 1], f"{named}/")]


def to_read(
    listed: Iterable[Listed], everything: Sequence[Listed], named: str = "", left_out: LeftOut = BY_DEFAULT
) -> Iterator[Folder]:
    """The open ones of `listed`, in the order of their paths, judged by what the server says of all its folders."""
    marked = MarkedFolders({one.path: one.attributes for one in everything})
    chosen = replace(left_out, paths=tuple(one.path for path in left_out.paths for one in below(everything, path)))
    for one in sorted(listed, key=lambda one: one.path):
        if one.is_open:
            policy = marked.excluded_by(one.path, named, chosen)
            cursor = cursor_for(cursor_name(one.wire), policy, marked.excluded_by(one.path))
            yield Folder(one.wire, one.path, marked.is_sent(one.path), policy, cursor)


def _lies_in(wire: bytes, space: Namespace) -> bool:
    root = space.prefix.removesuffix(space.separator) if space.separator else space.prefix
    return wire.startswith(space.prefix) or wire == root


def _same(path: str, named: str) -> bool:
    return path == named or (named.partition("/")[0].upper() == "INBOX" and _inbox_first(path) == _inbox_first(named))


def _inbox_first(path: str) -> str:
    first, mark, rest = path.partition("/")
    return f"{first.upper()}{mark}{rest}"
