"""Free text of a form cut into sentences, each with what it is about: item 010, other items, classified accounts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from capstone.domain.forms.values import Accounts

ITEM_010 = "010"
LONGEST = 4000
"""Longer texts are kept and not read: real ones have at most 2,000 signs, and patterns take their time on hostile ones."""

_SAME = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\xa0": " ", "\u200b": None}
)
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "fifteen": 15, "twenty": 20, "twenty-five": 25, "twenty five": 25, "thirty": 30,
}  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b({'|'.join(sorted(_WORDS, key=len, reverse=True))})\b(?:\s*\(\s*[0-9]+\s*\))?(?=[ -]+years?\b)")
_CUTOFF_WORD = re.compile(r"\bcut(?:\s*-\s*|\s+)?off(s?)\b")
_EMAIL_WORD = re.compile(r"\be-?mail")
_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+(?=[\w\"'(-])")
_HEADING = re.compile(r"[\"'*-]*\s*([a-z][a-z /&()-]{2,60}?)\s*:\s*(.*)", re.DOTALL)
_OTHER_HEADING = re.compile(r"non-?\s*capstone|exception|temporary|support|administrative positions|all other")
_CAPSTONE_HEADING = re.compile(r"(?<!non-)(?<!non )(?<!non)capstone|permanent")
_ITEMS = re.compile(r"\bitems?\s*#?\s*((?:0?1[0-2]\b(?:\s*(?:,|and|&|or|/)\s*)*(?:items?\s*)?)+)")
_ITEM = re.compile(r"0?(1[0-2])\b")
_ITEM_LABEL = re.compile(r"^[\"'*-]*\s*(?:for )?items?\b")
_OTHER_MAIL = re.compile(r"\bnon-?\s*capstone|\btemporary\b|\bdelet|\bdestr|\bcutoff (?:for|of) (?:the )?[0-9]+[ -]*year")
_CAPSTONE_MAIL = re.compile(
    r"(?<!non-)(?<!non )(?<!non)\bcapstone|\bpermanent|\btransfer|\bsent to (?:nara|the national archives)"
)
_UNCLASSIFIED, _CLASSIFIED = re.compile(r"\bunclassified|\bnon-?classified"), re.compile(r"(?<!un)(?<!non-)\bclassified")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in plain lower case, with the words of the form it comes from."""

    plain: str
    text: str
    is_about_010: bool
    """Whether it can speak of Capstone officials' mail: not of other items, other staff or temporary mail alone."""
    accounts: Accounts | None


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text in their order. A heading or an item label holds for what follows it."""
    found: list[Sentence] = []
    is_other_heading = False
    if len(text) > LONGEST:
        return found
    for line in _lines(text):
        heading = _HEADING.match(_plain(line))
        if heading and (_OTHER_HEADING.search(heading[1]) or _CAPSTONE_HEADING.search(heading[1])):
            is_other_heading = bool(_OTHER_HEADING.search(heading[1]))
        found += _sentences_of_line(line, is_other_heading)
    return found


def _sentences_of_line(line: str, is_other_heading: bool) -> list[Sentence]:
    found: list[Sentence] = []
    labelled: frozenset[str] = frozenset()
    for text in _SENTENCE_END.split(line):
        plain = _plain(text)
        items = _items(plain)
        if _ITEM_LABEL.match(plain):
            labelled = items
        about = items or labelled
        if about:
            is_about = ITEM_010 in about
        else:
            is_about = not is_other_heading and (not _OTHER_MAIL.search(plain) or bool(_CAPSTONE_MAIL.search(plain)))
        found.append(Sentence(plain, text.strip(), is_about, _accounts(plain)))
    return found


def _lines(text: str) -> list[str]:
    """Lines, with those put together again that break in the middle of a sentence."""
    lines: list[str] = []
    for raw in re.split(r"[\r\n\v\f\x85\u2028\u2029]", text):
        line = raw.strip()
        is_continued = bool(
            lines and lines[-1] and lines[-1][-1] not in ".:;!?" and line and (line[0].islower() or line[0].isdigit())
        )
        if is_continued:
            lines[-1] = f"{lines[-1]} {line}"
        else:
            lines.append(line)
    return [line for line in lines if line]


def _plain(text: str) -> str:
    lowered = " ".join(text.translate(_SAME).lower().split())
    joined = _EMAIL_WORD.sub("email", _CUTOFF_WORD.sub(r"cutoff\1", lowered))
    return _NUMBER_WORD.sub(lambda found: str(_WORDS[found[1]]), joined)


def _items(plain: str) -> frozenset[str]:
    return frozenset(f"0{number}" for group in _ITEMS.findall(plain) for number in _ITEM.findall(group))


def _accounts(plain: str) -> Accounts | None:
    is_unclassified, is_classified = bool(_UNCLASSIFIED.search(plain)), bool(_CLASSIFIED.search(plain))
    if is_unclassified == is_classified:
        return None
    return Accounts.UNCLASSIFIED if is_unclassified else Accounts.CLASSIFIED
