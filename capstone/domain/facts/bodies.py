"""The text of a message: which parts are its text, and what they say. Bounded in size."""

from __future__ import annotations

import re
from dataclasses import dataclass

from capstone.domain.facts.charsets import codec_of, decoded, keeps_ascii
from capstone.domain.facts.html_text import text_of_html
from capstone.domain.facts.parts import Part

MAX_TEXT_BYTES = 8_000_000
"""No more of one part is read as text; the rest is still digested, and stored as ever."""
MAX_HTML_BYTES = 4_000_000
_PERHAPS_BLANK, _INVISIBLE = 200, "\u200b\u200c\u200d\u2060\ufeff \xa0\r\n"
_HEAD = 4_096
_META_CHARSET = re.compile(rb"<meta\s[^<>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_Problems = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Body:
    """The text of a message (or of one inside it), where it came from, and the charset it declared."""

    text: str = ""
    source: str = "none"
    charset: str | None = None


def text_parts(part: Part) -> list[Part]:
    """The parts that are the message's own text, in reading order; of alternatives one: plain where it says anything."""
    if part.is_leaf:
        return [part] if part.is_text else []
    if part.message is not None:
        return []
    if part.content_type != "multipart/alternative":
        return [leaf for child in part.children for leaf in text_parts(child)]
    choices = [leaves for child in part.children if (leaves := text_parts(child))]
    for leaves in choices:
        if any(leaf.content_type != "text/html" and _says_something(leaf) for leaf in leaves):
            return leaves
    return choices[-1] if choices else []


def _says_something(leaf: Part) -> bool:
    """Whether there is more than blanks, hard ones and invisible marks among them: some programs put such in place of a text."""
    content = leaf.content.strip()
    if len(content) > _PERHAPS_BLANK or (content and content.isascii()):
        return bool(content)
    return bool(decoded(leaf.content, leaf.params.get("charset", ""))[0].strip().strip(_INVISIBLE).strip())


def _charset_of(leaf: Part, content: bytes) -> str:
    """The charset that the part names; where that says too little for its HTML, the one that the HTML names."""
    charset = leaf.params.get("charset", "")
    if leaf.content_type != "text/html" or content.isascii() or (charset and codec_of(charset) not in ("ascii", None)):
        return charset
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        named = _META_CHARSET.search(content[:_HEAD])
        found = named.group(1).decode("ascii") if named else ""
        return found if found and keeps_ascii(codec_of(found) or "utf-16") else charset
    return charset


def note_text_problems(parts: list[Part], problems: _Problems) -> None:
    """Note what reading the texts of the message, and of those inside it, would have to guess. Gives what `body_of` meets."""
    for part in parts:
        if part.is_text:
            _note_leaf(part, problems)


def _note_leaf(leaf: Part, problems: _Problems) -> None:
    limit = MAX_HTML_BYTES if leaf.content_type == "text/html" else MAX_TEXT_BYTES
    if len(leaf.content) > limit:
        problems.append(("text_cut_off", leaf.number))
    content = leaf.content[:limit]
    charset = _charset_of(leaf, content)
    codec = codec_of(charset) if charset else "ascii"
    if codec is None or not keeps_ascii(codec) or not leaf.content.isascii():
        problem = decoded(content, charset)[1]
        if problem:
            problems.append((problem, leaf.number))


def body_of(part: Part) -> Body:
    """The body of a message whose parts are given: text/plain, else the text of the HTML."""
    leaves = text_parts(part)
    if not leaves:
        return Body()
    texts = [_text(leaf) for leaf in leaves]
    has_plain = any(leaf.content_type != "text/html" and text.strip() for leaf, text in zip(leaves, texts, strict=True))
    charset = next((leaf.params["charset"] for leaf in leaves if leaf.params.get("charset")), None)
    text = texts[0].rstrip("\n") if len(texts) == 1 else "\n".join(text.strip("\n") for text in texts)
    source = "plain" if has_plain or all(leaf.content_type != "text/html" for leaf in leaves) else "html"
    return Body(text, source, charset)


def _text(leaf: Part) -> str:
    is_html = leaf.content_type == "text/html"
    content = leaf.content
    limit = MAX_HTML_BYTES if is_html else MAX_TEXT_BYTES
    content = content[:limit] if len(content) > limit else content
    text = decoded(content, _charset_of(leaf, content))[0]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if is_html:
        return text_of_html(text)
    if leaf.params.get("format", "").lower() == "flowed":
        return unflowed(text, leaf.params.get("delsp", "").lower() == "yes")
    return text


def unflowed(text: str, joins_without_blank: bool) -> str:
    """Paragraphs of format=flowed (RFC 3676) as single lines, so that phrases across soft line ends can be found."""
    out: list[str] = []
    flowing_depth = -1
    for line in text.split("\n"):
        rest = line.lstrip(">")
        depth = len(line) - len(rest)
        rest = rest.removeprefix(" ")
        if depth != flowing_depth:
            out.append("\n" + ">" * depth + (" " if depth else ""))
        is_soft = rest.endswith(" ") and rest != "-- "
        out.append(rest[:-1] if is_soft and joins_without_blank else rest)
        flowing_depth = depth if is_soft else -1
    return "".join(out)[1:]
