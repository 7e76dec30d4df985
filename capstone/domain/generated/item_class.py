"""Which items of Outlook are mail. Contacts, appointments, tasks and the like are counted as excluded, each by its own policy."""

from __future__ import annotations

_NOT_MAIL = {
    "ipm.contact": "item_class_contact",
    "ipm.abchperson": "item_class_contact",
    "ipm.distlist": "item_class_contact",
    "ipm.appointment": "item_class_appointment",
    "ipm.ole.class": "item_class_appointment",
    "ipm.task": "item_class_task",
    "ipm.stickynote": "item_class_note",
    "ipm.activity": "item_class_journal",
    "ipm.microsoft": "item_class_configuration",
    "ipm.configuration": "item_class_configuration",
}
"""First words of the message class. `ipm.ole.class` is an exception of a recurring appointment."""


def excluded_class(message_class: str) -> str | None:
    """The policy that leaves an item of this class out; None for mail and, as in doubt it is kept, for any other."""
    words = message_class.strip().casefold().split(".")
    return next((_NOT_MAIL[name] for end in (2, 3) if (name := ".".join(words[:end])) in _NOT_MAIL), None)
