"""What the agency chooses about the rules that propose culling: how sure each is, and by which signs it goes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from capstone.domain.addresses import normal_form
from capstone.domain.errors import BadSettings

RULES_VERSION = "1"
"""Raised with every change of `culling` that can change a proposal."""
RULES = ("spam", "list_mail", "agency_blast", "out_of_office", "convenience_duplicate")
"""Every rule, in the order in which people are shown them."""

_KEYS = {
    "confidence": set[str](),
    "spam": {"junk_folders", "headers"},
    "list_mail": {"headers"},
    "agency_blast": {"least_recipients", "addresses"},
    "out_of_office": {"headers", "subjects"},
}
_MOST_SURE = 100


@dataclass(frozen=True, slots=True)
class HeaderSign:
    """A field of this name whose value begins so, both in lower case; "" begins any."""

    name: str
    begins: str


@dataclass(frozen=True, slots=True)
class CullingPolicy:
    """The file `culling.toml`. Texts are in the form in which they are compared."""

    version: str
    """Of the rules and of the file; every proposal carries it."""
    confidence: Mapping[str, int]
    """By rule, in per cent. A rule that is not named is not applied."""
    junk_folders: frozenset[str]
    spam_headers: tuple[HeaderSign, ...]
    list_headers: tuple[HeaderSign, ...]
    least_recipients: int
    all_hands: frozenset[str]
    auto_headers: tuple[HeaderSign, ...]
    auto_subjects: tuple[str, ...]


def read_policy(text: str, where: str) -> CullingPolicy:
    """The policy of the file's text; `where` is how errors call it. Raises BadSettings."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise _bad(where, str(exc)) from exc
    version = told.pop("version", None)
    if not isinstance(version, str) or not version.strip():
        raise _bad(where, 'version is missing; write version = "1"')
    tables = _tables(told, where)
    return CullingPolicy(
        version=f"culling {RULES_VERSION}, {where} {version}",
        confidence=_confidence(tables["confidence"], where),
        junk_folders=frozenset(_texts(tables, "spam", "junk_folders", where)),
        spam_headers=_headers(tables, "spam", where),
        list_headers=_headers(tables, "list_mail", where),
        least_recipients=_least(tables, where),
        all_hands=frozenset(map(normal_form, _texts(tables, "agency_blast", "addresses", where))),
        auto_headers=_headers(tables, "out_of_office", where),
        auto_subjects=_texts(tables, "out_of_office", "subjects", where),
    )


def _tables(told: Mapping[str, object], where: str) -> dict[str, dict[str, object]]:
    tables = {name: table for name, table in told.items() if name in _KEYS and isinstance(table, dict)}
    if set(told) != set(_KEYS) or len(tables) != len(_KEYS):
        raise _bad(where, f"it must have the tables {', '.join(_KEYS)}, and nothing else")
    for name, keys in _KEYS.items():
        if keys and set(tables[name]) != keys:
            raise _bad(where, f"[{name}] must have {', '.join(sorted(keys))}, and nothing else")
    return tables


def _confidence(table: Mapping[str, object], where: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule, value in table.items():
        if rule not in RULES:
            raise _bad(where, f"there is no rule {rule!r}; rules: {', '.join(RULES)}")
        if type(value) is not int or not 0 < value <= _MOST_SURE:
            raise _bad(where, f"[confidence] {rule} must be a whole number of per cent, 1 to {_MOST_SURE}")
        found[rule] = value
    return found


def _texts(tables: Mapping[str, Mapping[str, object]], table: str, key: str, where: str) -> tuple[str, ...]:
    value = tables[table][key]
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise _bad(where, f"[{table}] {key} must be a list of texts")
    return tuple(one.strip().casefold() for one in value)


def _headers(tables: Mapping[str, Mapping[str, object]], table: str, where: str) -> tuple[HeaderSign, ...]:
    signs = []
    for text in _texts(tables, table, "headers", where):
        name, colon, begins = text.partition(":")
        if not colon or not name.strip():
            raise _bad(where, f'[{table}] headers are written "Name: value", not {text!r}')
        signs.append(HeaderSign(name.strip(), begins.strip()))
    return tuple(signs)


def _least(tables: Mapping[str, Mapping[str, object]], where: str) -> int:
    value = tables["agency_blast"]["least_recipients"]
    if type(value) is not int or value < 1:
        raise _bad(where, "[agency_blast] least_recipients must be a whole number, at least 1")
    return value


def _bad(where: str, what: str) -> BadSettings:
    return BadSettings(f"{where}: {what}.", "Correct the file; config/culling.toml explains every key.")
