"""Takes an answer as XML, if it came in whole: what was cut short or garbled on the way is no answer."""

from __future__ import annotations

from typing import Any

import lxml.etree
from exchangelib import errors as ews

from connectors.mailboxes.ews.errors import Incomplete

TAIL_BYTES = 256
"""So much of an answer's end is enough to see that it ends."""

_END = b"Envelope>"
_BORNE = frozenset({"ERR_INVALID_CHAR", "ERR_INVALID_ENCODING", "ERR_UNDECLARED_ENTITY", "WAR_UNDECLARED_ENTITY"})
"""What Exchange copies from mail into its answers and XML forbids. It costs a character; any other error may cost elements."""


def root_of(content: bytes) -> Any:
    """The root of a whole answer. Raises Incomplete."""
    must_end(content)
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, recover=True)
    try:
        root = lxml.etree.fromstring(content, parser)
    except lxml.etree.LxmlError as exc:
        raise Incomplete(type(exc).__name__) from None
    must_be_sound(parser.error_log)
    return root


def must_end(tail: bytes) -> None:
    """Raises Incomplete for an answer that does not end as all do."""
    if not tail[-TAIL_BYTES:].rstrip().endswith(_END):
        raise Incomplete("an answer without its end")


def must_be_sound(error_log: Any) -> None:
    """Raises Incomplete where a parser had to guess what belongs where."""
    if any(one.type_name not in _BORNE for one in error_log):
        raise Incomplete("an answer that is garbled")


def parts_of(root: Any) -> tuple[Any, Any]:
    """Header and body of an answer. Raises MalformedResponseError."""
    soap = root.tag.removesuffix("Envelope")
    body = root.find(f"{soap}Body")
    if body is None:
        raise ews.MalformedResponseError("no body")
    return root.find(f"{soap}Header"), body
