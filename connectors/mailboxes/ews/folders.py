"""Which folders of a mailbox are read: the primary tree, the archive, what is recoverable, and public folders by choice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from capstone.domain.folders import BY_DEFAULT, LeftOut, excluded_by, is_sent
from connectors.mailboxes.choice import cursor_for
from connectors.mailboxes.ews.values import FolderTold

ARCHIVE, RECOVERABLE, PUBLIC = "In-Place Archive", "Recoverable Items", "Public Folders"
"""Where the paths of the other trees begin; those of the primary tree begin with its folders."""

MEANINGS = {
    "inbox": "",
    "sentitems": "sent",
    "drafts": "folder_drafts",
    "outbox": "folder_outbox",
    "deleteditems": "",
    "junkemail": "",
}
"""Folders that Exchange knows by a name of its own, and what they are for; "" is a folder like any other."""

BY_NAME = frozenset({"sent", "folder_drafts", "folder_outbox", "folder_rss", "folder_sync_issues"})
"""What a name may mean at the top of a tree."""

_AMBIGUOUS = re.compile(r"%(?=[0-9A-F]{2})")
_ESCAPED = re.compile(r"[/\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to read: its id, what it is called in the archive, and what its messages are."""

    folder_id: str
    path: str
    is_sent: bool
    policy: str | None
    """The policy that leaves its items out."""
    messages: int
    size_bytes: int | None
    meanings: tuple[str, ...] = ()
    """What each level of the path means, as in MEANINGS."""

    @property
    def cursor(self) -> str:
        """The name of its cursor."""
        return cursor_for(self.folder_id, self.policy, BY_DEFAULT.policy_of(self.path, self.meanings))

    @property
    def is_public(self) -> bool:
        """Whether it is a public folder, whose content may lie in another mailbox than the one that is asked."""
        return self.path.startswith(f"{PUBLIC}/")


@dataclass(frozen=True, slots=True)
class Tree:
    """A root with all that lies below. `prefix` begins its paths, and is not judged."""

    root: FolderTold
    prefix: str
    below: tuple[FolderTold, ...]
    names: frozenset[str] = frozenset()
    """What the names of its uppermost folders may mean, where ids do not tell."""


def folders_in(tree: Tree, meanings: Mapping[str, str], left_out: LeftOut) -> Iterator[Folder]:
    """The folders of a tree, judged by what their ids mean, the uppermost else by their names, and by their paths; what lies in
    them is as they are. The root itself is there if it holds anything."""
    known = {one.folder_id: one for one in tree.below}
    if tree.root.messages:
        path = tree.prefix or level(tree.root.name)
        policy = left_out.policy_of(path, ())
        yield Folder(tree.root.folder_id, path, False, policy, tree.root.messages, tree.root.size_bytes)
    for one in tree.below:
        chain = _chain(one, known)
        above = tree.prefix.split("/") if tree.prefix else []
        path = "/".join([*above, *(level(part.name) for part in chain)])
        judged = (_meaning(part, meanings, tree.names if part is chain[0] else frozenset()) for part in chain)
        said = (*[""] * len(above), *judged)
        yield Folder(one.folder_id, path, "sent" in said, left_out.policy_of(path, said), one.messages, one.size_bytes, said)


def chosen(folders: Iterable[Folder], named: Sequence[str]) -> dict[str, list[Folder]]:
    """Each named path with the folders that it stands for: the one of that path and all that lie in it."""
    everything = list(folders)
    return {path: [one for one in everything if one.path == path or one.path.startswith(f"{path}/")] for path in named}


def judged_below(folder: Folder, named: str, left_out: LeftOut) -> Folder:
    """The same folder where a person named `named`: what that and what it lies in are for is not judged."""
    return replace(folder, policy=left_out.policy_of(folder.path, folder.meanings[len(named.split("/")) :]))


def level(name: str) -> str:
    """A folder's name as one level of a path. A "/" in it, or a control character, is told as %XX."""
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", _AMBIGUOUS.sub("%25", name))


def _meaning(folder: FolderTold, meanings: Mapping[str, str], names: frozenset[str]) -> str:
    if folder.folder_id in meanings:
        return meanings[folder.folder_id]
    name = level(folder.name)
    by_name = excluded_by(name) or ("sent" if is_sent(name) else "")
    return by_name if by_name in names else ""


def _chain(folder: FolderTold, known: Mapping[str, FolderTold]) -> list[FolderTold]:
    """The folder and what it lies in, outermost first. A server whose folders lie in one another is not followed."""
    chain, seen = [folder], {folder.folder_id}
    while (parent := known.get(chain[-1].parent_id)) is not None and parent.folder_id not in seen:
        chain.append(parent)
        seen.add(parent.folder_id)
    return chain[::-1]
