"""What the items of an Exchange mailbox are, and what the server says of them: classes, envelopes, members of lists."""

from __future__ import annotations

import pytest

from capstone.domain.envelopes import Envelope, ListMembers, ReceivedAs, Recipient, read_envelope
from capstone.domain.errors import ServerBusy
from capstone.domain.fixity import digest_of
from capstone.domain.message import CompanionKind, ItemState, OfferedMessage
from tests.adapters.ews_boxes import NOW, Box, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.servers.ews_server import EwsState, busy

ADA, BEN, CLEO = (
    ("Ada Example", "ada@agency.example", "Mailbox"),
    ("Ben Example", "ben@agency.example", "Mailbox"),
    ("Cleo Example", "cleo@example.com", "OneOff"),
)
STAFF, LEADS = ("Staff", "staff@agency.example", "PublicDL"), ("Leads", "leads@agency.example", "PublicDL")


def one_item(box: Box) -> OfferedMessage:
    (item,) = messages_in(list(box.source().items({})))
    return item


def envelope_in(item: OfferedMessage) -> Envelope:
    (companion,) = item.companions
    assert (companion.kind, companion.suffix) == (CompanionKind.ENVELOPE, "json")
    assert item.occurrence.envelope == digest_of(companion.raw)
    assert f'"of":"{digest_of(item.raw)}"'.encode() in companion.raw
    envelope = read_envelope(companion.raw)
    assert envelope is not None
    return envelope


# --- classes ---------------------------------------------------------------------------------------

MAIL = (
    ("IPM.Note", "Message"),
    ("IPM.Note.SMIME.MultipartSigned", "Message"),
    ("IPM.Schedule.Meeting.Request", "MeetingRequest"),
    ("IPM.Schedule.Meeting.Resp.Pos", "MeetingResponse"),
    ("IPM.Schedule.Meeting.Canceled", "MeetingCancellation"),
    ("REPORT.IPM.Note.NDR", "Message"),
    ("IPM.TaskRequest", "Message"),
    ("IPM.Post", "PostItem"),
    ("IPM.Agency.Form", "Message"),
)
LEFT_OUT = {
    "IPM.Appointment": "item_class_appointment",
    "IPM.Task": "item_class_task",
    "IPM.Contact": "item_class_contact",
    "IPM.DistList": "item_class_contact",
    "IPM.StickyNote": "item_class_note",
    "IPM.Activity": "item_class_journal",
    "IPM.AuditLog": "item_class_audit",
}
KINDS = {"IPM.Appointment": "CalendarItem", "IPM.Task": "Task", "IPM.Contact": "Contact", "IPM.DistList": "DistributionList"}
CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Budget\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize(("item_class", "kind"), MAIL)
def test_mail_of_every_class_is_taken(exchange: EwsState, item_class: str, kind: str) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), item_class=item_class, kind=kind)
    item = one_item(box)
    assert item.raw == letter(1)
    assert envelope_in(item).properties["item_class"] == item_class


def test_what_is_no_mail_is_left_out_by_its_class_and_counted(exchange: EwsState) -> None:
    box = Box(exchange)
    for item_class in LEFT_OUT:
        box.mailbox.put("Things", CALENDAR, item_class=item_class, kind=KINDS.get(item_class, "Message"))
    items = list(box.source().items({}))
    assert [(item.state, item.code) for item in refused_in(items)] == [
        (ItemState.EXCLUDED, policy) for policy in LEFT_OUT.values()
    ]
    assert items[-1].cursor is not None
    assert exchange.asked["GetItem"] == 0
    assert list(box.source().places()) == []


