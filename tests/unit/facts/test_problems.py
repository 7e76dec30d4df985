"""Every code of a problem is given by an invented message that has it, and by the sound message none."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.facts import address_lists, bodies, capture_facts, headers, ladder, parts, read_facts
from capstone.domain.problems import CODES
from tests.unit.facts.messages import message, multipart

_BAD = Path(__file__).parents[2] / "fixtures" / "mail" / "bad"
_NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(10_000))
_LARGE = {
    "too_many_headers": b"".join(b"X-%d: y\n" % number for number in range(headers.MAX_FIELDS + 1)) + message(),
    "address_list_cut_off": message(To="(" * (address_lists.MAX_ODD_LENGTH + 1)),
    "nested_too_deep": b"Subject: deep\n" + _NESTED + b"\nHello.\n",
    "parts_cut_off": multipart(*["\nHello."] * (parts.MAX_PARTS + 1)),
    "text_cut_off": message("Hello.\n" * (bodies.MAX_TEXT_BYTES // 7 + 1)),
    "too_costly_to_read": multipart("\n" + "a\n" * (ladder.SMALL * 2), *["\n"] * 70_000),
}


def _codes(raw: bytes) -> set[str]:
    return {problem.code for problem in read_facts(raw).problems}


def test_a_sound_message_has_no_problem() -> None:
    assert _codes(message()) == set()


@pytest.mark.parametrize("path", sorted(_BAD.glob("*.eml")), ids=lambda path: path.stem)
def test_a_bad_message_gives_the_code_it_is_named_by(path: Path) -> None:
    assert path.stem in _codes(path.read_bytes())


@pytest.mark.parametrize("code", sorted(_LARGE))
def test_a_costly_message_gives_the_code_it_is_named_by(code: str) -> None:
    assert code in _codes(_LARGE[code])


def test_every_code_has_a_bad_message() -> None:
    without = {"not_parsed", "reader_ended"}  # a parser or a reading process must fail for a reason of its own
    assert {path.stem for path in _BAD.glob("*.eml")} | set(_LARGE) | without == set(CODES)


@pytest.mark.parametrize("path", sorted(_BAD.glob("*.eml")), ids=lambda path: path.stem)
def test_capture_lists_the_problems_of_the_full_reading(path: Path) -> None:
    raw = path.read_bytes()
    assert capture_facts(raw).problems == read_facts(raw).problems
