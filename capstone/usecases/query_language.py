"""The search language: what a person types becomes a clause, or a named error that says what to write instead.

    budget plan              both words; "annual budget" these words side by side; budg* words that begin so
    a OR b, a AND b          AND binds tighter than OR; two words side by side mean AND and bind last:
                             from:smith OR from:jones before:2024-01-01 is (smith or jones) and before that day
    NOT a, -a                all but those; (...) groups; subject:(a OR b) asks one field for a group
    from: to: cc: bcc: subject: body: attachment:      words in that field; from:name@agency.example the whole address
    account: class: item: has:attachment               exact values
    after:2024-01-01 before:2024-02-01                 from that day on; up to the day before; agency days
    *                        every record

The grammar is luqum's (Lucene); what it offers beyond this (fuzzy, ranges, boosts, patterns) is refused, not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import DecimalException

from luqum import tree
from luqum.exceptions import ParseError
from luqum.thread import parse

from capstone.domain.addresses import normal_form
from capstone.domain.errors import BadQuery
from capstone.domain.layout import is_account
from capstone.domain.query import (
    ADDRESS_FIELDS,
    MAX_DEPTH,
    TEXT_FIELDS,
    And,
    Clause,
    DateRange,
    Everything,
    HasAttachment,
    Keyword,
    Not,
    Or,
    WholeAddress,
    Words,
    depth_of,
)
from capstone.domain.records import RecordClass
from capstone.domain.tokens import words_of

MAX_CHARS = 4_000
MAX_WORDS = 300
FIELDS = (*TEXT_FIELDS, "account", "class", "item", "before", "after", "has")

_LEVELS = 2 * MAX_DEPTH
_QUOTES = str.maketrans(dict.fromkeys("“”„‟″", '"'))
_DASHES = ("‐", "‑", "‒", "–", "—", "−")  # noqa: RUF001 (those that word processors put in place of a hyphen)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_ITEM = re.compile(r"[0-9A-Za-z][0-9A-Za-z./-]{0,30}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPE_OR_WILDCARD = re.compile(r"\\.|[*?]", re.DOTALL)
_CLASSES = tuple(str(value) for value in RecordClass)
_FIELD_LIST = ", ".join(f"{field}:" for field in FIELDS)

_NOT_OFFERED: dict[type[tree.Item], str] = {
    tree.Fuzzy: "'~' (similar words) is not offered: the search is literal",
    tree.Proximity: "'~' (words near each other) is not offered: ask for a \"phrase\" or for both words",
    tree.Boost: "'^' (weights) is not offered: answers are in order of date",
    tree.Range: "ranges in [ ] or { } are not offered: write after:2024-01-01 before:2024-02-01",
    tree.From: "'>' is not offered: write after:2024-01-01 for dates",
    tree.To: "'<' is not offered: write before:2024-02-01 for dates",
    tree.Regex: 'patterns between slashes are not offered: put text with slashes into "quotes"',
}


@dataclass(frozen=True, slots=True)
class _Text:
    """One word or phrase as typed, its escapes undone."""

    text: str
    is_phrase: bool
    is_prefix: bool
    typed: str

    def words(self) -> tuple[str, ...]:
        words = tuple(words_of(self.text))
        if not words:
            raise BadQuery(f"{self.typed} holds no letter or digit to search for")
        return words


def parse_query(text: str) -> Clause:
    """The clause that the text asks for. Raises BadQuery, and nothing else, for text that asks for nothing we offer."""
    if len(text) > MAX_CHARS:
        raise BadQuery(f"the query is longer than {MAX_CHARS:,} characters")
    if not text.strip():
        raise BadQuery("the query is empty; * asks for every record")
    clause = _clause(_tree(text.translate(_QUOTES)), None, 0)
    if depth_of(clause) > MAX_DEPTH:
        raise _too_deep()
    if _word_count(clause) > MAX_WORDS:
        raise BadQuery(f"the query asks for more than {MAX_WORDS} words")
    return clause


def _tree(text: str) -> tree.Item:
    if len(re.findall(r'(?<!\\)(?:\\\\)*"', text)) % 2:
        raise BadQuery('a quotation mark (") is not closed')
    try:
        parsed: tree.Item = parse(text)  # type: ignore[no-untyped-call]
    except (ParseError, DecimalException) as exc:
        raise BadQuery(_syntax_message(str(exc))) from exc
    return parsed


def _syntax_message(said: str) -> str:
    """What the grammar says, without repeating the query."""
    at = re.search(r"position (\d+)", said)
    place = f"near character {int(at.group(1)) + 1}" if at else "at its end"
    return f"the query cannot be read {place}: check brackets, quotation marks and operators; put special characters into quotes"


def _clause(item: tree.Item, field: str | None, level: int) -> Clause:
    """The clause of one node; `field` is what stands before the colon around it."""
    if level > _LEVELS:
        raise _too_deep()
    for kind, message in _NOT_OFFERED.items():
        if isinstance(item, kind):
            raise BadQuery(message)
    match item:
        case tree.Word() | tree.Phrase():
            return _term(_text_of(item), field)
        case tree.SearchField():
            return _in_field(item, field, level)
        case tree.BaseGroup() | tree.Plus():
            return _clause(item.children[0], field, level + 1)
        case tree.Not() | tree.Prohibit():
            return _denied(item, field, level)
        case tree.OrOperation():
            return Or(tuple(_clause(inner, field, level + 1) for inner in item.children))
        case tree.AndOperation() | tree.UnknownOperation():
            return And(tuple(_clause(inner, field, level + 1) for inner in item.children))
        case _:
            raise BadQuery("the query uses something that is not offered")


def _denied(item: tree.Item, field: str | None, level: int) -> Clause:
    inner = item.children[0]
    if isinstance(item, tree.Prohibit) and inner.head:
        raise BadQuery("a hyphen that stands alone has no meaning: write it right before a word to leave out that word")
    return Not(_clause(inner, field, level + 1))


def _in_field(item: tree.SearchField, field: str | None, level: int) -> Clause:
    name = item.name.lower()
    if name not in FIELDS:
        raise BadQuery(f"there is no field {item.name!a}: the fields are {_FIELD_LIST} (put text that holds a colon into quotes)")
    if field is not None:
        raise BadQuery(f"the field {name}: stands inside {field}:")
    return _clause(item.children[0], name, level + 1)


def _too_deep() -> BadQuery:
    return BadQuery(f"the query is nested more than {MAX_DEPTH} levels deep")


def _word_count(clause: Clause) -> int:
    match clause:
        case And(clauses) | Or(clauses):
            return sum(map(_word_count, clauses))
        case Not(inner):
            return _word_count(inner)
        case Words(words):
            return len(words)
        case _:
            return 1


# --- words and values ------------------------------------------------------------------------------


def _text_of(item: tree.Term) -> _Text:
    """Undo the escapes; tell a `*` at the end from those that are not offered."""
    is_phrase = isinstance(item, tree.Phrase)
    raw = item.value[1:-1] if is_phrase else item.value
    typed = ascii(raw)
    signs = [
        found for found in _ESCAPE_OR_WILDCARD.finditer(raw) if found.group() == "*" or (found.group() == "?" and not is_phrase)
    ]
    is_prefix = bool(signs) and signs[-1].group() == "*" and signs[-1].end() == len(raw)
    if is_prefix:
        signs, raw = signs[:-1], raw[:-1]
    if signs:
        raise BadQuery(f"{typed}: '*' may stand only at the end of a word, and '?' is not offered")
    if not is_phrase and '"' in _ESCAPED.sub("", raw):
        raise BadQuery(f"{typed}: a quotation mark may not stand inside a word")
    if raw.startswith(_DASHES):
        raise BadQuery(f"{typed} begins with a dash: a plain hyphen leaves out a word")
    return _Text(_ESCAPED.sub(r"\1", raw), is_phrase, is_prefix, typed)


def _term(text: _Text, field: str | None) -> Clause:
    if field in _VALUES:
        if text.is_prefix:
            raise BadQuery(f"{field}: takes a whole value, without '*'")
        return _VALUES[field](text.text.strip())
    if text.is_prefix and not text.text:
        return _everything(text, field)
    if not text.is_phrase and not text.is_prefix and _ADDRESS.fullmatch(text.text):
        return _address(text, field)
    if text.is_prefix and not (text.text[-1].isalnum() or words_of(text.text[-1])):
        raise BadQuery(f"{text.typed}: '*' must follow a letter or digit")
    return Words(text.words(), field, text.is_prefix)


def _everything(text: _Text, field: str | None) -> Clause:
    if field is not None or text.is_phrase:
        raise BadQuery("'*' alone asks for every record and takes no field or quotes")
    return Everything()


def _address(text: _Text, field: str | None) -> Clause:
    """A whole address; without a field also where it stands in a text."""
    words = Words(text.words(), field)
    if field is None:
        return Or((WholeAddress(normal_form(text.text)), words))
    return WholeAddress(normal_form(text.text), field) if field in ADDRESS_FIELDS else words


def _account(value: str) -> Clause:
    if not is_account(value.lower()):
        raise BadQuery("account: takes the id of an account, such as account:director")
    return Keyword("account", value.lower())


def _record_class(value: str) -> Clause:
    if value.lower() not in _CLASSES:
        raise BadQuery(f"class: takes {', '.join(_CLASSES)}")
    return Keyword("class", value.lower())


def _schedule_item(value: str) -> Clause:
    if not _ITEM.fullmatch(value):
        raise BadQuery("item: takes the number of a schedule item, such as item:010")
    return Keyword("item", value)


def _has(value: str) -> Clause:
    if value.lower() not in {"attachment", "attachments"}:
        raise BadQuery("has: takes only has:attachment")
    return HasAttachment()


def _day(value: str, field: str) -> date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise BadQuery(f"{field}: names a day that the calendar does not have") from exc
    raise BadQuery(f"{field}: takes a day as year-month-day, such as {field}:2024-01-31")


_VALUES: dict[str | None, Callable[[str], Clause]] = {
    "account": _account,
    "class": _record_class,
    "item": _schedule_item,
    "has": _has,
    "after": lambda value: DateRange(after=_day(value, "after")),
    "before": lambda value: DateRange(before=_day(value, "before")),
}
