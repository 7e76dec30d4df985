"""A form file as an ordered tree of names and texts: what is left of its XML once nobody needs to know that it was XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """An element: its name, its own text, what stands in it, and its `name` attribute (templates name their fields so)."""

    name: str
    text: str = ""
    children: tuple[Node, ...] = ()
    label: str = ""

    def walk(self) -> Iterator[Node]:
        """Everything below this node, in the order of the file."""
        waiting = list(reversed(self.children))
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def named(self, name: str) -> list[Node]:
        """Everything below of that name, in the order of the file."""
        return [node for node in self.walk() if node.name == name]

    def find(self, *path: str) -> Node | None:
        """The first node reached by going down through these names; names between them do not matter."""
        return next(self._all(path), None)

    def value(self, *path: str) -> str | None:
        """The text at that path, as it stands; None where the form has no such field."""
        found = self.find(*path)
        return None if found is None else found.text

    def _all(self, path: tuple[str, ...]) -> Iterator[Node]:
        for node in self.named(path[0]):
            if len(path) == 1:
                yield node
            else:
                yield from node._all(path[1:])


@dataclass(frozen=True, slots=True)
class FormFile:
    """What a form file holds: the answers, the printed form around them where it is there, and the digest of the file."""

    answers: Node
    template: Node | None
    digest: str
    """SHA-256 of the file: two files may carry the same form number and differ."""
