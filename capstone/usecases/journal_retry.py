"""Sort anew what the journal received for nobody: somebody whom it concerns may be in the register by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from capstone.domain.errors import CapstoneError
from capstone.domain.journal_sorting import ENVELOPE_OF, Sorting, delivered_again, sorted_by_account
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.message import ItemState
from capstone.ports import Quarantined
from capstone.usecases.capture import RunReport
from capstone.usecases.journal import Intake

BytesOf = Callable[[Quarantined], bytes | CapstoneError]
"""The bytes of what lies in quarantine, or why they cannot be used."""


def sort_again(
    kept: Sequence[Quarantined], bytes_of: BytesOf, sorting: Sorting, intake: Intake, now: datetime
) -> list[RunReport]:
    """Each account takes in what concerns it by now; the rest counts a try. A report for each account, NO_ACCOUNT among them.

    `sorting` must quarantine what concerns nobody. Mail whose bytes, or those of an envelope, cannot be used fails alone.
    """
    envelopes: dict[str, list[Quarantined]] = {}
    for item in kept:
        if item.item_id.endswith(ENVELOPE_OF):
            envelopes.setdefault(item.item_id.removesuffix(ENVELOPE_OF), []).append(item)
    counts: dict[str, Counter[str]] = {}
    errors: dict[str, CapstoneError] = {}
    for item in kept:
        if item.item_id.endswith(ENVELOPE_OF):
            continue
        read = [bytes_of(one) for one in (item, *envelopes.get(item.item_id, ()))]
        unread = [one for one in read if isinstance(one, CapstoneError)]
        if unread:
            errors[NO_ACCOUNT] = unread[0]
            counts.setdefault(NO_ACCOUNT, Counter())[ItemState.FAILED.value] += 1
            continue
        raw, *beside = (one for one in read if not isinstance(one, CapstoneError))
        for delivered in delivered_again(raw, beside, now):
            for account, items in sorted_by_account(delivered, sorting).items():
                told = counts.setdefault(account, Counter())
                try:
                    told.update(intake.take_in(account, items))
                except CapstoneError as exc:
                    errors[account] = exc
                    told[ItemState.FAILED.value] += len(items)
    return [
        RunReport("", account, sorting.source, "failed" if account in errors else "complete", told, error=errors.get(account))
        for account, told in sorted(counts.items())
    ]
