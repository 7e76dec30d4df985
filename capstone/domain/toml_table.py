"""Takes keys out of the TOML tables of schedules: what is missing, of the wrong kind or left over is an error that says so."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from typing import TypeVar

from capstone.domain.errors import BadSchedule

_Choice = TypeVar("_Choice")

_BARE_LEADING_ZERO = re.compile(r"^\s*[\w-]+\s*=\s*\[?\s*0[0-9]", re.MULTILINE)


def parsed_toml(text: str, name: str) -> dict[str, object]:
    """The file's keys. Raises BadSchedule, with a hint where a number with a leading zero is the likely cause."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        hint = '; write an item number in quotes: item = "010"' if _BARE_LEADING_ZERO.search(text) else ""
        raise BadSchedule(f"{name}: {exc}{hint}") from exc


def as_day(value: object, where: str) -> date:
    """The date that the value is. Raises BadSchedule where it is none."""
    if type(value) is not date:
        raise BadSchedule(f"{where} must be a date such as 2023-01-11, without quotes or time")
    return value


class TomlTable:
    """Takes keys out of a TOML table one by one. Whatever is not as asked for raises BadSchedule."""

    def __init__(self, data: Mapping[str, object], name: str) -> None:
        """`name` is how errors call the table."""
        self.data, self.name, self._left = data, name, set(data)

    def has(self, key: str) -> bool:
        """Whether the table has the key."""
        return key in self.data

    def close(self) -> None:
        """Raises BadSchedule where keys were not taken."""
        if self._left:
            raise BadSchedule(f"{self.name}: unknown key {', '.join(sorted(self._left))}")

    def text(self, key: str) -> str:
        """Text that is not blank."""
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, "must be text in quotes")
        return value

    def item_number(self, key: str) -> str:
        """Three digits in quotes."""
        value = self._take(key)
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{3}", value):
            raise self._wrong(key, 'must be three digits in quotes, such as "010"')
        return value

    def day(self, key: str) -> date:
        """A date."""
        return as_day(self._take(key), f"{self.name}: {key}")

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "must be true or false")
        return value

    def years(self, key: str) -> int:
        """A number of years, at least one."""
        return self._as_years(key, self._take(key))

    def year_list(self, key: str) -> tuple[int, ...]:
        """Numbers of years, at least one of them."""
        years = tuple(self._as_years(key, value) for value in self.values(key))
        if not years:
            raise self._wrong(key, "must name at least one period")
        return years

    def choice(self, key: str, allowed: Mapping[str, _Choice]) -> _Choice:
        """What the text stands for."""
        value = self._take(key)
        if not isinstance(value, str) or value not in allowed:
            raise self._wrong(key, f"must be one of {', '.join(allowed)}")
        return allowed[value]

    def values(self, key: str) -> list[object]:
        """A list."""
        value = self._take(key)
        if not isinstance(value, list):
            raise self._wrong(key, "must be a list")
        return value

    def tables(self, key: str) -> list[dict[str, object]]:
        """A list of tables; empty where the key is not there."""
        values = self.values(key) if key in self.data else []
        tables = [value for value in values if isinstance(value, dict)]
        if len(tables) != len(values):
            raise self._wrong(key, "must be tables")
        return tables

    def _as_years(self, key: str, value: object) -> int:
        if type(value) is not int or value < 1:
            raise self._wrong(key, "must be a number of years, at least 1")
        return value

    def _take(self, key: str) -> object:
        if key not in self.data:
            raise BadSchedule(f"{self.name}: {key} is missing")
        self._left.discard(key)
        return self.data[key]

    def _wrong(self, key: str, expected: str) -> BadSchedule:
        return BadSchedule(f"{self.name}: {key} {expected}")
