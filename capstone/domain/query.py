"""A search request as a tree of values, and what an index answers. The language is read by `usecases.query_language`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

TEXT_FIELDS = ("subject", "body", "from", "to", "cc", "bcc", "attachment")
"""Fields whose words are searched; a word without a field is looked for in all of them."""
KEYWORD_FIELDS = ("account", "class", "item")
ADDRESS_FIELDS = ("from", "to", "cc", "bcc")
"""Fields that hold whole addresses."""


@dataclass(frozen=True, slots=True)
class Words:
    """Adjacent words (one: a term), folded by `tokens.words_of`; the last may be a prefix. `field` None: all text fields."""

    words: tuple[str, ...]
    field: str | None = None
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class WholeAddress:
    """An address in one of from, to, cc, bcc, compared whole in its normal form. `field` None: any of the four."""

    address: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Keyword:
    """account:, class: or item: with an exact value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class DateRange:
    """Message date from `after` (inclusive) to `before` (exclusive), agency days; None: open. Undated records never match."""

    after: date | None = None
    before: date | None = None


@dataclass(frozen=True, slots=True)
class HasAttachment:
    """has:attachment."""


@dataclass(frozen=True, slots=True)
class Everything:
    """`*`."""


@dataclass(frozen=True, slots=True)
class Not:
    """All records but those."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    clauses: tuple[Clause, ...]


Clause = Words | WholeAddress | Keyword | DateRange | HasAttachment | Everything | Not | And | Or

MAX_DEPTH = 20
"""How deep clauses may be nested: every engine has a limit, this one is the same for all."""


def depth_of(clause: Clause) -> int:
    """Levels of the tree; a clause without others inside it is one level. Needs no stack, so any tree may be asked about."""
    depth, level = 0, [clause]
    while level:
        depth += 1
        level = [inner for outer in level for inner in inner_clauses(outer)]
    return depth


def inner_clauses(clause: Clause) -> tuple[Clause, ...]:
    """The clauses directly inside this one."""
    match clause:
        case And(inner) | Or(inner):
            return inner
        case Not(inner):
            return (inner,)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a viewer may see, as part of every query. `accounts` None: all accounts."""

    accounts: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """A record as the index holds it. Text fields hold folded words joined by blanks; the `shown_` ones what people read."""

    record_id: str
    account: str
    digest: str
    message_date: datetime | None
    """Message date used for classification, aware; None: undated."""
    day: date | None
    """The same as a day in agency time: what before: and after: compare."""
    record_class: str
    schedule_item: str | None
    subject: str
    body: str
    from_: str
    to: str
    cc: str
    bcc: str
    attachment: str
    """Words of the attachments' names."""
    addresses: tuple[tuple[str, str], ...]
    """(field, normal form) of every whole address."""
    has_attachment: bool
    shown_from: str
    shown_to: str
    shown_subject: str
    shown_text: str
    """Original body text (cut at a limit), from which snippets are cut."""
    unsearchable: tuple[str, ...]
    """Codes: why part of it was not searchable (encrypted, cut_off, headers_only, attachment_text)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer."""

    record_id: str
    account: str
    message_date: datetime | None
    from_: str
    to: str
    subject: str
    record_class: str
    schedule_item: str | None
    snippet: str
    has_attachment: bool


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The hits, newest first, and how many there are in all within the scope."""

    total: int
    hits: tuple[Hit, ...]
    unsearchable: dict[str, int]
    """Within the scope (not the query): how many records were not fully searchable, by code."""
    indexed: int
    """Within the scope: how many records the index holds."""
