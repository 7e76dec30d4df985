"""The files of the mail corpus: every message is offered with its own bytes, and no other program finds more."""

from __future__ import annotations

import csv
import hashlib
import mailbox
from pathlib import Path

import pytest

from capstone.domain.mbox import slices
from capstone.domain.message import OfferedMessage
from tests.adapters.mail_files import items, outcomes
from tests.contracts.mail_source import place_of


@pytest.mark.corpus
def test_every_eml_of_the_corpus_is_offered_with_its_own_bytes(corpus: Path) -> None:
    expected = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in corpus.rglob("*.eml") if path.stat().st_size}
    offered = {
        item.occurrence.place.item_id: hashlib.sha256(item.raw).hexdigest()
        for item in items(corpus)
        if isinstance(item, OfferedMessage) and item.occurrence.place.item_id.endswith(".eml")
    }
    assert offered == expected


@pytest.mark.corpus
def test_the_enron_messages_have_the_hashes_of_the_load_file(corpus: Path) -> None:
    with (corpus / "enron-edrm" / "load-no-text.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    hashes = {Path(row["native_link"] or "").name: (row["Hash"] or "").lower() for row in rows}
    native = corpus / "enron-edrm" / "native"
    offered = [item for item in items(native) if isinstance(item, OfferedMessage)]
    assert len(offered) == 2178
    for item in offered:
        assert hashlib.md5(item.raw, usedforsecurity=False).hexdigest() == hashes[Path(item.occurrence.place.item_id).name]
    assert outcomes(native) == {"message": 2178, "excluded:not_mail": 162}


@pytest.mark.corpus
def test_each_mbox_of_the_lists_gives_as_many_messages_as_the_standard_library_finds(corpus: Path) -> None:
    """No difference is left to explain: 421 in all, as the corpus's manifest says, no_date.mbox with its bare `From ` too."""
    counts = {}
    for path in sorted((corpus / "apache-lists" / "corpus").glob("*.mbox")):
        box = mailbox.mbox(path, create=False)
        counts[path.name] = len(items(path)), len(box)
        box.close()
    assert {name: ours for name, (ours, theirs) in counts.items() if ours != theirs} == {}
    assert sum(ours for ours, _ in counts.values()) == 421


@pytest.mark.corpus
def test_the_records_of_the_lists_are_the_bytes_that_the_standard_library_cuts(corpus: Path) -> None:
    """Compared as found on disk: both keep `>From ` as it stands."""
    for path in sorted((corpus / "apache-lists" / "corpus").glob("*.mbox")):
        box = mailbox.mbox(path, create=False)
        theirs = [box.get_bytes(key) for key in box.iterkeys()]
        box.close()
        assert [item.raw for item in items(path) if isinstance(item, OfferedMessage)] == theirs, path.name


@pytest.mark.corpus
def test_the_spamassassin_files_are_a_thousand_messages(corpus: Path) -> None:
    assert outcomes(corpus / "spamassassin") == {"message": 1000}


@pytest.mark.corpus
def test_every_mbox_of_the_corpus_is_put_together_again_byte_for_byte(corpus: Path) -> None:
    seen = 0
    for path in (each for each in corpus.rglob("*") if each.is_file()):
        raw = path.read_bytes()
        if not raw.startswith(b"From "):
            continue
        seen += 1
        pieces = list(slices(lambda at, length, raw=raw: raw[at : at + length], len(raw)))
        again = b"".join(raw[piece.separator_at : piece.record_end] + raw[piece.record_end : piece.next_at] for piece in pieces)
        assert again == raw, path.name
        assert all(raw[piece.record_end : piece.next_at] in (b"", b"\n", b"\r", b"\r\n") for piece in pieces), path.name
    assert seen > 890


@pytest.mark.corpus
def test_every_item_of_the_corpus_has_its_own_place_and_the_same_on_each_pass(corpus: Path) -> None:
    first, second = ([place_of(item) for item in items(corpus)] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)