def test_calendars_and_tasks_are_taken_as_icalendar_where_that_is_set(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Calendar", CALENDAR, item_class="IPM.Appointment", kind="CalendarItem")
    box.mailbox.put("Tasks", CALENDAR, item_class="IPM.Task", kind="Task")
    box.mailbox.put("Contacts", CALENDAR, item_class="IPM.Contact", kind="Contact")
    items = list(box.source(calendars=True).items({}))
    assert [(item.occurrence.place.folder, item.raw) for item in messages_in(items)] == [
        ("Calendar", CALENDAR),
        ("Tasks", CALENDAR),
    ]
    assert [item.code for item in refused_in(items)] == ["item_class_contact"]


# --- envelopes -------------------------------------------------------------------------------------


def test_the_envelope_says_who_sent_for_whom_and_who_received_it_as_what(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put(
        "Sent Items", letter(1), sender=BEN, from_=ADA, to=(BEN,), cc=(CLEO,), bcc=(ADA,), message_id="<1@agency.example>",
        categories=("Blue", "Budget"), importance="High", conversation_id="AAQk==", flag_status=1,
    )  # fmt: skip
    assert envelope_in(one_item(box)) == Envelope(
        said_by="ews",
        sender="ben@agency.example",
        on_behalf_of="ada@agency.example",
        recipients=(
            Recipient("ben@agency.example", ReceivedAs.TO, "Ben Example"),
            Recipient("cleo@example.com", ReceivedAs.CC, "Cleo Example"),
            Recipient("ada@agency.example", ReceivedAs.BCC, "Ada Example"),
        ),
        message_id="1@agency.example",
        properties={
            "item_class": "IPM.Note",
            "categories": "Blue; Budget",
            "importance": "high",
            "conversation_id": "AAQk==",
            "flag": "complete",
        },
    )


def test_who_sends_for_themselves_sends_on_behalf_of_nobody(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), sender=ADA, from_=("Ada", "Ada@Agency.example", "Mailbox"))
    envelope = envelope_in(one_item(box))
    assert (envelope.sender, envelope.on_behalf_of) == ("ada@agency.example", None)


RECEIPT = (
    b"Subject: Read: Note 1\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;ada@agency.example\r\n"
    b"Original-Message-ID: <original@agency.example>\r\n\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("raw", "more", "about"),
    [
        (RECEIPT, {}, "original@agency.example"),
        (RECEIPT, {"original_message_id": "<told@agency.example>"}, "told@agency.example"),
        (letter(1), {"in_reply_to": "<answered@agency.example>"}, "answered@agency.example"),
    ],
)
def test_a_receipt_is_linked_to_its_message(exchange: EwsState, raw: bytes, more: dict[str, str], about: str) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", raw, item_class="REPORT.IPM.Note.IPNRN", **more)
    assert envelope_in(one_item(box)).properties["of_message"] == about


def test_only_reports_are_about_a_message(exchange: EwsState) -> None:
    box = Box(exchange)
    told = "<answered@agency.example>"
    box.mailbox.put("Inbox", letter(1), in_reply_to=told, original_message_id=told)
    assert "of_message" not in envelope_in(one_item(box)).properties


def test_mail_protected_by_rights_is_flagged(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), item_class="IPM.Note.rpmsg.Microsoft")
    assert envelope_in(one_item(box)).properties["rights_protected"] == "true"


# --- lists -----------------------------------------------------------------------------------------


def test_the_members_of_lists_are_told_as_they_were_and_asked_for_once(exchange: EwsState) -> None:
    box = Box(exchange)
    exchange.lists = {STAFF[1]: (CLEO, ADA, LEADS), LEADS[1]: (BEN, STAFF)}
    for number in (1, 2, 3):
        box.mailbox.put("Inbox", letter(number), to=(STAFF, ADA), cc=(LEADS,))
    items = messages_in(list(box.source().items({})))
    assert [envelope_in(item).lists for item in items] == [
        (
            ListMembers(STAFF[1], NOW.isoformat(), ("ada@agency.example", "cleo@example.com", "leads@agency.example")),
            ListMembers(LEADS[1], NOW.isoformat(), ("ben@agency.example", "staff@agency.example")),
        )
    ] * 3
    assert exchange.asked["ExpandDL"] == 2


def test_a_list_that_the_directory_does_not_open_is_told_as_not_whole(exchange: EwsState) -> None:
    box = Box(exchange)
    box.mailbox.put("Inbox", letter(1), to=(STAFF,))
    assert envelope_in(one_item(box)).lists == (ListMembers(STAFF[1], NOW.isoformat(), (), is_whole=False),)


def test_a_list_in_somebodys_contacts_is_asked_for_by_its_id(exchange: EwsState) -> None:
    box = Box(exchange)
    exchange.lists["AAMkList=="] = (ADA,)
    box.mailbox.put("Inbox", letter(1), bcc=(("Old friends", "AAMkList==", "PrivateDL"),))
    envelope = envelope_in(one_item(box))
    assert envelope.recipients == (Recipient("", ReceivedAs.BCC, "Old friends"),)
    assert envelope.lists == (ListMembers("Old friends", NOW.isoformat(), ("ada@agency.example",)),)


def test_a_directory_that_is_busy_is_waited_for(exchange: EwsState) -> None:
    box = Box(exchange)
    exchange.lists[STAFF[1]] = (ADA,)
    exchange.fail("ExpandDL", busy(20))
    box.mailbox.put("Inbox", letter(1), to=(STAFF,))
    assert envelope_in(one_item(box)).lists[0].is_whole
    exchange.fail("ExpandDL", busy(60_000))
    with pytest.raises(ServerBusy):
        list(box.source().items({}))


def test_lists_within_lists_are_followed_so_far_and_no_further(exchange: EwsState) -> None:
    box = Box(exchange)
    names = [(f"L{number}", f"list{number}@agency.example", "PublicDL") for number in range(20)]
    exchange.lists = {name[1]: (inner,) for name, inner in zip(names, [*names[1:], ADA], strict=True)}
    box.mailbox.put("Inbox", letter(1), to=(names[0],))
    told = envelope_in(one_item(box)).lists
    assert [(one.address, one.is_whole) for one in told] == [(name[1], number < 6) for number, name in enumerate(names[:7])]
