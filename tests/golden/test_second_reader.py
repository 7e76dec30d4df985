"""Every message of the corpus read twice: by the ladder, and by the standard library's parser alone."""

from __future__ import annotations

import re
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

import pytest

from capstone.domain.facts import capture_facts, read_facts
from capstone.domain.facts.address_lists import read_addresses
from capstone.domain.facts.compat_parts import fill_compat
from capstone.domain.facts.dates import read_date
from capstone.domain.facts.headers import read_headers
from capstone.domain.facts.ladder import read_parts
from capstone.domain.facts.parts import Part, part_of
from tests.golden.mboxes import corpus_messages

_NOT_FOUND = "the boundary is folded, in odd characters or never opened as the standard library wants: it sees one text"
_DOUBLED = "doubled boundary lines: empty parts for the fast parser, none for the standard library"
_UNTERMINATED = "a boundary line ends the file: an empty part for the standard library, none for the fast parser"
_LONG_BOUNDARY = "a longer line begins like the boundary: a boundary for the standard library, not for the fast parser and mime4j"
_STATUS = "the standard library splits message/delivery-status into fields; text in it is put together otherwise"
_EPILOGUE = "an empty part: the standard library puts the epilogue into it"
_QUOTED = "broken quoted-printable: two bytes are left as they stand by one and dropped by the other"
_EARLY_YEAR = re.compile(r"\b(?:0\d{3}|1[0-8]\d\d|19[0-7]\d|198[01])\b")
DIFFERENCES = {
    "msg_37.txt": _DOUBLED,
    "2002_06_12_doublebound.msg": _DOUBLED,
    "double-bound.msg": _DOUBLED,
    "filenameAndName.eml": _UNTERMINATED,
    "filenameOnly.eml": _UNTERMINATED,
    "alternative.eml": _UNTERMINATED,
    "mdn_complex.eml": _UNTERMINATED,
    "multi-badnames.msg": _NOT_FOUND,
    "multi-clen.msg": _NOT_FOUND,
    "multi-digest.msg": _NOT_FOUND,
    "multi-simple.msg": _NOT_FOUND,
    "ending-boundaries.msg": _NOT_FOUND,
    "multipartnopart.msg": _NOT_FOUND,
    "msg_42.txt": "a multipart that only closes: no part for the standard library, an empty one for the fast parser",
    "raw_email4.eml": "a closing boundary that lacks its last dash: an empty part for one, a line of text for the other",
    "tomcat-ancient-boundary.mbox#0": _NOT_FOUND,
    "very-long-boundary.msg": _LONG_BOUNDARY,
    "very-very-long-boundary.msg": _LONG_BOUNDARY,
    "weird-boundary.msg": _LONG_BOUNDARY,
    "multipart_report_multiple_status.eml": _STATUS,
    "multipartemptypart.msg": _EPILOGUE,
    "lhost-office365-13.eml": _QUOTED,
}


def _shape(root: Part) -> list[tuple[str, str, str, bytes]]:
    return [
        (part.number, part.content_type, part.file_name, part.content.replace(b"\r", b"").rstrip(b"\n")) for part in root.walked()
    ]


def _compat(raw: bytes) -> Part:
    root = part_of(read_headers(raw), "", "text/plain")
    fill_compat(root, raw, [])
    return root


@pytest.mark.corpus
def test_both_parsers_find_the_same_parts_with_the_same_content(corpus: Path) -> None:
    compared, different = 0, set()
    for name, raw in corpus_messages(corpus):
        reading = read_parts(raw)
        if reading.parser == "fast" and reading.root.children and reading.headers.is_regular:
            compared += 1
            if _shape(reading.root) != _shape(_compat(raw)):
                different.add(name.rpartition("/")[2])
    assert different == set(DIFFERENCES)
    assert compared > 2_700


@pytest.mark.corpus
def test_dates_are_those_of_the_standard_library(corpus: Path) -> None:
    compared = 0
    for name, raw in corpus_messages(corpus):
        value = read_headers(raw).first("date")
        date, problem = read_date(value) if value else (None, "none")
        if problem is None and value:
            theirs = parsedate_to_datetime(value)
            assert date is not None
            assert date.replace(tzinfo=theirs.tzinfo) == theirs, name
            assert theirs.tzinfo is None or date == theirs, name
            compared += 1
        elif problem == "date_implausible" and value:
            assert _EARLY_YEAR.search(value), name  # the library takes the year 0002 for 2002
    assert compared > 3_000


@pytest.mark.corpus
def test_addresses_are_those_of_the_standard_library(corpus: Path) -> None:
    """Where every mailbox has an address with an @; a name alone, as gateways write it, is an address for the library."""
    compared = 0
    for name, raw in corpus_messages(corpus):
        headers = read_headers(raw)
        for value in headers.all("from") + headers.all("to") + headers.all("cc"):
            ours = read_addresses([value], [].append)
            if ours and all("@" in mailbox.address for mailbox in ours) and "=?" not in value and not set(":;") & set(value):
                theirs = [(" ".join(shown.split()), address) for shown, address in getaddresses([value]) if address]
                found = [(" ".join(mailbox.name.split()), mailbox.address) for mailbox in ours]
                assert found[: len(theirs)] == theirs, name
                # It reads "a@b c@d" as "@d": what it overlooks is added behind.
                assert all(not shown and address in value.split() for shown, address in found[len(theirs) :]), name
                compared += 1
    assert compared > 3_000


@pytest.mark.corpus
def test_capture_facts_agree_with_all_facts(corpus: Path) -> None:
    compared = 0
    for name, raw in corpus_messages(corpus):
        few, all_ = capture_facts(raw), read_facts(raw)
        assert (few.header_date, few.trace_date, few.message_id) == (all_.date, all_.trace_date, all_.message_id), name
        assert (few.content_key, few.problems) == (all_.content_key, all_.problems), name
        compared += 1
    assert compared > 4_200
