"""The class of a record: a function of its dates, its account's roles in time and the schedules (domain.md 6.1, rules 2 to 8).

It never depends on the order of capture, and it can be replayed years later: all it reads is in its two arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from operator import attrgetter

from capstone.domain.evidence import Evidence, evidence_of, learned_of
from capstone.domain.message_dates import HEADER, MessageDate, agreed_date, usable_dates
from capstone.domain.outcomes import Outcome, undated, unscheduled
from capstone.domain.records import Classification, RecordClass
from capstone.domain.rules import FLAGS, REASONS, RULES_VERSION, Rules
from capstone.domain.spans import Spans, spans_for

__all__ = [
    "FLAGS", "REASONS", "RULES_VERSION", "Evidence", "Rules", "class_changes", "classify", "evidence_of", "learned_of",
]  # fmt: skip

_Text = str | None
_Values = tuple[
    RecordClass, str, _Text, _Text, _Text, _Text, _Text, datetime | None, _Text, date | None, date | None, tuple[str, ...]
]  # fmt: skip


def classify(evidence: Evidence, rules: Rules) -> Classification:
    """The class of the record with its reasons. Never raises; in doubt the longer keeping wins."""
    return _classification(_values(evidence, rules), rules)


def class_changes(evidence: Evidence, present: Classification, rules: Rules) -> Classification | None:
    """The class by these rules where it differs from the present one; None where only the version of the rules does."""
    values = _values(evidence, rules)
    if values == _PRESENT(present):
        return None
    return _classification(values, rules)


_PRESENT = attrgetter(*(field.name for field in fields(Classification) if field.name != "rule_version"))


def _classification(values: _Values, rules: Rules) -> Classification:
    kind, reason, item, authority, designation, form, category, instant, source, cutoff, eligible, flags = values
    return Classification(
        kind, reason, rules.version, item, authority, designation, form, category, instant, source, cutoff, eligible, flags
    )


def _values(evidence: Evidence, rules: Rules) -> _Values:
    """Everything that a class holds but the version of the rules, in the order of its fields."""
    outcome, chosen, flags = _decided(evidence, rules)
    row = outcome.designation
    return (
        outcome.record_class,
        outcome.reason,
        outcome.item,
        outcome.authority,
        None if row is None else row.designation_id,
        None if row is None else row.form.number or None,
        None if row is None else row.category,
        None if chosen is None else chosen.instant,
        None if chosen is None else chosen.source,
        outcome.cutoff,
        outcome.eligible,
        tuple(sorted({*outcome.flags, *flags})) if flags else outcome.flags,
    )


def _decided(evidence: Evidence, rules: Rules) -> tuple[Outcome, MessageDate | None, tuple[str, ...]]:
    _, header, trace, received, from_lines, *_ = evidence
    standing = rules.roster.standing(evidence.account)
    agreed = agreed_date(header, received, trace, from_lines, rules.plausible)
    if agreed is not None and standing is not None:
        return spans_for(evidence, standing, rules).on(agreed.day), agreed, ()
    dates = usable_dates(header, received, trace, from_lines, rules.plausible)
    flags = _date_flags(evidence, dates, rules)
    if standing is None:
        return unscheduled("account_not_registered"), dates[0] if dates else None, flags
    if not dates:
        return undated(evidence, rules), None, flags
    spans, chosen = spans_for(evidence, standing, rules), dates[0]
    if len(dates) == 1:
        return spans.on(chosen.day), chosen, flags
    return _of_several_days(dates, spans, flags)


def _of_several_days(
    dates: Sequence[MessageDate], spans: Spans, flags: tuple[str, ...]
) -> tuple[Outcome, MessageDate, tuple[str, ...]]:
    outcomes = {one.day: spans.on(one.day) for one in dates}
    disagree = len({(one.record_class, one.item) for one in outcomes.values()}) > 1
    chosen = dates[0]
    if disagree or "dates_apart" in flags:
        # Within one class too: of two dates that lie years apart the earlier one must not free a record early.
        chosen = max(dates, key=lambda one: outcomes[one.day].keeping[:3])
    outcome = outcomes[chosen.day]
    if any(one.is_never_destroyed for one in outcomes.values()):
        outcome = outcome.under_floor()
    return outcome, chosen, (*flags, "dates_disagree") if disagree else flags


def _date_flags(evidence: Evidence, dates: Sequence[MessageDate], rules: Rules) -> tuple[str, ...]:
    flags: tuple[str, ...] = ()
    if evidence.header_date is not None and (not dates or dates[0].source != HEADER):
        flags = ("header_date_not_usable",)
    if len(dates) > 1:
        instants = [one.instant for one in dates]
        if max(instants) - min(instants) > rules.tolerance:
            flags = ("dates_apart", *flags)
    return flags
