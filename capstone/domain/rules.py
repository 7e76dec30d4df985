"""What decides on a class besides the evidence: register, schedules, the agency's calendar. And the codes of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from typing import Any

from capstone.domain.message_dates import Plausible
from capstone.domain.roster import Roster
from capstone.domain.schedule import Schedule
from capstone.domain.series import NO_SERIES, SeriesTable

RULES_VERSION = "2"
"""Raised with every change of `classification`, `outcomes`, `message_dates` or `retention` that can change an answer.

2: withdrawn forms, series of other schedules, floors, blocks of years, declassification review, acting officials,
addresses in time, tenures of several rows.
"""

REASONS: dict[str, str] = {
    "capstone_official": "The account's holder was a Capstone official on the message's date",
    "sent_for_official": "The account sent it on behalf of a Capstone official then in office",
    "no_capstone_role": "The register says that the account's holder had no Capstone role on the message's date",
    "support_role": "The account's holder was in a support position on the message's date",
    "longer_series": "It belongs to a series that another schedule keeps longer than the account's item does",
    "account_not_registered": "The register of officials does not know the account",
    "form_not_approved": "No form NA-1005 that covers it is approved today, so the schedule may not be used",
    "form_withdrawn": "The approval of the form NA-1005 that covered it was withdrawn, so the schedule may not be used",
    "before_form_scope": "The message is older than what the form NA-1005 covers",
    "item_not_used": "The form NA-1005 does not use the schedule item that would apply",
    "item_withdrawn": "The schedule item that would apply was withdrawn by the National Archives",
    "item_not_in_force": "The schedule item that would apply is not in the schedule or not approved",
    "series_unknown": "It is assigned to a series that the table of other schedules does not name",
    "no_usable_date": "No date of the message can be believed",
    "acting_not_counted": "The only role on the message's date was held as acting, and not long enough to count",
    "no_role_known": "The register names no role of the account's holder for the message's date",
}
"""Reason codes and what they mean, without the full stop."""

FLAGS: dict[str, str] = {
    "dates_disagree": "its dates lead to different classes; the longest keeping was taken",
    "dates_apart": "its dates lie further apart than delivery takes; the one that keeps it longest was taken",
    "header_date_not_usable": "its Date header cannot be believed",
    "roles_overlap": "more than one role covers its date; the longest keeping was taken",
    "form_not_approved": "another role that covers it stands on a form that is not approved",
    "form_withdrawn": "another role that covers it stands on a form whose approval was withdrawn",
    "acting_not_counted": "an acting role that covers it has not lasted long enough to count",
    "cutoff_unknown": "no cutoff is named for it",
    "cutoff_open": "the cutoff is not reached: the tenure or administration lasts",
    "cutoff_other": "the form names an event as cutoff: a person must tell when it has come",
    "transfer_unknown": "no transfer period that the schedule allows is named for it",
    "awaits_declassification_review": "transfer waits for the declassification review, of which no day is known",
    "never_destroyed": "it belongs to a series that the agency never destroys, whatever its item says",
}
"""Flag codes and what they mean."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything besides the evidence that a decision may use."""

    roster: Roster
    schedule: Schedule
    administrations: tuple[date, ...]
    zone: tzinfo
    today: date
    plausible_start: date
    """No mail of this agency is older than this day."""
    tolerance: timedelta = timedelta(days=1)
    """How long after its receipt a message may claim to be sent: clocks and zones are wrong by hours, not by days."""
    series: SeriesTable = NO_SERIES
    acting_days: int = 0
    """An acting stint counts, as a whole, once it has lasted longer than so many days; 0: from the first day."""
    version: str = field(init=False)
    plausible: Plausible = field(init=False, repr=False)
    memory: dict[Any, Any] = field(init=False, repr=False, compare=False)
    """What `outcomes` found for an account and day: mail of one day asks the same again and again."""

    def __post_init__(self) -> None:
        """Prepare what every decision needs."""
        versions = (f"rules {RULES_VERSION}", self.schedule.version, self.series.version)
        object.__setattr__(self, "version", ", ".join(version for version in versions if version))
        object.__setattr__(self, "plausible", Plausible(self.zone, self.plausible_start, self.today, self.tolerance))
        object.__setattr__(self, "memory", {})
