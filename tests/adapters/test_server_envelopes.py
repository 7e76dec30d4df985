"""What a message says of itself stands in the envelope of Exchange and Graph: rights protection, which message a report is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from capstone.domain.envelopes import read_envelope
from tests.adapters.ews_boxes import Box, watched
from tests.adapters.ews_boxes import messages_in as ews_messages
from tests.adapters.graph_boxes import GraphBox, messages_in
from tests.contracts.mail_source import letter
from tests.servers.graph_server import GraphServer
from tests.unit.facts.messages import attached, message, multipart

Told = Callable[[bytes, str], dict[str, str]]
"""What the envelope of a message says that lies in the mailbox with this class."""


@pytest.fixture(params=["ews", "graph"])
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    if request.param == "ews":
        with watched() as exchange:
            yield lambda raw, item_class: _by_ews(Box(exchange), raw, item_class)
    else:
        graph: GraphServer = request.getfixturevalue("graph")
        yield lambda raw, item_class: _by_graph(GraphBox(graph), raw, item_class)


def _by_ews(box: Box, raw: bytes, item_class: str) -> dict[str, str]:
    box.mailbox.put("Inbox", raw, item_class=item_class)
    (item,) = ews_messages(list(box.source().items({})))
    return _properties(item.companions[0].raw)


def _by_graph(box: GraphBox, raw: bytes, item_class: str) -> dict[str, str]:
    box.mailbox.add("INBOX", raw, {"item_class": item_class})
    (item,) = messages_in(list(box.source().items({})))
    return _properties(item.companions[0].raw)


def _properties(raw: bytes) -> dict[str, str]:
    envelope = read_envelope(raw)
    assert envelope is not None
    return dict(envelope.properties)


# --- rights protection -----------------------------------------------------------------------------

PROTECTED = multipart(
    "Content-Type: text/plain\n\nThis message uses Microsoft Information Protection.",
    attached(bytes.fromhex("76e80460c411e386"), "message.rpmsg", "application/x-microsoft-rpmsg-message"),
    Content_Class="rpmsg.message",
)


@pytest.mark.parametrize(
    ("raw", "item_class"),
    [(PROTECTED, "IPM.Note"), (letter(1), "IPM.Note.rpmsg.Microsoft.Voicemail.UM.CA")],
    ids=["mail", "voice mail"],
)
def test_mail_under_rights_protection_is_flagged(told: Told, raw: bytes, item_class: str) -> None:
    assert told(raw, item_class)["rights_protected"] == "true"


def test_mail_that_only_writes_of_rights_protection_is_not_flagged(told: Told) -> None:
    assert "rights_protected" not in told(message("Open message.rpmsg, please.\n"), "IPM.Note")


# --- reports ---------------------------------------------------------------------------------------

RETURNED = "Content-Type: message/rfc822\n\nMessage-ID: <original@agency.example>\nSubject: Budget\n\nHello."
READ = "Content-Type: message/disposition-notification\n\nOriginal-Message-ID: <original@agency.example>"
FAILED = (
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; ben@example.com\nAction: failed"
)


@pytest.mark.parametrize(
    ("parts", "item_class"),
    [((FAILED, RETURNED), "REPORT.IPM.Note.NDR"), ((READ,), "REPORT.IPM.Note.IPNRN"), ((FAILED, RETURNED), "IPM.Note")],
    ids=["non-delivery report", "read receipt", "bounce of another server"],
)
def test_a_report_is_linked_to_the_message_that_it_is_about(told: Told, parts: tuple[str, ...], item_class: str) -> None:
    text = "Content-Type: text/plain\n\nAbout your message <other@agency.example>."
    assert told(multipart(text, *parts, kind="report"), item_class)["of_message"] == "original@agency.example"


def test_mail_that_brings_another_message_is_no_report_of_it(told: Told) -> None:
    assert "of_message" not in told(multipart(RETURNED, In_Reply_To="<answered@agency.example>"), "IPM.Note")
