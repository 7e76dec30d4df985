"""What the items of a mailbox are, by their class, and the envelope that the server's own words make."""

from __future__ import annotations

from capstone.domain.envelopes import Envelope, ListMembers, ReceivedAs, Recipient
from capstone.domain.facts import envelope_properties
from connectors.mailboxes.ews.values import ItemTold, Person

CALENDAR_CLASSES = {"ipm.appointment": "item_class_appointment", "ipm.task": "item_class_task"}
"""Taken as iCalendar where that is set. A task that is mailed to somebody has another class, and is mail."""

LEFT_OUT = {
    "ipm.contact": "item_class_contact",
    "ipm.distlist": "item_class_contact",
    "ipm.abchperson": "item_class_contact",
    "ipm.stickynote": "item_class_note",
    "ipm.activity": "item_class_journal",
    "ipm.auditlog": "item_class_audit",
    "ipm.configuration": "item_class_configuration",
}
_EXCEPTION = "ipm.ole.class."
"""Changed occurrences of a series; Exchange keeps them inside the series."""
_REPORT = "report."


def left_out_by(item_class: str, *, calendars: bool) -> str | None:
    """The policy that leaves an item of this class out. Classes that nobody knows are taken."""
    name = item_class.lower()
    calendar = _policy(name, CALENDAR_CLASSES) or ("item_class_appointment" if name.startswith(_EXCEPTION) else None)
    if calendar is not None:
        return None if calendars else calendar
    return _policy(name, LEFT_OUT)


def envelope_of(told: ItemTold, raw: bytes, lists: tuple[ListMembers, ...] = ()) -> Envelope:
    """Who sent and received it, as the server says, and what else it says."""
    sender, author = told.sender or told.from_, told.from_ or told.sender
    is_other = sender is not None and author is not None and sender.address.casefold() != author.address.casefold()
    return Envelope(
        said_by="ews",
        sender=sender.address if sender and sender.address else None,
        on_behalf_of=author.address if author and is_other else None,
        recipients=tuple(
            Recipient(one.address, received_as, one.name)
            for received_as, people in ((ReceivedAs.TO, told.to), (ReceivedAs.CC, told.cc), (ReceivedAs.BCC, told.bcc))
            for one in people
        ),
        lists=lists,
        message_id=told.message_id,
        properties=_properties(told, raw),
    )


def lists_among(told: ItemTold) -> list[Person]:
    """The recipients that stand for others."""
    return [one for one in (*told.to, *told.cc, *told.bcc) if one.is_list]


def _properties(told: ItemTold, raw: bytes) -> dict[str, str]:
    """Which message a report is of: as the server says, else as the report itself does, else the one that it answers."""
    is_report = told.item_class.lower().startswith(_REPORT)
    assumed = {"of_message": told.in_reply_to if is_report else ""}
    found = {
        "item_class": told.item_class,
        "categories": "; ".join(told.categories),
        "importance": told.importance.lower(),
        "conversation_id": told.conversation_id,
        "flag": told.flag,
        "of_message": told.original_message_id if is_report else "",
    }
    return _set(assumed) | envelope_properties(raw, told.item_class) | _set(found)


def _set(properties: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in properties.items() if value}


def _policy(name: str, classes: dict[str, str]) -> str | None:
    return next((policy for known, policy in classes.items() if name == known or name.startswith(f"{known}.")), None)
