"""Microsoft Graph as a mail source: the contract, folders, cursors, identity, and what is never changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capstone.domain.envelopes import Envelope, ReceivedAs, Recipient, read_envelope
from capstone.domain.errors import SourceMissing
from capstone.domain.fixity import digest_of
from capstone.domain.message import CompanionKind, ItemState, OfferedMessage
from capstone.ports import MailSource
from tests.adapters.graph_boxes import GraphBox, cursors_of, messages_in, refused_in
from tests.contracts.mail_source import MailSourceContract, letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import GraphServer


@pytest.fixture
def box(graph: GraphServer) -> Iterator[GraphBox]:
    return GraphBox(graph)


def mailbox_of(name: str, address: str) -> dict[str, Any]:
    return {"emailAddress": {"name": name, "address": address}}


class TestContract(MailSourceContract):
    @pytest.fixture(autouse=True)
    def _box(self, graph: GraphServer) -> None:
        self.box = GraphBox(graph)

    def source_with(self, mails: Sequence[Mail]) -> MailSource:
        self.box.fill(mails)
        return self.box.source()

    def emptied_source(self) -> MailSource:
        self.box.empty()
        return self.box.source()

    def missing_source(self) -> MailSource:
        return self.box.source(mailbox="nobody@agency.example")

    def traces(self) -> object:
        mailbox = self.box.mailbox
        return [
            list(mailbox.folders.values()),
            [vars(one) | {"fetches": 0} for one in mailbox.messages.values()],
            list(mailbox.changes),
        ]


# --- what is asked for -----------------------------------------------------------------------------


def test_immutable_ids_are_asked_for_every_time(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number)) for number in range(3))
    source = box.source(held=lambda _identities: {})
    list(source.items({}))
    list(source.places())
    source.check()
    assert box.server.count(r"translateExchangeIds") == 2
    assert box.server.plain_ids == 0


def test_four_requests_run_at_once_and_never_more(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number)) for number in range(40))
    four = threading.Barrier(4, timeout=30)
    box.server.fail(r"\$value", times=None, stall=four.wait)
    assert len(messages_in(list(box.source().items({})))) == 40
    assert box.server.most_at_once == 4


def test_fewer_requests_at_once_are_kept_too(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(1)) for _ in range(50))
    assert len(list(box.source(at=box.at(requests=1)).items({}))) == 50
    assert box.server.most_at_once == 1


def test_mime_is_asked_for_below_the_user_and_never_below_a_folder(box: GraphBox) -> None:
    box.fill([Mail("INBOX", letter(1)), Mail("A/B", letter(2))])
    list(box.source().items({}))
    assert box.server.count(r"GET /v1\.0/users/[^/]+/messages/[^/]+/\$value") == 2
    assert box.server.count(r"mailFolders.*\$value") == 0


def test_the_first_message_comes_before_the_folder_is_listed(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(1)) for _ in range(5000))
    items = box.source().items({})
    assert isinstance(next(items), OfferedMessage)
    assert box.server.count(r"messages/delta") <= 4
    items.close()  # type: ignore[attr-defined]


def test_a_folder_of_five_thousand_items_is_offered_whole_once_and_in_its_order(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60, str(number))) for number in range(5000))
    items = messages_in(list(box.source().items({})))
    assert [item.raw for item in items] == [one.raw for one in box.mailbox.messages.values()]
    assert [item.occurrence.place.item_id for item in items] == list(box.mailbox.messages)
    assert [place.item_id for place in box.source().places()] == list(box.mailbox.messages)


# --- what is told of a message ---------------------------------------------------------------------


def test_identity_flags_and_received_time_are_the_servers(box: GraphBox) -> None:
    received = datetime(2020, 2, 29, 23, 59, tzinfo=UTC)
    seen = {"isRead": True, "isDraft": True, "flag": {"flagStatus": "flagged"}}
    box.mailbox.add("INBOX", letter(1), seen, received=received)
    message = box.mailbox.add("INBOX", letter(2))
    first, second = (item.occurrence for item in messages_in(list(box.source().items({}))))
    assert (first.flags, first.received_at) == (("\\Draft", "\\Flagged", "\\Seen"), received)
    assert (second.flags, second.identity) == ((), f"graph:{message.id}")
    assert second.place.item_id == message.id


def test_the_envelope_says_who_sent_for_whom_and_who_received_it_as_what(box: GraphBox) -> None:
    told = {
        "sender": mailbox_of("Cy Example", "cy@agency.example"),
        "from": mailbox_of("Ada Example", "ada@agency.example"),
        "toRecipients": [mailbox_of("Ben Example", "ben@agency.example")],
        "ccRecipients": [mailbox_of("", "dee@agency.example")],
        "bccRecipients": [mailbox_of("Eve Example", "eve@agency.example")],
        "categories": ["Red", "Budget"],
        "importance": "high",
        "conversationId": "AAQkconversation",
        "internetMessageId": "<5@agency.example>",
        "flag": {"flagStatus": "complete"},
        "item_class": "IPM.Note.SMIME",
    }
    box.mailbox.add("Sent", letter(5), told)
    (item,) = messages_in(list(box.source().items({})))
    (companion,) = item.companions
    assert (companion.kind, companion.suffix) == (CompanionKind.ENVELOPE, "json")
    assert item.occurrence.envelope == digest_of(companion.raw)
    assert json.loads(companion.raw)["of"] == digest_of(item.raw)
    assert read_envelope(companion.raw) == Envelope(
        said_by="graph",
        sender="cy@agency.example",
        on_behalf_of="ada@agency.example",
        recipients=(
            Recipient("ben@agency.example", ReceivedAs.TO, "Ben Example"),
            Recipient("dee@agency.example", ReceivedAs.CC),
            Recipient("eve@agency.example", ReceivedAs.BCC, "Eve Example"),
        ),
        message_id="5@agency.example",
        properties={
            "item_class": "IPM.Note.SMIME",
            "categories": "Budget; Red",
            "importance": "high",
            "conversation_id": "AAQkconversation",
            "flag": "complete",
        },
    )


@pytest.mark.corpus
def test_messages_as_a_tenant_showed_them_give_their_envelope(box: GraphBox, corpus: Path) -> None:
    shown = [json.loads(file.read_text()) for file in sorted((corpus / "graph-message").glob("*.json"))]
    for number, one in enumerate(shown):
        kept = {key: value for key, value in one.items() if key not in ("id", "parentFolderId", "lastModifiedDateTime")}
        received = datetime.fromisoformat(one["receivedDateTime"])
        box.mailbox.add(
            "INBOX", letter(number), kept | ({"item_class": "IPM.Schedule.Meeting.Request"} if number else {}), received=received
        )
    offered = messages_in(list(box.source().items({})))
    assert [item.occurrence.received_at for item in offered] == [datetime.fromisoformat(one["receivedDateTime"]) for one in shown]
    envelopes = [read_envelope(item.companions[0].raw) for item in offered]
    for envelope, one in zip(envelopes, shown, strict=True):
        assert envelope is not None
        named = [
            whom["emailAddress"]["address"] for key in ("toRecipients", "ccRecipients", "bccRecipients") for whom in one[key]
        ]
        assert [recipient.address for recipient in envelope.recipients] == named
        assert envelope.message_id == one["internetMessageId"].strip("<>")
    assert len(shown) == 2
    assert [one.properties["item_class"] for one in envelopes if one] == ["IPM.Note", "IPM.Schedule.Meeting.Request"]


def test_the_type_stands_for_the_class_where_the_class_is_not_told(box: GraphBox) -> None:
    told = {"@odata.type": "#microsoft.graph.eventMessageRequest", "item_class": ""}
    box.mailbox.add("INBOX", letter(1), told)
    (item,) = messages_in(list(box.source().items({})))
    envelope = read_envelope(item.companions[0].raw)
    assert envelope is not None
    assert envelope.properties["item_class"] == "eventMessageRequest"


def test_a_draft_outside_drafts_is_a_message(box: GraphBox) -> None:
    box.mailbox.add("INBOX", letter(1), {"isDraft": True})
    box.mailbox.add("Drafts", letter(2), {"isDraft": True})
    items = list(box.source().items({}))
    assert [item.raw for item in messages_in(items)] == [letter(1)]
    assert [item.code for item in refused_in(items)] == ["folder_drafts"]


def test_a_message_without_bytes_is_quarantined(box: GraphBox) -> None:
    box.fill([Mail("INBOX", b""), Mail("INBOX", letter(1))])
    items = list(box.source().items({}))
    assert [(item.state, item.code, item.raw) for item in refused_in(items)] == [(ItemState.QUARANTINED, "empty_item", b"")]
    assert list(box.source().items(cursors_of(items))) == []


# --- folders ---------------------------------------------------------------------------------------


def test_what_a_folder_is_for_goes_before_its_name(box: GraphBox) -> None:
    mailbox = box.mailbox
    names = {"Angefangen": "drafts", "Raus": "sentitems", "Sync": "syncissues", "Warteraum": "outbox", "Draft": "inbox"}
    for folder in list(mailbox.folders.values()):
        del mailbox.folders[folder.id]
    for name, known in names.items():
        mailbox.folder(name, well_known=known)
    box.fill(Mail(path, letter(number)) for number, path in enumerate((*names, "Raus/2019", "Sync/Konflikte", "Post"), 1))
    items = list(box.source().items({}))
    assert {item.place.folder: item.code for item in refused_in(items)} == {
        "Angefangen": "folder_drafts",
        "Sync": "folder_sync_issues",
        "Sync/Konflikte": "folder_sync_issues",
        "Warteraum": "folder_outbox",
    }
    sent = {item.occurrence.place.folder: item.occurrence.is_sent for item in messages_in(items)}
    assert sent == {"Draft": False, "Post": False, "Raus": True, "Raus/2019": True}


def test_a_folder_that_only_looks_like_one_that_is_left_out_is_read(box: GraphBox) -> None:
    kept = ("INBOX/Drafts", "INBOX/Sent", "Projects/Rule X/Drafts", "Projects/Outbox", "Entwürfe", "Projects/RSS Feeds")
    box.fill(Mail(path, letter(number)) for number, path in enumerate((*kept, "Drafts", "RSS Feeds", "Sent"), 1))
    items = list(box.source().items({}))
    sent = {item.occurrence.place.folder: item.occurrence.is_sent for item in messages_in(items)}
    assert sent == {**dict.fromkeys(kept, False), "Sent": True}
    assert {item.place.folder: item.code for item in refused_in(items)} == {"Drafts": "folder_drafts", "RSS Feeds": "folder_rss"}


def test_a_name_counts_at_the_top_where_the_server_does_not_say_what_folders_are_for(box: GraphBox) -> None:
    box.fill(Mail(path, letter(number)) for number, path in enumerate(("Drafts", "Sent", "INBOX/Drafts", "INBOX/Sent"), 1))
    box.server.fail(r"mailFolders/(?:drafts|sentitems)\?", times=None, status=400, code="ErrorInvalidIdMalformed")
    items = list(box.source().items({}))
    sent = {item.occurrence.place.folder: item.occurrence.is_sent for item in messages_in(items)}
    assert sent == {"INBOX/Drafts": False, "INBOX/Sent": False, "Sent": True}
    assert [(item.place.folder, item.code) for item in refused_in(items)] == [("Drafts", "folder_drafts")]


def test_hidden_folders_and_their_hidden_children_are_read_and_search_folders_are_not(box: GraphBox) -> None:
    box.mailbox.folder("Clutter", is_hidden=True)
    box.mailbox.folder("Projects/Kept", is_hidden=True)
    box.mailbox.folder("INBOX/Weekly", is_search=True)
    box.fill(Mail(path, letter(number)) for number, path in enumerate(("Clutter", "Projects/Kept", "INBOX/Weekly"), 1))
    assert [item.occurrence.place.folder for item in messages_in(list(box.source().items({})))] == ["Clutter", "Projects/Kept"]


def test_the_tree_is_read_whole_whatever_its_width_and_depth(box: GraphBox) -> None:
    paths = [f"Wide {number}" for number in range(130)] + ["/".join(f"Deep {level}" for level in range(1, 31))]
    paths += [f"Wide 7/Child {number}" for number in range(130)]
    box.fill(Mail(path, letter(1)) for path in paths)
    assert sorted(item.occurrence.place.folder for item in messages_in(list(box.source().items({})))) == sorted(paths)


def test_two_folder_names_never_look_alike(box: GraphBox) -> None:
    for parent, name in (("Top", "A/B"), ("Top/A", "B"), ("Top", "A%2FB")):
        folder = box.mailbox.folder(f"{parent}/made {len(box.mailbox.folders)}")
        folder.name = name
        message = box.mailbox.add("INBOX", letter(1))
        message.folder_id = folder.id
        box.mailbox.changes[-1] = (folder.id, message.id)
    found = sorted(item.occurrence.place.folder for item in messages_in(list(box.source().items({}))))
    assert found == ["Top/A%252FB", "Top/A%2FB", "Top/A/B"]


def test_named_folders_are_read_with_all_below_and_are_not_judged_themselves(box: GraphBox) -> None:
    box.mailbox.folder("Drafts/Outbox", well_known="outbox")
    del box.mailbox.folders[box.mailbox.folder("Outbox").id]
    names = ("Drafts", "Drafts/Outbox", "Projects", "Projects/Alpha", "Projects2", "INBOX")
    box.fill(Mail(name, letter(number)) for number, name in enumerate(names, 1))
    items = list(box.source("Drafts", "Projects", "Inbox").items({}))
    assert [item.occurrence.place.folder for item in messages_in(items)] == ["Drafts", "INBOX", "Projects", "Projects/Alpha"]
    assert [(item.place.folder, item.code) for item in refused_in(items)] == [("Drafts/Outbox", "folder_outbox")]
    with pytest.raises(SourceMissing, match="'Nowhere'"):
        next(box.source("Projects", "Nowhere").items({}))


def test_a_mailbox_is_not_mistaken_for_a_path(box: GraphBox) -> None:
    with pytest.raises(SourceMissing):
        next(box.source(mailbox="../users/ada@agency.example").items({}))


# --- cursors ---------------------------------------------------------------------------------------


def test_a_run_with_nothing_new_offers_nothing_and_asks_for_twenty_folders_at_once(box: GraphBox) -> None:
    box.fill(Mail(f"Folder {number}", letter(number)) for number in range(30))
    items = list(box.source().items({}))
    box.server.asked.clear()
    assert list(box.source().items(cursors_of(items))) == []
    assert box.server.count(r"messages/delta") == 30
    assert box.server.count(r"\$batch") <= 9
    assert box.server.count(r"^GET") - 30 <= 60
    assert box.server.count(r"\$value") == 0


def test_what_came_later_is_offered_and_what_was_removed_is_not(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number)) for number in (1, 2, 3))
    cursors = cursors_of(list(box.source().items({})))
    gone = box.mailbox.add("INBOX", letter(4))
    box.mailbox.remove(gone)
    box.fill([Mail("INBOX", letter(5)), Mail("Sent", letter(6))])
    later = list(box.source().items(cursors))
    assert [item.raw for item in messages_in(later)] == [letter(5), letter(6)]
    assert list(box.source().items(cursors | cursors_of(later))) == []


def test_a_long_folder_is_gone_on_with_where_a_run_was_stopped(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60, str(number))) for number in range(1000))
    seen: list[OfferedMessage] = []
    items = box.source().items({})
    while not cursors_of(seen):
        seen.append(next(items))  # type: ignore[arg-type]
    items.close()  # type: ignore[attr-defined]
    assert len(seen) == 200
    rest = messages_in(list(box.source().items(cursors_of(seen))))
    assert [item.raw for item in [*seen, *rest]] == [one.raw for one in box.mailbox.messages.values()]


def test_the_last_item_carries_the_end_of_the_folder_also_where_the_last_page_is_empty(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number)) for number in range(4))
    cursors = cursors_of(list(box.source().items({})))
    box.server.page_most = 3
    added = [box.mailbox.add("INBOX", letter(number)) for number in range(10, 16)]
    for message in added[3:]:
        box.mailbox.remove(message)
        box.mailbox.changes.append((message.folder_id, message.id))
    later = list(box.source().items(cursors))
    assert len(later) == 3
    assert " whole " in cursors_of(later)[box.mailbox.folder("INBOX").id]


def test_a_cursor_that_is_none_of_ours_reads_the_folder_anew(box: GraphBox) -> None:
    box.fill([Mail("INBOX", letter(1))])
    for text in (
        "",
        "7:12",
        "12 whole https://elsewhere.example/v1.0/users/x",
        "x whole /v1.0/users",
        "1 whole /v1.0/users/none/x",
    ):
        assert len(list(box.source().items({box.mailbox.folder("INBOX").id: text}))) == 1


def test_a_mailbox_that_has_mail_and_shows_nothing_new_is_not_empty(box: GraphBox) -> None:
    box.fill([Mail("Drafts", letter(1))])
    items = list(box.source().items({}))
    assert [item.code for item in refused_in(items)] == ["folder_drafts"]
    assert list(box.source().items(cursors_of(items))) == []
