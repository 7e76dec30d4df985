"""A search request becomes one condition in SQL. Values travel as parameters; the text of conditions is made of constants.

What asks for words and addresses only, however nested, is one full-text expression and is answered by the full-text index
alone; all else is a comparison of columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from capstone.domain.addresses import normal_form
from capstone.domain.query import (
    ADDRESS_FIELDS,
    And,
    Clause,
    DateRange,
    Everything,
    HasAttachment,
    Keyword,
    Not,
    Or,
    Scope,
    WholeAddress,
    Words,
)
from capstone.domain.tokens import words_of

_COLUMN_OF_FIELD = {"from": "from_", "to": "to_"}
_CONDITION_OF_KEYWORD = {
    "account": "d.account = ?",
    "class": "d.record_class = ?",
    "item": "d.schedule_item IS ?",
}
_NOTHING, _ALL = "0", "1"
_KEY_MARK = "\ue000"
"""Begins every made-up word. No text can hold it once folded, so no query for words meets such a key."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on the row `d` of the documents table, and its parameters."""

    sql: str
    parameters: tuple[str | int, ...] = ()


def plain(value: str) -> str:
    """The value as SQLite can take it: half characters, which nothing stored has, become question marks."""
    return value.encode("utf-8", "replace").decode()


def key_of_address(field: str, address: str) -> str:
    """The made-up word that stands for a whole address in a field; of one length, whatever the address."""
    digest = hashlib.blake2b(f"{field}:{normal_form(address)}".encode("utf-8", "replace"), digest_size=12)
    return _KEY_MARK + digest.hexdigest()


def condition_of(clause: Clause) -> Condition:
    """The condition that holds for the documents the clause asks for."""
    match = _match(clause)
    return _matching(match) if match is not None else _condition(clause)


def within(scope: Scope) -> Condition:
    """The condition that holds for the documents a viewer may know of."""
    if scope.accounts is None:
        return Condition(_ALL)
    if not scope.accounts:
        return Condition(_NOTHING)
    accounts = tuple(sorted(plain(account) for account in scope.accounts))
    return Condition("d.account IN (" + ", ".join("?" for _ in accounts) + ")", accounts)


def both(first: Condition, second: Condition) -> Condition:
    """Both conditions hold."""
    return _joined([first, second], " AND ")


def _condition(clause: Clause) -> Condition:
    match clause:
        case And(clauses):
            return _of_many(clauses, And, " AND ", _ALL)
        case Or(clauses):
            return _of_many(clauses, Or, " OR ", _NOTHING)
        case Not(inner):
            denied = condition_of(inner)
            return Condition(f"NOT {denied.sql}", denied.parameters)
        case DateRange(after, before):
            days = (("d.day >= ?", after), ("d.day < ?", before))
            limits = [Condition(sql, (day.isoformat(),)) for sql, day in days if day is not None]
            return _joined([Condition("d.day IS NOT NULL"), *limits], " AND ")
        case Keyword(field, value):
            return Condition(f"({_CONDITION_OF_KEYWORD[field]})", (plain(value),))
        case HasAttachment():
            return Condition("(d.has_attachment = 1)")
        case Everything():
            return Condition(_ALL)
        case _:
            return Condition(_NOTHING)


def _of_many(clauses: Sequence[Clause], kind: type[And] | type[Or], operator: str, empty: str) -> Condition:
    """Those of the clauses that the full-text index can answer are asked of it at once, the others beside it."""
    textual = [clause for clause in clauses if _match(clause) is not None]
    others = [clause for clause in clauses if _match(clause) is None]
    if kind is And and textual:
        textual += [clause for clause in others if _is_denied_text(clause)]
        others = [clause for clause in others if not _is_denied_text(clause)]
    conditions = [_condition(clause) for clause in others]
    if textual:
        conditions.insert(0, _matching(_match(kind(tuple(textual))) or ""))
    return _joined(conditions, operator) if conditions else Condition(empty)


def _matching(expression: str) -> Condition:
    if not expression:
        return Condition(_NOTHING)
    return Condition("(d.id IN (SELECT rowid FROM words WHERE words MATCH ?))", (expression,))


def _joined(conditions: Sequence[Condition], operator: str) -> Condition:
    """Halved again and again, as SQLite allows only so many levels in a row of operators."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    first, second = _joined(conditions[:middle], operator), _joined(conditions[middle:], operator)
    return Condition(f"({first.sql}{operator}{second.sql})", first.parameters + second.parameters)


# --- full-text expressions -------------------------------------------------------------------------


def _match(clause: Clause) -> str | None:
    """The full-text expression for a clause; "" when nothing can match it, None when the full-text index cannot answer it."""
    match clause:
        case Words():
            return _phrase(clause)
        case WholeAddress(address, field):
            fields = ADDRESS_FIELDS if field is None else (field,)
            return _any([f'"{key_of_address(name, address)}"' for name in fields])
        case And(clauses) if clauses:
            return _match_of_all(clauses)
        case Or(clauses) if clauses:
            parts = [_match(inner) for inner in clauses]
            return None if None in parts else _any([part for part in parts if part])
        case _:
            return None


def _phrase(clause: Words) -> str:
    """Only folded words, in double quotes, reach the full-text index: nothing in them has a meaning there."""
    words = words_of(" ".join(clause.words))
    if not words:
        return ""
    phrase = '"' + " ".join(words) + '"' + (" *" if clause.is_prefix else "")
    return phrase if clause.field is None else f"{_COLUMN_OF_FIELD.get(clause.field, clause.field)} : {phrase}"


def _match_of_all(clauses: Sequence[Clause]) -> str | None:
    """All wanted, none denied. The full-text index can deny only beside something wanted."""
    wanted = [_match(clause) for clause in clauses if not _is_denied_text(clause)]
    denied = [_match(clause.clause) for clause in clauses if isinstance(clause, Not) and _is_denied_text(clause)]
    if not wanted or None in wanted:
        return None
    if "" in wanted:
        return ""
    expression = " AND ".join(f"({part})" for part in wanted)
    unwanted = _any([part for part in denied if part])
    return f"({expression}) NOT ({unwanted})" if unwanted else expression


def _any(parts: Sequence[str]) -> str:
    return " OR ".join(f"({part})" for part in parts)


def _is_denied_text(clause: Clause) -> bool:
    return isinstance(clause, Not) and _match(clause.clause) is not None
