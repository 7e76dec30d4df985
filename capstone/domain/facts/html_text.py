"""The text of HTML as a reader would see it. Never raises; nothing is fetched or run."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

MAX_TAGS = 20_000
"""The parser needs time by the square of the depth, and nobody nests deeper than tags are many."""
_HIDDEN = ["script", "style", "head", "template", "noscript"]
_TAG = re.compile(r"<[^<>]*>")


def text_of_html(html: str) -> str:
    """The visible text, one line for each block, none empty. Very many tags: the text between them, scripts included."""
    if html.count("<") > MAX_TAGS:
        text = _TAG.sub("\n", html)
    else:
        tree = LexborHTMLParser(html)
        tree.strip_tags(_HIDDEN)
        text = tree.text(deep=True, separator="\n", strip=False) if tree.root else ""
    text = text.replace("\r", "\n").replace("\0", "").replace("\xa0", " ")
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))
