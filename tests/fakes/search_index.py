"""The search index in memory: looks at every document, word by word. Slow, plain, and written apart from any engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from capstone.domain.addresses import normal_form
from capstone.domain.errors import BadQuery
from capstone.domain.query import (
    MAX_DEPTH,
    And,
    Clause,
    DateRange,
    Everything,
    HasAttachment,
    Hit,
    IndexDocument,
    Keyword,
    Not,
    Or,
    Scope,
    SearchPage,
    WholeAddress,
    Words,
    depth_of,
)
from capstone.domain.snippets import safe_line, snippet_of, wanted_phrases


class FakeSearchIndex:
    """`SearchIndex` over a dictionary."""

    def __init__(self) -> None:
        self.documents: dict[str, IndexDocument] = {}

    def check(self) -> None:
        """Memory is always there."""

    def add(self, documents: Sequence[IndexDocument]) -> dict[str, str]:
        refused = {}
        for document in documents:
            if is_text(document):
                self.documents[document.record_id] = document
            else:
                refused[document.record_id] = "not_text"
        return refused

    def remove(self, record_ids: Sequence[str]) -> None:
        for record_id in record_ids:
            self.documents.pop(record_id, None)

    def search(self, clause: Clause, scope: Scope, limit: int, offset: int = 0) -> SearchPage:
        visible, in_order = self._visible(scope), self._found(clause, scope)
        return SearchPage(
            total=len(in_order),
            hits=tuple(hit_of(document, clause) for document in in_order[offset : offset + limit]),
            unsearchable=dict(Counter(code for document in visible for code in document.unsearchable)),
            indexed=len(visible),
        )

    def hits(self, clause: Clause, scope: Scope) -> Iterator[Hit]:
        for document in self._found(clause, scope):
            yield hit_of(replace(document, shown_text=""), clause)

    def ids(self) -> Iterator[str]:
        yield from sorted(self.documents)

    def reset(self) -> None:
        self.documents.clear()

    def _visible(self, scope: Scope) -> list[IndexDocument]:
        return [document for document in self.documents.values() if scope.accounts is None or document.account in scope.accounts]

    def _found(self, clause: Clause, scope: Scope) -> list[IndexDocument]:
        """Newest first, undated last, then by record id."""
        if depth_of(clause) > MAX_DEPTH:
            raise BadQuery("nested too deeply")
        found = sorted(
            (document for document in self._visible(scope) if holds(clause, document)), key=lambda document: document.record_id
        )
        dated = [document for document in found if document.message_date]
        dated.sort(key=lambda document: document.message_date or 0, reverse=True)
        return dated + [document for document in found if not document.message_date]


def is_text(document: IndexDocument) -> bool:
    try:
        f"{document.record_id} {document.subject} {document.body} {document.from_} {document.to}".encode()
    except UnicodeEncodeError:
        return False
    return True


def holds(clause: Clause, document: IndexDocument) -> bool:
    match clause:
        case Words(words, field, is_prefix):
            return any(stands_in(words, is_prefix, text) for name, text in texts_of(document).items() if field in {None, name})
        case WholeAddress(address, field):
            return any(found == normal_form(address) and field in {None, name} for name, found in document.addresses)
        case Keyword(field, value):
            return {"account": document.account, "class": document.record_class, "item": document.schedule_item}[field] == value
        case DateRange(after, before):
            return document.day is not None and (not after or after <= document.day) and (not before or document.day < before)
        case HasAttachment():
            return document.has_attachment
        case Everything():
            return True
        case Not(inner):
            return not holds(inner, document)
        case And(clauses):
            return all(holds(inner, document) for inner in clauses)
        case Or(clauses):
            return any(holds(inner, document) for inner in clauses)


def texts_of(document: IndexDocument) -> dict[str, str]:
    return {
        "subject": document.subject,
        "body": document.body,
        "from": document.from_,
        "to": document.to,
        "cc": document.cc,
        "bcc": document.bcc,
        "attachment": document.attachment,
    }


def stands_in(words: Sequence[str], is_prefix: bool, text: str) -> bool:
    present = text.split(" ")
    for start in range(len(present) - len(words) + 1):
        *before, last = present[start : start + len(words)]
        if before == list(words[:-1]) and (last.startswith(words[-1]) if is_prefix else last == words[-1]):
            return True
    return False


def hit_of(document: IndexDocument, clause: Clause) -> Hit:
    return Hit(
        record_id=document.record_id,
        account=document.account,
        message_date=document.message_date,
        from_=safe_line(document.shown_from),
        to=safe_line(document.shown_to),
        subject=safe_line(document.shown_subject),
        record_class=document.record_class,
        schedule_item=document.schedule_item,
        snippet=snippet_of(document.shown_text, wanted_phrases(clause)),
        has_attachment=document.has_attachment,
    )
