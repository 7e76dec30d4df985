"""What reading and ageing a form depends on and the form itself does not say: data, read from `na-1005.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from capstone.domain.errors import BadSchedule
from capstone.domain.forms.values import CutoffChoice

_KEYS = {"version", "source", "annual", "revisions", "resubmission"}
_WINDOW_KEYS = {"opens", "closes", "verified"}


@dataclass(frozen=True, slots=True)
class Window:
    """Days, both inclusive, in which every agency must send in its form anew."""

    opens: date
    closes: date
    is_verified: bool
    """False: counted forward from the one before and not yet announced."""


@dataclass(frozen=True, slots=True)
class FormRules:
    """How forms are read and when they must be sent in anew."""

    transfer_years: tuple[int, ...]
    """The periods that the schedule lets a form choose."""
    annual: CutoffChoice | None = None
    """How a bare "annual" cutoff is read; None: it stays unread."""
    revisions: tuple[str, ...] = ()
    """The printed revisions that this program was tried on, the newest last."""
    windows: tuple[Window, ...] = ()


def read_form_rules(text: str, transfer_years: tuple[int, ...], name: str = "na-1005.toml") -> FormRules:
    """Read the file; `transfer_years` are those of the schedule's permanent item. Raises BadSchedule where it is not right."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadSchedule(f"{name}: not TOML: {exc}") from exc
    _only(data, _KEYS, name)
    windows = tuple(_window(entry, f"{name}: resubmission") for entry in _list(data, "resubmission", name))
    if any(earlier.closes >= later.opens for earlier, later in pairwise(windows)):
        raise BadSchedule(f"{name}: the windows of resubmission must follow one another")
    return FormRules(transfer_years, _annual(data.get("annual"), name), _revisions(data, name), windows)


def _annual(value: object, name: str) -> CutoffChoice | None:
    if value is None:
        return None
    if value not in {CutoffChoice.CALENDAR.value, CutoffChoice.FISCAL.value}:
        raise BadSchedule(f'{name}: annual must be "calendar" or "fiscal", or be left out')
    return CutoffChoice(str(value))


def _revisions(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = _list(data, "revisions", name)
    if not all(isinstance(value, str) for value in values):
        raise BadSchedule(f"{name}: revisions must be texts such as those printed at the foot of the form")
    return tuple(str(value) for value in values)


def _window(entry: object, name: str) -> Window:
    if not isinstance(entry, dict):
        raise BadSchedule(f"{name}: must be tables")
    _only(entry, _WINDOW_KEYS, name)
    opens, closes, verified = entry.get("opens"), entry.get("closes"), entry.get("verified")
    if type(opens) is not date or type(closes) is not date or not isinstance(verified, bool):
        raise BadSchedule(f"{name}: opens and closes must be dates, verified true or false")
    if opens > closes:
        raise BadSchedule(f"{name}: a window closes before it opens")
    return Window(opens, closes, verified)


def _list(data: Mapping[str, object], key: str, name: str) -> list[object]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise BadSchedule(f"{name}: {key} must be a list")
    return value


def _only(data: Mapping[str, object], known: set[str], name: str) -> None:
    if unknown := sorted(set(data) - known):
        raise BadSchedule(f"{name}: unknown key {unknown[0]}")
