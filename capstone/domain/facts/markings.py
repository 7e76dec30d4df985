"""Control markings in subject and text. What is found is told; absence is no evidence (S2-5.0b)."""

from __future__ import annotations

import re

_EDGE_CHARS, _EDGE_LINES = 600, 8
"""Markings stand at the beginning or the end of a text."""
_HINTS = ("CUI", "SBU", "SECRET", "CONFIDENTIAL")
_HINTS_LES, _HINTS_SLASHES = ("/LES", "(LES", "[LES", "\nLES"), ("U//", "S//", "C//")
_HINTS_ANY_CASE = ("fouo", "official use", "law enforcement s", "unclass", "sensitive but")
"""One of these stands in every marking."""
_WORDS = (
    ("FOUO", re.compile(r"\bU?//?FOUO\b|\bFOUO\b|\bFor Official Use Only\b", re.IGNORECASE)),
    ("LES", re.compile(r"(?://|[(\[/])LES\b|^\W*LES\W*$|\b(?i:Law Enforcement Sensitive)\b", re.MULTILINE)),
    ("CUI", re.compile(r"\bCUI\b|\b(?i:Controlled Unclassified Information)\b")),
    ("SBU", re.compile(r"\bSBU\b|\b(?i:Sensitive But Unclassified)\b")),
)
_LINE = re.compile(
    r"[\s>(\[*]*(?:CLASSIFICATION:\s*)?"
    r"((?:UNCLASSIFIED|CONFIDENTIAL|(?:TOP )?SECRET|TS|CUI|[USC])(?://[A-Z0-9 ,/\-]{1,80})?)[\s)\]*.]*$"
)
_PORTION = re.compile(r"\(((?:U|C|S|TS)//[A-Z0-9,/\- ]{1,40})\)")
_SINGLE_LETTERS = frozenset({"U", "S", "C", "TS", "CUI"})


def markings_of(subject: str, text: str) -> tuple[str, ...]:
    """FOUO, LES, CUI, SBU and the classification lines found in the subject and the first and last lines, each once."""
    edges = text if len(text) <= 2 * _EDGE_CHARS else text[:_EDGE_CHARS] + "\n" + text[-_EDGE_CHARS:]
    whole = f"{subject}\n{edges}"
    if not _may_be_marked(whole):
        return ()
    lines = [subject, *_edge_lines(edges)]
    joined = "\n".join(lines)
    found = [name for name, pattern in _WORDS if pattern.search(joined)]
    for line in lines:
        marking = _LINE.match(line) if len(line) < 200 else None
        if marking and marking.group(1) not in _SINGLE_LETTERS:
            found.append(marking.group(1).strip())
        found.extend(portion.strip() for portion in _PORTION.findall(line[:2_000]))
    return tuple(dict.fromkeys(found))


def _may_be_marked(text: str) -> bool:
    """Whether a closer look is worth while; False only where no marking can be found."""
    small = text.lower()
    return (
        any([hint in text for hint in _HINTS])  # lists are quicker than generators here
        or any([hint in small for hint in _HINTS_ANY_CASE])
        or ("LES" in text and any([hint in text for hint in _HINTS_LES]))
        or ("//" in text and any([hint in text for hint in _HINTS_SLASHES]))
    )


def _edge_lines(text: str) -> list[str]:
    lines = [line for line in text.split("\n") if line.strip()]
    return lines if len(lines) <= 2 * _EDGE_LINES else lines[:_EDGE_LINES] + lines[-_EDGE_LINES:]
