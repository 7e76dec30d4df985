"""A form handed on: as JSON values, as rows of its tables, and as what decisions need of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from capstone.domain import officials
from capstone.domain.forms.values import Approval, Category, Form, Position

POSITION_COLUMNS = ("category", "position", "accounts", "note")


def position_rows(categories: Iterable[Category]) -> Iterator[tuple[str, str, str, str]]:
    """The rows of the form's tables, in their order, under `POSITION_COLUMNS`; an empty category is a row with its reason."""
    for category in categories:
        if not category.positions:
            yield category.number, "", "0", category.reason
        for position in category.positions:
            is_read = position.accounts is not None
            note = "" if is_read else f"not a number: {position.accounts_text or 'nothing'}"
            yield category.number, position.title, str(position.accounts) if is_read else "", note


def as_decided(form: Form) -> officials.Form:
    """The form as decisions use it. Raises ValueError for a form without a number: nothing can be decided by it.

    A cutoff that is `other` or was not read leaves the dates of records empty. The legacy scope is text: a person sets
    `covers_from`. A denial stands as the withdrawal of an approval that never was, from its day or, undated, from ever.
    """
    if form.number is None:
        raise ValueError("the form has no number")
    return officials.Form(
        number=form.number,
        record_group=form.record_group,
        approved=form.approved,
        items=frozenset(form.items),
        cutoff=None if form.cutoff.rule is None else officials.CutoffRule(form.cutoff.rule.value),
        transfer_years=form.transfer.years,
        block_years=form.transfer.block_years,
        after_declassification_review=form.transfer.after_declassification_review,
        withdrawn=(form.denied or date.min) if form.is_denied else None,
    )


def form_as_dict(form: Form) -> dict[str, object]:
    """The form as JSON values: parsed values, beside each the form's own words, and every finding."""
    return {
        "form": form.number,
        "form_text": form.number_text,
        "revision": form.revision,
        "agency": form.agency,
        "record_group": form.record_group,
        "received": form.received.isoformat() if form.received else None,
        "received_text": form.received_text,
        "approved": form.approved.isoformat() if form.approved else None,
        "denied": form.is_denied,
        "total_accounts": form.total_accounts,
        "supersedes": form.supersedes,
        "previous_form": form.previous_number,
        "items": list(form.items),
        "scope": form.scope,
        "scope_comments": form.scope_comments,
        "cutoff": form.cutoff.rule,
        "cutoff_text": form.cutoff.text,
        "transfer_years": form.transfer.years,
        "transfer_text": form.transfer.text,
        "transfer_periods": [
            {"years": one.years, "counted_from": one.counted_from, "accounts": one.accounts, "text": one.text}
            for one in form.transfer.periods
        ],
        "transfer_block_years": form.transfer.block_years,
        "after_declassification_review": form.transfer.after_declassification_review,
        "legacy_scope": form.legacy.text,
        "legacy_exists": form.legacy.exists,
        "legacy_since_year": form.legacy.since_year,
        "classified_accounts": form.has_classified_accounts,
        "categories": {
            one.number: [_position_as_dict(position) for position in one.positions] for one in form.categories
        },
        "category_totals": {one.number: one.stated_total for one in form.categories},
        "category_reasons": {one.number: one.reason for one in form.categories if one.reason},
        "approvals": [_approval_as_dict(one) for one in (*form.agency_approvals, form.decision)],
        "denial_reason": form.denial_reason,
        "findings": [
            {"code": one.code, "where": one.where, "message": one.message, "stated": one.stated, "counted": one.counted}
            for one in form.findings
        ],
        "digest": form.digest,
    }  # fmt: skip


def _position_as_dict(position: Position) -> dict[str, object]:
    """The promised pair, and the cell itself where it is no number."""
    pair: dict[str, object] = {"position": position.title, "accounts": position.accounts}
    return pair if position.accounts is not None else {**pair, "accounts_text": position.accounts_text}


def _approval_as_dict(approval: Approval) -> dict[str, object]:
    return {
        "role": approval.role,
        "name": approval.name,
        "approved": approval.approved,
        "date": approval.day.isoformat() if approval.day else None,
        "date_text": approval.day_text,
    }
