"""Every message of the corpus gives the same index document from the short reading as from the full one."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from capstone.domain.documents import document_of
from capstone.domain.facts import index_facts, read_facts
from tests.builders import a_record
from tests.golden.mboxes import corpus_messages


@pytest.mark.corpus
def test_index_facts_make_the_same_document_as_all_facts(corpus: Path) -> None:
    record, unlike, count = a_record(), [], 0
    for name, raw in corpus_messages(corpus):
        count += 1
        if document_of(record, index_facts(raw), UTC) != document_of(record, read_facts(raw), UTC):
            unlike.append(name)
    assert not unlike
    assert count > 4_000
