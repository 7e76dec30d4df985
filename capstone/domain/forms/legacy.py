"""What a form says of mail from before Capstone, where it says it in the words that the form itself proposes."""

from __future__ import annotations

import re

from capstone.domain.forms.values import LegacyScope
from capstone.domain.forms.wording import LONGEST

_NONE = re.compile(r"^\W*no legacy e-?mail (?:exists|is)\b|^\W*(?:there is )?no legacy e-?mail\W*$|^\W*none\W*$", re.IGNORECASE)
_SINCE = re.compile(
    r"\b(?i:dating|going) back (?:to|as far as) (?P<about>approximately |about |circa |roughly |around )?(?:the year )?"
    r"(?:[A-Z][a-z]+ (?:[0-9]{1,2}, )?)?(?P<year>[0-9]{4})\b"
)
_DOUBT = re.compile(r"\bprior to\b|\bhowever\b|\bexcept\b|\bnot\b", re.IGNORECASE)


def legacy_of(text: str | None) -> LegacyScope:
    """The scope of legacy mail; without the proposed words, or with a doubt beside them, only the text."""
    stated = (text or "").strip()
    if len(stated) > LONGEST:
        return LegacyScope(stated)
    if _NONE.search(stated):
        return LegacyScope(stated, exists=False)
    found = _SINCE.findall(stated)
    if len(found) != 1 or _DOUBT.search(stated):
        return LegacyScope(stated)
    about, year = found[0]
    return LegacyScope(stated, exists=True, since_year=int(year), is_approximate=bool(about))
