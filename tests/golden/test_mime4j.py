"""Apache mime4j's expected parts of MIME torture messages: every decoded leaf, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from capstone.domain.facts.charsets import decoded
from capstone.domain.facts.ladder import read_parts
from capstone.domain.facts.parts import Part

_KEPT_AS_TEXT = "a multipart without a usable boundary has no parts for mime4j; we keep its body as text, so that it can be found"
_LAST_BYTES = "cut-off base64: mime4j drops the last incomplete group, we decode it"
_WHOLE_BODY = (
    "without a header, mime4j takes lines up to the first empty one for header; we take everything as body, as its text asks"
)
_BLANK_LINE = "a line of one blank does not end a header for mime4j; we begin the body where lines are no fields any more"
_PASSED_OVER = "mime4j begins the body at a line that is no field though a field follows; we pass over the line and read on"
DIFFERENCES = {
    "badbound": _KEPT_AS_TEXT,
    "missing-boundary": _KEPT_AS_TEXT,
    "missing-inner-boundary": _KEPT_AS_TEXT,
    "missing-inner-start-boundary": _KEPT_AS_TEXT,
    "multipartnopart": _KEPT_AS_TEXT,
    "frag": _LAST_BYTES,
    "multi-frag": _LAST_BYTES,
    "malformedHeader-noheader": _WHOLE_BODY,
    "malformedHeaderStartsBody-noheader": _WHOLE_BODY,
    "hdr-fakeout": _BLANK_LINE,
    "basic-plain-with-bad-header-separator": _BLANK_LINE,
    "malformedHeaderStartsBody-nocrlfcrlf": _PASSED_OVER,
}


def _plain(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")


def _agrees(leaf: Part, expected: bytes) -> bool:
    text = decoded(leaf.content, leaf.params.get("charset", ""))[0]
    return _plain(expected) in (_plain(leaf.content), _plain(text.encode()))


@pytest.mark.corpus
def test_every_part_has_the_content_that_mime4j_expects(corpus: Path) -> None:
    leaves_compared, different = 0, set()
    for message in sorted((corpus / "mime4j").rglob("*.msg")):
        listing = message.with_name(f"{message.stem}_decoded.xml").read_text("utf-8", "replace")
        names = re.findall(r'<(?:text|binary)-body name="([^"]+)"', listing)
        expected = [(message.parent / name).read_bytes() for name in names]
        leaves = [part for part in read_parts(message.read_bytes()).parts if part.is_leaf]
        if len(leaves) == len(expected) and all(map(_agrees, leaves, expected)):
            leaves_compared += len(leaves)
        else:
            different.add(message.stem)
    assert different == set(DIFFERENCES)
    assert leaves_compared == 143
