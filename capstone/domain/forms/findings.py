"""What a person must see about a form before it is used: sums that do not add up, cells that are no number, contradictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from capstone.domain.forms.values import Category, Finding, Position

CODES: dict[str, str] = {
    # the head of the form
    "number_missing": "The form has no number yet: it is a draft, or not yet received by the National Archives.",
    "number_malformed": "The number is not written as the National Archives write it.",
    "record_group_missing": "The record group is missing or is no number.",
    "record_group_differs": "The record group is not the one in the form's number.",
    "revision_unknown": "This printing of the form is not one that the program was tried on; compare every value with the form.",
    "revision_older": "The form is of an older printing, which asks for some answers in other places, or not at all.",
    "date_not_read": "A date cannot be read.",
    "supersedes_unclear": "What the form says of superseding an earlier one contradicts itself or is left out.",
    "items_missing": "No item is ticked.",
    "scope_unclear": "The scope is not ticked, or ticked twice.",
    "classified_unclear": "Whether there are classified accounts is not ticked, or ticked twice.",
    # instructions
    "cutoff_not_read": "The cutoff instructions are missing or were not understood.",
    "cutoff_in_comments": "The cutoff was read from the scope comments.",
    "cutoff_annual": "The form says only that cutoff is annual; the kind of year comes from the program's configuration.",
    "transfer_not_read": "The transfer instructions are missing or were not understood.",
    "transfer_in_comments": "The transfer instructions were read from the scope comments.",
    "transfer_differs": "The form names more than one transfer period, or one for some accounts only.",
    "transfer_not_offered": "The transfer period is not one that the schedule offers.",
    "legacy_not_read": "Which older mail the form covers must be read by a person.",
    # the ten tables
    "category_missing": "A category's table is not in the file.",
    "category_without_reason": "A category is empty and the form gives no reason.",
    "reason_with_accounts": "A row that says there is no position counts accounts.",
    "count_not_read": "A number of accounts is missing or is no number.",
    "position_missing": "A row counts accounts and names no position.",
    "duplicate_position": "The same position stands more than once in a category.",
    "total_not_read": "A total is no number.",
    # sums
    "category_sum": "The accounts of a category's positions do not add up to its total.",
    "form_sum": "The totals of the categories do not add up to the form's total.",
    "positions_sum": "The accounts of all positions do not add up to the form's total.",
    # the decision
    "agency_approval_missing": "An approval of the agency is not ticked.",
    "not_decided": "The National Archives have neither approved nor denied the form.",
    "decision_unclear": "Approved and denied are both ticked, or a decision has no date that can be read.",
    "denied": "The National Archives denied the form.",
    # beside the register
    "older_than_register": "The register holds a later state of the form; nothing was taken in.",
    "previous_not_registered": "The form that it supersedes is not in the register.",
    "another_in_force": "Another form of the record group is approved today, and neither says that it supersedes the other.",
    "answers_no_window": "The day lies in no known window of resubmission; the form expires as before.",
    "position_in_use": "A position in which somebody is designated is no longer on the form.",
}


def finding(code: str, where: str, detail: str = "", *, stated: str | None = None, counted: int | None = None) -> Finding:
    """A finding with the plain sentence of its code."""
    sentence = CODES[code]
    return Finding(code, where, f"{sentence} {detail}".strip(), stated, counted)


def table_findings(category: Category) -> Iterator[Finding]:
    """What is wrong inside one category: cells, repeated positions, its own sum."""
    where = f"category {category.number}"
    for position in category.positions:
        yield from _row_findings(position, where)
    for title, times in _repeated(category.positions):
        yield finding("duplicate_position", where, f"{times} times.", stated=title)
    if not category.positions and not category.reason:
        yield finding("category_without_reason", where)
    if category.stated_total is None and category.stated_text:
        yield finding("total_not_read", where, stated=category.stated_text)
    elif (category.stated_total or 0) != category.counted_total:
        yield finding("category_sum", where, stated=category.stated_text or None, counted=category.counted_total)


def sum_findings(categories: Iterable[Category], total: int | None, total_text: str) -> Iterator[Finding]:
    """Whether the form's own total is the sum of the ten totals it states, and of all its positions."""
    known = list(categories)
    if total is None and total_text:
        yield finding("total_not_read", "form", stated=total_text)
        return
    of_totals = sum(category.stated_total or 0 for category in known)
    of_positions = sum(category.counted_total for category in known)
    if (total or 0) != of_totals:
        yield finding("form_sum", "form", stated=total_text or None, counted=of_totals)
    if (total or 0) != of_positions and of_positions != of_totals:
        yield finding("positions_sum", "form", stated=total_text or None, counted=of_positions)


def same_title(title: str) -> str:
    """What makes two titles the same position: letters and digits, in any case."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in title.casefold()).split())


def _row_findings(position: Position, where: str) -> Iterator[Finding]:
    place = f"{where}, row {position.row}"
    if position.accounts is None:
        yield finding("count_not_read", place, stated=position.accounts_text)
    if not position.title:
        yield finding("position_missing", place, counted=position.accounts)
    elif says_no_position(position.title):
        yield finding("reason_with_accounts", place, stated=position.title, counted=position.accounts)


def _repeated(positions: Iterable[Position]) -> list[tuple[str, int]]:
    listed = [position for position in positions if position.title]
    counts = Counter(same_title(position.title) for position in listed)
    first = {same_title(position.title): position.title for position in reversed(listed)}
    return [(first[key], times) for key, times in counts.items() if times > 1]


def says_no_position(title: str) -> bool:
    """Whether a row is the reason for an empty category, which the form asks for in the place of a position."""
    words = same_title(title)
    return words.startswith(_NO_POSITION_STARTS) or words in _NO_POSITION or any(part in words for part in _NO_POSITION_PARTS)


_NO_POSITION = frozenset({"na", "n a", "none", "no", "no positions", "not used", "nil"})
_NO_POSITION_STARTS = (
    "not applicable", "n a ", "na no ", "none ", "no position", "no such position", "no official", "no account", "no role",
    "there are no ", "agency has no ", "agency does not have",
)  # fmt: skip
_NO_POSITION_PARTS = (
    "no positions in this category", "no position in this category", "no positions exist", "included in category",
    "included in other categor", "covered in other categor", "covered under other categor", "covered by other categor",
    "covered in category", "covered under category", "listed in category", "listed in other categor", "identified in category",
    "captured in category", "captured in other categor", "see category",
)  # fmt: skip
