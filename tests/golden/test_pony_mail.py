"""Pony Mail's published reading of Apache list mail: Message-ID, body and attachments of every message it lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from capstone.domain.facts import read_facts
from capstone.domain.facts.bodies import text_parts
from capstone.domain.facts.charsets import decoded
from capstone.domain.facts.ladder import read_parts
from tests.golden.mboxes import mbox_messages

_MADE_OF_HTML = "Pony Mail without html2text has no body for HTML alone; ours is the text of the HTML"
DIFFERENCES = {("nexus-html-only.mbox", number): _MADE_OF_HTML for number in range(3)}


def _expected(corpus: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for listing in sorted(corpus.glob("apache-lists/yaml/par*.yaml")):
        known = yaml.safe_load(listing.read_text())
        if known["args"].get("parse_html"):
            continue  # these were made with html2text, whose layout is its own
        sharing: list[str] = []
        for name, results in known["parsing"].items():
            sharing.append(name)
            if results:
                files = [path for shared in sharing if (path := corpus / "apache-lists" / shared).is_file()]
                yield from ((path, result) for path in files for result in results)
                sharing = []


def _readings(raw: bytes) -> set[str]:
    """Digests of our body: as format=flowed wants it and as it stands, with LF or CRLF, any number of them at its end."""
    texts = {read_facts(raw).body_text}
    parts = text_parts(read_parts(raw).root)
    if parts:
        texts.add(decoded(parts[0].content, parts[0].params.get("charset", ""))[0].replace("\r\n", "\n"))
    ends = [text.rstrip("\n") + "\n" * count for text in texts for count in range(12)]
    ends += [text.replace("\n", "\r\n") for text in ends]
    return {hashlib.sha3_256(text.encode()).hexdigest() for text in ends}


@pytest.mark.corpus
def test_bodies_and_attachments_are_those_of_pony_mail(corpus: Path) -> None:
    compared, different = 0, set()
    cut: dict[Path, list[bytes]] = {}
    for path, result in _expected(corpus):
        raw = cut.setdefault(path, mbox_messages(path))[result["index"]]
        facts = read_facts(raw)
        where = (path.name, result["index"])
        assert (facts.message_id or "") == (result["message-id"] or "").strip("<>"), where
        compared += 1
        wanted = {value for key, value in result.items() if key not in ("index", "message-id", "attachments")}
        if not wanted & _readings(raw):
            different.add(where)
        named = [(attachment.name, attachment.size_bytes, attachment.digest) for attachment in facts.attachments]
        assert named == [(a["filename"], a["size"], a["hash"]) for a in result["attachments"] or []], where
    assert different == set(DIFFERENCES)
    assert compared == 415
