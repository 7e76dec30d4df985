"""The state of a form on a day. Only an approved one lets items 011 and 012 be destroyed; in every other state classes stay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from capstone.domain.forms.rules import Window
from capstone.domain.forms.values import Form

_ONE_DAY = timedelta(days=1)


class FormState(StrEnum):
    """What a form is good for on a day."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    DENIED = "denied"

    @property
    def allows_destruction(self) -> bool:
        """Whether temporary items may be destroyed on its authority."""
        return self is FormState.APPROVED


@dataclass(frozen=True, slots=True)
class FormHistory:
    """What happened to a form: what it says itself, and what the register learned later."""

    approved: date | None = None
    denied: date | None = None
    is_denied: bool = False
    """Denied, with or without a day."""
    superseded: date | None = None
    """The day on which a newer form for the same scope was approved."""
    resubmitted: tuple[date, ...] = ()
    """Days on which the agency sent in a newer form."""
    withdrawn: date | None = None
    """The day from which the approval no longer stands; the form is then as good as denied."""


def history_of(form: Form, *, superseded: date | None = None, resubmitted: tuple[date, ...] = ()) -> FormHistory:
    """The history that the form itself tells, with what the register knows beside it."""
    return FormHistory(form.approved, form.denied, form.is_denied, superseded, resubmitted)


def state_on(history: FormHistory, day: date, windows: Iterable[Window]) -> FormState:
    """The state on that day; each day of change counts to the new state."""
    if _has_come(history.withdrawn, day) or (history.is_denied and (history.denied is None or history.denied <= day)):
        return FormState.DENIED
    if not _has_come(history.approved, day):
        return FormState.SUBMITTED
    if _has_come(history.superseded, day):
        return FormState.SUPERSEDED
    return FormState.EXPIRED if _has_come(expires_on(history, windows), day) else FormState.APPROVED


def expires_on(history: FormHistory, windows: Iterable[Window]) -> date | None:
    """The day after the first window that closes without a newer form sent in; None: no known window asks for one."""
    missed = (window for window in _asking(history, windows) if not _answered(history, window))
    first = next(missed, None)
    return first.closes + _ONE_DAY if first else None


def due_window(history: FormHistory, day: date, windows: Iterable[Window]) -> Window | None:
    """The window, open on that day or the next to open, in which the form must be sent in anew and was not yet."""
    open_or_ahead = (window for window in _asking(history, windows) if window.closes >= day)
    return next((window for window in open_or_ahead if not _answered(history, window)), None)


def _asking(history: FormHistory, windows: Iterable[Window]) -> list[Window]:
    """The windows that ask for this form: those that open after its approval and before it is superseded."""
    approved, superseded = history.approved, history.superseded
    if approved is None or history.is_denied:
        return []
    ordered = sorted(windows, key=lambda window: window.opens)
    return [window for window in ordered if approved < window.opens and (superseded is None or superseded > window.closes)]


def _answered(history: FormHistory, window: Window) -> bool:
    return any(window.opens <= day <= window.closes for day in history.resubmitted)


def _has_come(event: date | None, day: date) -> bool:
    return event is not None and event <= day
