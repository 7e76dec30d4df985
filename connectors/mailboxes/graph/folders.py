"""The folders of a mailbox in Microsoft 365: its tree, hidden ones too, its Recoverable Items, its in-place archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from capstone.domain.folders import BY_DEFAULT, LeftOut
from capstone.domain.message import SourceNote
from connectors.mailboxes.choice import cursor_for
from connectors.mailboxes.graph.answers import listed_in
from connectors.mailboxes.graph.connection import GraphSession, part, relative
from connectors.mailboxes.graph.errors import GONE, NO_ANSWER, BrokenAnswer, GraphError, concerns_all, concerns_folder, told_of
from connectors.mailboxes.graph.folder_names import CANONICAL, SENT, Meanings, shown_name
from connectors.mailboxes.losses import Losses

ARCHIVE, RECOVERABLE = "In-Place Archive", "Recoverable Items"
"""What the paths of those folders begin with."""

_RECOVERABLE_NAMES = (
    "recoverableitemsdeletions",
    "recoverableitemsversions",
    "recoverableitemspurges",
    "recoverableitemsdiscoveryholds",
)
_LIST = "includeHiddenFolders=true&$top=100"
_MOST_DEPTH, _MOST_FOLDERS = 1000, 100_000
"""More than Exchange Online allows: a server that shows more shows its tree in circles."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to read: where it is asked for, what it is called in the archive, what its messages are."""

    mailbox: str
    """As one part of a path: the user, or the id of the archive mailbox."""
    id: str
    path: str
    is_sent: bool
    policy: str | None
    """The policy that leaves its messages out."""
    cursor: str
    """The name of its cursor."""
    items: int
    """How many the server counts, other than messages too."""
    size_bytes: int | None

    @property
    def address(self) -> str:
        """Where it is asked for."""
        return _address(self.mailbox, self.id)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A folder as the server lists it: `names` from the top, and `known`, the same with canonical names where the server says
    what a folder is for."""

    told: Mapping[str, Any]
    mailbox: str
    names: tuple[str, ...]
    known: tuple[str, ...]
    meant: tuple[str, ...]
    """What each level is for: the policy that leaves it out, "sent", or "" for most."""

    @property
    def path(self) -> str:
        return "/".join(self.names)

    def may_hold(self, name: str) -> bool:
        """Whether that path is this folder, or lies in it, or it lies in that."""
        levels = tuple(name.split("/"))
        return any(all(map(str.__eq__, levels, mine)) for mine in (self.names, self.known))

    @property
    def address(self) -> str:
        return _address(self.mailbox, str(self.told["id"]))


@dataclass(frozen=True, slots=True)
class Tree:
    """All folders of a source, and what of it could not be listed."""

    listed: tuple[_Listed, ...]
    gaps: tuple[SourceNote, ...]
    hidden: tuple[_Listed, ...] = ()
    """Folders that do not show all that lies below them."""
    refused: Mapping[str, GraphError] = field(default_factory=dict)
    """The paths of those among them that were refused, and how: another run may show what lies there."""

    def chosen(self, named: Sequence[str], left_out: LeftOut = BY_DEFAULT) -> tuple[list[Folder], list[str]]:
        """The folders to read, by path: all, or the named ones with all below them, and the names that no folder has. What a
        named folder, and what it lies in, is for is not judged."""
        if not named:
            return sorted((_judged(one, 0, left_out) for one in self.listed), key=_by_path), []
        found: dict[str, Folder] = {}
        missing = []
        for name in named:
            depth = len(name.split("/"))
            below = [one for one in self.listed if name in ("/".join(one.names[:depth]), "/".join(one.known[:depth]))]
            found |= {one.told["id"]: _judged(one, depth, left_out) for one in below if one.told["id"] not in found}
            missing += [] if below or any(one.may_hold(name) for one in self.hidden) else [name]
        return sorted(found.values(), key=_by_path), missing


@dataclass(slots=True)
class _Search:
    """A tree that is being listed: for whom, what of it is wanted, and what could not be listed."""

    session: GraphSession
    named: Sequence[str]
    losses: Losses
    gaps: list[SourceNote] = field(default_factory=list)
    hidden: list[_Listed] = field(default_factory=list)
    refused: dict[str, GraphError] = field(default_factory=dict)

    def wants(self, folder: _Listed) -> bool:
        """Whether what is named can be this folder, or lie in it, or hold it."""
        return not self.named or any(map(folder.may_hold, self.named))


def tree_of(session: GraphSession, user: str, named: Sequence[str], *, archive: bool, recoverable: bool) -> Tree:
    """Everything that can be listed, of what `named` may stand for. Raises GraphError where the mailbox itself cannot be listed;
    other parts become gaps."""
    search = _Search(session, named, _losses_of(session, user))
    listed = list(_below_root(search, user, ()))
    if recoverable:
        listed += _recoverable(search, user, ())
    if archive and search.wants(_root("", (ARCHIVE,))) and (box := _archive_mailbox(search, user)) is not None:
        listed += _archive(search, part(box), recoverable=recoverable)
    unique = {(one.mailbox, one.told["id"]): one for one in reversed(listed)}
    return Tree(tuple(reversed(unique.values())), tuple(search.gaps), tuple(search.hidden), search.refused)


def _losses_of(session: GraphSession, user: str) -> Losses:
    """What a server fails at every time is its own fault where it does not list the mailbox either."""
    losses = Losses()
    losses.given(0, partial(_is_listed, session, f"/users/{user}/mailFolders?$top=1"))
    return losses


def _is_listed(session: GraphSession, path: str) -> bool:
    try:
        session.get(path)
    except (GraphError, *NO_ANSWER):
        return False
    return True


# --- parts of a mailbox ----------------------------------------------------------------------------


def _below_root(search: _Search, mailbox: str, above: tuple[str, ...]) -> Iterator[_Listed]:
    """The tree below the root, level by level. Its first answer tells whether the mailbox may be read at all."""
    first = list(_whole(search.session, search.session.get(f"/users/{mailbox}/mailFolders?{_LIST}")))
    known = _well_known(search.session, mailbox)
    yield from _levels(search, _root(mailbox, above), first, Meanings(known, by_name=True))


def _well_known(session: GraphSession, mailbox: str) -> dict[str, str]:
    """Folder id: well-known name. A mailbox need not have all of them, and one that is an archive tells none."""
    names = list(CANONICAL)
    answers = session.get_all([f"/users/{mailbox}/mailFolders/{name}?$select=id" for name in names])
    told = ((one.get("id"), name) for one, name in zip(answers, names, strict=True) if isinstance(one, dict))
    return {folder_id: name for folder_id, name in told if isinstance(folder_id, str)}


def _recoverable(search: _Search, mailbox: str, above: tuple[str, ...]) -> list[_Listed]:
    """By the root of them all, which also shows those without a well-known name; where that is not answered, by name."""
    here = _root(mailbox, (*above, RECOVERABLE))
    if not search.wants(here):
        return []
    children = f"/users/{mailbox}/mailFolders/recoverableitemsroot/childFolders?{_LIST}"
    by_name = [f"/users/{mailbox}/mailFolders/{name}" for name in _RECOVERABLE_NAMES]
    root, *named = search.session.get_all([children, *by_name], losses=search.losses)
    begin, error = _as_far_as_told(search.session, root)
    # A mailbox need not have any; where some are there by name, the root that shows all of them must be there too.
    refused = [one for one in (error, *named) if isinstance(one, GraphError) and one.code not in GONE]
    if error is not None and (refused or len(named) > sum(isinstance(one, GraphError) for one in named)):
        search.gaps.append(_gap("recoverable_items_not_readable", here.path, (refused or [error])[0], "the Recoverable Items"))
    begin += listed_in({"value": [one for one in named if isinstance(one, dict)]})
    return list(_levels(search, here, begin, Meanings({}, by_name=False)))


def _archive_mailbox(search: _Search, user: str) -> str | None:
    """/graph/api/usersettings-list-exchange?view=graph-rest-beta: a user without an archive has no such id."""
    what = "whether there is an in-place archive"
    try:
        box = search.session.get(f"/users/{user}/settings/exchange", version="beta").get("inPlaceArchiveMailboxId")
    except (GraphError, BrokenAnswer) as exc:
        search.gaps.append(_gap("archive_mailbox_not_offered", ARCHIVE, exc, what))
        return None
    if not isinstance(box, str | None):
        search.gaps.append(_gap("archive_mailbox_not_offered", ARCHIVE, BrokenAnswer(), what))
        return None
    return box or None


def _archive(search: _Search, box: str, *, recoverable: bool) -> list[_Listed]:
    try:
        listed = list(_below_root(search, box, (ARCHIVE,)))
    except (GraphError, BrokenAnswer) as exc:
        search.gaps.append(_gap("archive_mailbox_not_offered", ARCHIVE, exc, "the in-place archive"))
        return []
    return listed + (_recoverable(search, box, (ARCHIVE,)) if recoverable else [])


def _gap(code: str, where: str, error: Exception, what: str) -> SourceNote:
    return SourceNote(code, where, f"The server does not tell or show {what} ({told_of(error)}).")


# --- levels ----------------------------------------------------------------------------------------


def _root(mailbox: str, names: tuple[str, ...]) -> _Listed:
    """What the top folders of a mailbox lie in; it is no folder itself."""
    return _Listed({}, mailbox, names, names, ("",) * len(names))


def _levels(search: _Search, root: _Listed, begin: Iterable[Mapping[str, Any]], meanings: Meanings) -> Iterator[_Listed]:
    """Folders and all below them. Children are asked for whatever the counts say: these need not count hidden ones."""
    session = search.session
    level = [_listed(root, root.mailbox, told, meanings) for told in begin if _is_folder(told)]
    seen: set[str] = set()
    for _ in range(_MOST_DEPTH):
        level = list({str(one.told["id"]): one for one in level if one.told["id"] not in seen}.values())
        seen |= {str(one.told["id"]) for one in level}
        if not level:
            return
        if len(seen) > _MOST_FOLDERS:
            break
        yield from level
        level = list(filter(search.wants, level))
        paths = [f"{one.address}/childFolders?{_LIST}" for one in level]
        answers = zip(level, paths, session.get_all(paths, losses=search.losses), strict=True)
        level = [
            # A part of an archive may lie in another mailbox, and then all below it does.
            _listed(parent, session.mailbox_of(path) or parent.mailbox, told, meanings)
            for parent, path, answer in answers
            for told in _children(search, parent, answer)
            if _is_folder(told)
        ]
    raise BrokenAnswer


def _children(search: _Search, parent: _Listed, answer: dict[str, Any] | GraphError) -> list[Mapping[str, Any]]:
    """A folder that went meanwhile has none; one that is there and does not show them all is a gap."""
    told, error = _as_far_as_told(search.session, answer)
    if error is None:
        return told
    refusal = None if concerns_folder(error) else error
    if refusal is None:
        try:
            if not is_there(search.session, parent.address):
                return told
        except GraphError as exc:
            if concerns_all(exc):
                raise
            refusal = exc
    search.gaps.append(not_shown(parent.path, error, "what lies below this folder"))
    search.hidden.append(parent)
    search.refused |= {parent.path: refusal} if refusal is not None else {}
    return told


def _as_far_as_told(
    session: GraphSession, answer: dict[str, Any] | GraphError
) -> tuple[list[Mapping[str, Any]], GraphError | None]:
    """What an answer lists, with the pages after it, and the refusal that ended them."""
    told: list[Mapping[str, Any]] = []
    try:
        if isinstance(answer, GraphError):
            raise answer
        for one in _whole(session, answer):
            told.append(one)
    except GraphError as exc:
        if concerns_all(exc):
            raise
        return told, exc
    return told, None


def is_there(session: GraphSession, address: str) -> bool:
    """Whether a folder or message that was listed, and then not found, can still be asked for by its id. Raises GraphError."""
    try:
        session.get(f"{address}?$select=id")
    except GraphError as exc:
        if exc.status == 404 and exc.code in GONE:
            return False
        raise
    return True


def not_shown(path: str, error: Exception, what: str) -> SourceNote:
    """The gap that a folder is which is there and does not give what is in it."""
    return _gap("folder_not_shown", path, error, what)


def _whole(session: GraphSession, page: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a page and those after it list. Raises BrokenAnswer where they lead in circles."""
    number, followed = 0, set[str]()
    while number <= _MOST_FOLDERS:
        listed = listed_in(page)
        number += len(listed)
        yield from listed
        if not (link := page.get("@odata.nextLink")):
            return
        if (path := relative(str(link))) in followed:
            break
        followed.add(path)
        page = session.get(path)
    raise BrokenAnswer


