"""The items of a folder that a server did not give, as a cursor remembers them: the next run offers them again."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

MOST_FAILED = 100
"""So many of a folder are remembered; with more of them its cursor stays where it is."""


def failed_as_text(ids: Iterable[str]) -> str:
    """`+id,id`; nothing for none."""
    told = ",".join(quote(one, safe="@:=") for one in ids)
    return f"+{told}" if told else ""


def failed_in(text: str) -> tuple[str, ...]:
    """The ids that stand behind the "+" of such a text."""
    return tuple(unquote(one) for one in text.split(",") if one)
