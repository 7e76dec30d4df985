"""The text of HTML as a reader would see it. Never raises; nothing is fetched or run."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

_HIDDEN = ["script", "style", "head", "template", "noscript"]
_BLANKS = re.compile(r"[ \t\f\v\xa0]+")
_EMPTY_LINES = re.compile(r"\n(?: ?\n){2,}")


def text_of_html(html: str) -> str:
    """The visible text, one line for each block, blanks collapsed."""
    tree = LexborHTMLParser(html)
    tree.strip_tags(_HIDDEN)
    text = tree.text(deep=True, separator="\n", strip=False) if tree.root else ""
    return _EMPTY_LINES.sub("\n\n", _BLANKS.sub(" ", text)).strip()
