"""The same bounce in LF, CRLF and bare CR form gives the same facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.facts import read_facts
from capstone.domain.message import MessageFacts

DIFFERENCES = {"lhost-notes-01.eml": "the three files hold different bytes in the text, not line ends alone (the corpus says so)"}


def _comparable(facts: MessageFacts) -> tuple[object, ...]:
    attachments = [(a.part, a.name, a.declared_type) for a in facts.attachments]  # sizes of texts depend on line ends
    return (
        facts.message_id, facts.date, facts.trace_date, facts.from_, facts.to, facts.cc, facts.subject, facts.body_text,
        facts.body_from, facts.charset, facts.content_key, facts.nested, facts.security, attachments,
    )  # fmt: skip


@pytest.mark.corpus
def test_line_ends_change_no_fact(corpus: Path) -> None:
    compared, different = 0, set()
    for bare_cr in sorted((corpus / "sisimai-dsn" / "mac").rglob("*.eml")):
        forms = [next((corpus / "sisimai-dsn" / form).rglob(bare_cr.name)).read_bytes() for form in ("bsd", "dos", "mac")]
        compared += 1
        if len({repr(_comparable(read_facts(raw))) for raw in forms}) != 1:
            different.add(bare_cr.name)
    assert different == set(DIFFERENCES)
    assert compared == 14
