"""What the transfer instructions of a form say: one period for all mail, or several, and under which conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from capstone.domain.forms.values import CountedFrom, Place, Transfer, TransferPeriod
from capstone.domain.forms.wording import Sentence, sentences

_VERB = re.compile(r"\btransf|\bsen[dt]\b.*\b(?:nara|national archives|archives)\b|\baccession")
_NOT_TRANSFERRED = re.compile(r"\b(?:not|never) (?:be )?transfer")
_PERIOD = re.compile(
    r"\b(?P<after>[0-9]+)[ -]*years? (?:after|following|from|past) (?P<event>[\w' -]{0,40})"
    r"|\b(?P<old>[0-9]+)[ -]*years? old\b|\b(?P<age>[0-9]+)[ -]*years? of age\b"
    r"|\b(?:in|at|after) (?P<at>[0-9]+)[ -]*years?\b(?! block| increment)|\b(?P<noun>[0-9]+)[ -]*years? transfer"
)
_WHOLE = re.compile(r"\W*(?P<years>[0-9]+)[ -]*years?\W*")
_BLOCK = re.compile(r"\b(?P<years>[0-9]+)[ -]*years?[ -]+(?:block|increment)")
_RANGE = re.compile(r"\b[0-9]+\s*(?:-|to|through|and)\s*[0-9]+\s*years?\b")
_DECLASSIFICATION = re.compile(r"\bdeclassif[\w, /&-]*\breview|\breview[\w ]*\bdeclassif|\bafter declassif")
_EXCEPTION = re.compile(r"\bexcept|\bunless\b|\bto be (?:determined|decided)\b|\btbd\b")


def transfer_of(field: str | None, comments: str, offered: Iterable[int]) -> Transfer:
    """The instructions in the form's own field or, where that says nothing, the sentences on transfer in the scope comments.

    `offered`: the periods that the schedule lets a form choose; another number is shown in `periods` and is no choice.
    """
    if field and field.strip():
        relevant = [one for one in sentences(field) if one.is_about_010]
        return _transfer(relevant, field.strip(), Place.FIELD, frozenset(offered))
    about = [one for one in sentences(comments) if _VERB.search(one.plain) and _periods([one])]
    if not about:
        return Transfer()
    text = " ".join(one.text for one in about)
    return _transfer([one for one in about if one.is_about_010], text, Place.COMMENTS, frozenset(offered))


def _transfer(relevant: list[Sentence], text: str, place: Place, offered: frozenset[int]) -> Transfer:
    periods = _periods(relevant)
    blocks = {int(found["years"]) for one in relevant for found in _BLOCK.finditer(one.plain)}
    return Transfer(
        years=_one_period(periods, relevant, offered),
        periods=periods,
        block_years=blocks.pop() if len(blocks) == 1 else None,
        after_declassification_review=any(_DECLASSIFICATION.search(one.plain) for one in relevant),
        text=text,
        place=place,
    )


def _periods(relevant: list[Sentence]) -> tuple[TransferPeriod, ...]:
    found: list[TransferPeriod] = []
    only_one = len(relevant) == 1
    for one in relevant:
        if _RANGE.search(one.plain) or _NOT_TRANSFERRED.search(one.plain):
            continue
        if only_one and (whole := _WHOLE.fullmatch(one.plain)):
            return (TransferPeriod(int(whole["years"]), None, one.accounts, one.text),)
        if only_one or _VERB.search(one.plain):
            found += [_period(match, one) for match in _PERIOD.finditer(one.plain)]
    return tuple(dict.fromkeys(found))


def _period(match: re.Match[str], sentence: Sentence) -> TransferPeriod:
    years = next(int(value) for name, value in match.groupdict().items() if name != "event" and value)
    counted = None
    if match["old"] or match["age"]:
        counted = CountedFrom.AGE
    elif match["after"] and "cutoff" in match["event"]:
        counted = CountedFrom.CUTOFF
    return TransferPeriod(years, counted, sentence.accounts, sentence.text)


def _one_period(periods: tuple[TransferPeriod, ...], relevant: list[Sentence], offered: frozenset[int]) -> int | None:
    """The one period that holds for everything; a range, an exception, two numbers or one not offered is no choice."""
    if any(_RANGE.search(one.plain) or _EXCEPTION.search(one.plain) for one in relevant):
        return None
    years = {period.years for period in periods}
    is_for_all = None in {period.accounts for period in periods} or len({period.accounts for period in periods}) > 1
    return years.pop() if len(years) == 1 and years <= offered and is_for_all else None
