"""What the cutoff instructions of a form say, where they say one thing. Ambiguous or strange wording stays unread."""

from __future__ import annotations

import re

from capstone.domain.forms.values import Cutoff, CutoffChoice, Place
from capstone.domain.forms.wording import Sentence, sentences

_ANNUAL = "annual"
_WORDING = {
    CutoffChoice.FISCAL.value: re.compile(r"\bfiscal\b|\bf\.?y\b|\bseptember 30\b|\b0?9/30\b"),
    CutoffChoice.CALENDAR.value: re.compile(r"\bcalendar\b|\bc\.?y\b|\bdecember 31\b|\b12/31\b"),
    CutoffChoice.ADMINISTRATION.value: re.compile(
        r"\bpresidential administration|\b(?:end|change|close) of (?:(?:each|every|the|an?) )?administration\b"
    ),
    CutoffChoice.TENURE.value: re.compile(
        r"\btenure\b|\bappointments?\b|\bdepart(?:ure|s|ed|ing)\b|\bseparat(?:ion|es|ed)\b"
        r"|\bno longer (?:serv|hold|occup|in the pos)"
        r"|\bleav(?:es|ing)\b|\bend of (?:employment|service|(?:the |their |his or her )?term)\b|\bvacat(?:es|ed|ing)\b"
    ),
}
_YEARLY = re.compile(r"\bannual(?:ly)?\b|\byearly\b|\b(?:each|every|once a) year\b|\bend of (?:the )?year\b")
_BLOCK = re.compile(r"\b[0-9]+[ -]*years?[ -]+(?:block|increment|group)")
_ONE_PERSONS_TENURE = re.compile(r"\b(?:the|each|an?)\s+((?:[a-z]+[ -])*[a-z]+)'s (?:tenure|appointment|departure)")
_ANY_HOLDER = re.compile(r"employee|official|individual|incumbent|person|staff|holder|member|associate|user|owner|appointee")
_YEAR_OF_ANOTHER_EVENT = re.compile(r"\byear\b[^.;]{0,20}\b(?:in which|during which|after|following|of the)\b")
_TRANSFER_CLAUSE = re.compile(
    r",?\s*\b(?:and|then)\b[^.;]{0,200}\b(?:sent|transfer|transferred) to (?:nara|the national archives|archives)\b.*"
)
_NAMED_OTHER = re.compile(r"other\b\W*\w")
_DOUBT = re.compile(r"\bnot\b|n't\b|\bunless\b|\bto be (?:determined|decided)\b|\btbd\b|\bpending\b|\bexcept")


def cutoff_of(field: str | None, comments: str, annual: CutoffChoice | None) -> Cutoff:
    """The instructions in the form's own field or, where that says nothing, the sentences on cutoff in the scope comments.

    `annual`: how a bare "annual" is read; None leaves it unread.
    """
    if field and field.strip():
        return Cutoff(_rule([one for one in sentences(field) if one.is_about_010], annual), field.strip(), Place.FIELD)
    on_cutoff = [one for one in sentences(comments) if "cutoff" in one.plain]
    if not on_cutoff:
        return Cutoff()
    text = " ".join(one.text for one in on_cutoff)
    return Cutoff(_rule([one for one in on_cutoff if one.is_about_010], annual), text, Place.COMMENTS)


def is_bare_annual(cutoff: Cutoff) -> bool:
    """Whether the form says only that cutoff is annual, so that the rule was supplied and not read."""
    said = {_said(one) for one in sentences(cutoff.text) if one.is_about_010} - {None}
    return cutoff.rule is not None and said == {_ANNUAL}


def _rule(relevant: list[Sentence], annual: CutoffChoice | None) -> CutoffChoice | None:
    """The one rule that all sentences agree on; None where none is named, or more than one, or a doubt."""
    if any(_DOUBT.search(one.plain) for one in relevant):
        return None
    said = {_said(one) for one in relevant} - {None}
    named = said - {_ANNUAL}
    if not named and said:
        return annual
    if len(named) != 1:
        return None
    choice = named.pop()
    is_compatible = _ANNUAL not in said or choice in {CutoffChoice.CALENDAR, CutoffChoice.FISCAL}
    return CutoffChoice(choice) if choice in set(CutoffChoice) and is_compatible else None


def _said(sentence: Sentence) -> str | None:
    """What one sentence names: a choice, "annual", None for nothing, or a mixture that is no choice at all."""
    plain = _TRANSFER_CLAUSE.sub("", sentence.plain)
    named = {choice for choice, wording in _WORDING.items() if wording.search(plain)}
    if _BLOCK.search(plain) or _is_one_persons(plain) or (not named and _NAMED_OTHER.match(plain)):
        return CutoffChoice.OTHER.value
    if len(named) > 1:
        is_one_event = CutoffChoice.TENURE.value in named and _YEAR_OF_ANOTHER_EVENT.search(plain)
        return CutoffChoice.OTHER.value if is_one_event else "+".join(sorted(named))
    if named:
        choice = named.pop()
        is_mixed = choice not in {CutoffChoice.CALENDAR.value, CutoffChoice.FISCAL.value} and _YEARLY.search(plain)
        return f"{choice}+{_ANNUAL}" if is_mixed else choice
    return _ANNUAL if _YEARLY.search(plain) else None


def _is_one_persons(plain: str) -> bool:
    """Whether cutoff hangs on one named officer's tenure and not on that of each account's holder."""
    found = _ONE_PERSONS_TENURE.search(plain)
    return bool(found) and not _ANY_HOLDER.search(found[1] if found else "")