def _is_folder(told: Mapping[str, Any]) -> bool:
    """A search folder is a view: its messages lie in other folders."""
    return not str(told.get("@odata.type", "")).endswith("mailSearchFolder")


def _listed(above: _Listed, mailbox: str, told: Mapping[str, Any], meanings: Meanings) -> _Listed:
    name, meaning = shown_name(told), meanings.of(told, is_top=not above.told)
    known = CANONICAL.get(meanings.well_known.get(str(told["id"]), ""), name)
    return _Listed(told, mailbox, (*above.names, name), (*above.known, known), (*above.meant, meaning))


def _judged(one: _Listed, unjudged: int, left_out: LeftOut) -> Folder:
    said, known = one.meant[unjudged:], "/".join(one.known)
    policy = left_out.policy_of(one.path, said) or left_out.policy_of(known, said)
    items, size = one.told.get("totalItemCount"), one.told.get("sizeInBytes")
    return Folder(
        one.mailbox,
        str(one.told["id"]),
        one.path,
        SENT in one.meant,
        policy,
        cursor_for(str(one.told["id"]), policy, BY_DEFAULT.policy_of(one.path, one.meant)),
        # A folder whose count is not told is read.
        items if isinstance(items, int) else 1,
        size if isinstance(size, int) else None,
    )


def _address(mailbox: str, folder_id: str) -> str:
    return f"/users/{mailbox}/mailFolders/{part(folder_id)}"


def _by_path(folder: Folder) -> tuple[str, str]:
    return folder.path, folder.id
