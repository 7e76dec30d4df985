"""XML of a form as a tree. Hostile XML is refused: no document types, no entities, no more depth or elements than a form has."""

from __future__ import annotations

from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from capstone.domain.errors import BadForm
from capstone.domain.forms.tree import Node

MAX_BYTES = 16 * 1024 * 1024
"""A real form has 30 kB of answers and 200 kB of template."""
_MAX_ELEMENTS, _MAX_DEPTH = 200_000, 200
_XHTML = "http://www.w3.org/1999/xhtml"
_BREAKS = frozenset({"p", "br", "div", "li"})


def tree_of(data: bytes, what: str) -> Node:
    """The root of the XML as a node; `what` is how messages call it. Raises BadForm on anything that is not plain, whole XML."""
    if len(data) > MAX_BYTES:
        raise BadForm(f"The {what} of the form are larger than {MAX_BYTES // 1024 // 1024} MiB.")
    target = _TreeTarget(what)
    parser = DefusedXMLParser(target=target, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException as exc:
        raise BadForm(f"The {what} of the form declare a document type or entities; a form has none.") from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise BadForm(f"The {what} of the form are not whole XML: the file is damaged.") from exc
    return target.root()


class _Open:
    """An element that has begun and not ended."""

    __slots__ = ("children", "is_rich", "label", "name", "texts")

    def __init__(self, tag: str, label: str) -> None:
        namespace, _, self.name = tag.rpartition("}")
        self.is_rich = namespace.endswith(_XHTML)
        self.label = label
        self.texts: list[str] = []
        self.children: list[Node] = []


class _TreeTarget:
    """Builds the tree while the parser reads, so that what is too large never stands in memory."""

    def __init__(self, what: str) -> None:
        self._what, self._elements = what, 0
        self._open: list[_Open] = []
        self._root: Node | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._elements += 1
        if self._elements > _MAX_ELEMENTS or len(self._open) >= _MAX_DEPTH:
            raise BadForm(f"The {self._what} of the form have more elements than any form.")
        self._open.append(_Open(tag, attributes.get("name", "")))

    def data(self, text: str) -> None:
        """Text inside the element that is open."""
        if self._open:
            self._open[-1].texts.append(text)

    def end(self, _tag: str) -> None:
        """An element ends; formatted text becomes plain text of the field around it."""
        done = self._open.pop()
        text = "".join(done.texts)
        if done.is_rich and self._open:
            self._open[-1].texts.append(f"{text}\n" if done.name in _BREAKS else text)
            return
        is_field = bool(text.strip())
        node = Node(done.name, text.strip("\n") if is_field else "", tuple(done.children), done.label)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node

    def close(self) -> None:
        """The end of the file; the parser has seen to it that all elements are closed."""

    def root(self) -> Node:
        """The whole tree."""
        if self._root is None:
            raise BadForm(f"The {self._what} of the form are empty.")
        return self._root
