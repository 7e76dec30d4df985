"""Two states of a form in the register compared: positions by category and title, everything else by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date

from capstone.domain.forms.findings import same_title
from capstone.domain.officials import Form
from capstone.domain.register_facts import FormPosition, RegisteredForm

_OWN = ("agency", "total_accounts", "submitted", "previous", "cutoff_text", "transfer_text")
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class PositionChange:
    """What one list of positions has and the other has not. Case and signs of a title do not matter."""

    added: tuple[FormPosition, ...]
    dropped: tuple[FormPosition, ...]
    recounted: tuple[tuple[FormPosition, FormPosition], ...]
    """Old and new row of positions whose number of accounts changed."""


def position_change(old: Iterable[FormPosition], new: Iterable[FormPosition]) -> PositionChange:
    """What the new list changes; positions named twice are matched in their order."""
    before, after = _keyed(old), _keyed(new)
    return PositionChange(
        added=tuple(row for key, row in after.items() if key not in before),
        dropped=tuple(row for key, row in before.items() if key not in after),
        recounted=tuple(
            (before[key], after[key]) for key in before if key in after and before[key].accounts != after[key].accounts
        ),
    )


def differences(old: RegisteredForm, new: RegisteredForm) -> list[str]:
    """Every difference in a sentence. Which file it was read from is none."""
    told = [_changed(name, getattr(old.form, name), getattr(new.form, name)) for name in _FORM_FIELDS]
    told += [_changed(name, getattr(old, name), getattr(new, name)) for name in _OWN]
    return [*filter(None, told), *_position_sentences(position_change(old.positions, new.positions))]


_FORM_FIELDS = tuple(one.name for one in fields(Form))


def _changed(name: str, old: object, new: object) -> str:
    return "" if old == new else f"{name.replace('_', ' ')}: {_shown(old)} becomes {_shown(new)}"


def _shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    return repr(value) if isinstance(value, str) and " " in value else str(value)


def _position_sentences(change: PositionChange) -> Iterator[str]:
    for word, rows in (("added", change.added), ("dropped", change.dropped)):
        if rows:
            yield f"{len(rows)} positions {word}: {_listed(f'{row.position} (category {row.category})' for row in rows)}"
    if change.recounted:
        counts = (f"{new.position} ({_shown(old.accounts)} becomes {_shown(new.accounts)})" for old, new in change.recounted)
        yield f"{len(change.recounted)} positions with another number of accounts: {_listed(counts)}"


def _listed(parts: Iterable[str]) -> str:
    every = list(parts)
    more = [f"and {len(every) - _MOST_SHOWN} more"] if len(every) > _MOST_SHOWN else []
    return "; ".join([*every[:_MOST_SHOWN], *more])


def _keyed(rows: Iterable[FormPosition]) -> dict[tuple[str, str, int], FormPosition]:
    keyed: dict[tuple[str, str, int], FormPosition] = {}
    times: Counter[tuple[str, str]] = Counter()
    for row in rows:
        name = (row.category, same_title(row.position))
        keyed[*name, times[name]] = row
        times[name] += 1
    return keyed
