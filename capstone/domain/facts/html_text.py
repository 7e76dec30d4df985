"""The text of HTML as a reader would see it. Never raises; nothing is fetched or run."""

from __future__ import annotations

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser

MAX_TAGS = 20_000
"""The parser needs time by the square of the depth, and nobody nests deeper than tags are many."""
_HIDDEN = ["script", "style", "head", "template", "noscript"]
_TAG = re.compile(r"<[^<>]*>")
_SHORT = 20_000
_LONG_TAG = 2_000
_OPEN_TAG = re.compile(r"""<([A-Za-z][A-Za-z0-9]*+)(?:[^>"'=]++|=\s*+(?:"[^"]*+"?+|'[^']*+'?+)?+|["'])*+>?""")
"""It takes in whatever follows the name, so that no tag is looked at twice."""
_ENTITY_NUMBER = re.compile(r"&#[0-9]{8,}+;?")
"""More digits than any character has; Python refuses to read thousands of them."""


def text_of_html(html: str) -> str:
    """The visible text, one line for each block, none empty. Very many tags: the text between them, scripts included."""
    if html.count("<") > MAX_TAGS:
        text = unescape(_ENTITY_NUMBER.sub(" ", _TAG.sub("\n", html)))
    else:
        tree = LexborHTMLParser(html if len(html) < _SHORT else _OPEN_TAG.sub(_with_few_attributes, html))
        tree.strip_tags(_HIDDEN)
        text = tree.text(deep=True, separator="\n", strip=False) if tree.root else ""
    text = text.replace("\r", "\n").replace("\0", "").replace("\xa0", " ")
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


def _with_few_attributes(tag: re.Match[str]) -> str:
    """Attributes are no text, and the parser needs time by the square of those of one element; `body` gathers those of all."""
    text, name = tag.group(), tag.group(1)
    return text if len(text) < _LONG_TAG and name.lower() not in ("body", "html") else f"<{name}>"
