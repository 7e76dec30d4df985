"""The parts of a mailbox in Microsoft 365 beside its own tree, and items that Exchange Web Services captured before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from capstone.domain.errors import ServerBusy, SourceUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.message import HeldItem
from connectors.mailboxes.graph.items import LISTED
from tests.adapters.graph_boxes import ADDRESS, GraphBox, cursors_of, held_in, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([Mail("INBOX", letter(1))])
    return made


# --- Recoverable Items -----------------------------------------------------------------------------

KEPT = ("Deletions", "DiscoveryHolds", "Purges", "SubstrateHolds", "Versions")


def test_what_was_deleted_and_is_not_gone_is_read(box: GraphBox) -> None:
    box.fill(Mail(f"Recoverable Items/{name}", letter(number)) for number, name in enumerate(KEPT, 10))
    source = box.source()
    items = messages_in(list(source.items({})))
    assert [item.occurrence.place.folder for item in items] == ["INBOX", *(f"Recoverable Items/{name}" for name in KEPT)]
    assert [item.raw for item in items[1:]] == [letter(number) for number in range(10, 15)]
    assert list(source.notes()) == []


def test_recoverable_items_are_left_alone_where_the_setting_says_so(box: GraphBox) -> None:
    box.fill([Mail("Recoverable Items/Deletions", letter(9))])
    source = box.source(recoverable=False)
    assert [item.raw for item in messages_in(list(source.items({})))] == [letter(1)]
    assert box.server.count("recoverableitems") == 0


def test_recoverable_items_whose_root_is_not_shown_are_found_by_name_and_the_gap_is_told(box: GraphBox) -> None:
    box.fill(Mail(f"Recoverable Items/{name}", letter(number)) for number, name in enumerate(KEPT, 10))
    box.server.fail(r"recoverableitemsroot", times=None, status=403, code="ErrorAccessDenied")
    source = box.source()
    found = [item.occurrence.place.folder for item in messages_in(list(source.items({})))]
    assert found == ["INBOX", *(f"Recoverable Items/{name}" for name in KEPT if name != "SubstrateHolds")]
    (note,) = source.notes()
    assert (note.code, note.where, note.is_gap) == ("recoverable_items_not_readable", "Recoverable Items", True)
    assert "ErrorAccessDenied" in note.reason


def test_a_mailbox_that_has_no_recoverable_items_has_no_gap(box: GraphBox) -> None:
    box.server.fail(r"recoverableitems", times=None, status=404, code="ErrorItemNotFound")
    source = box.source()
    assert len(list(source.items({}))) == 1
    assert list(source.notes()) == []


def test_a_root_of_recoverable_items_that_is_not_found_while_they_are_there_is_a_gap(box: GraphBox) -> None:
    box.fill([Mail("Recoverable Items/Deletions", letter(9))])
    box.server.fail(r"recoverableitemsroot", times=None, status=404, code="ErrorItemNotFound")
    source = box.source()
    assert len(list(source.items({}))) == 2
    assert [note.code for note in source.notes()] == ["recoverable_items_not_readable"]


# --- the in-place archive --------------------------------------------------------------------------


def test_the_in_place_archive_is_read_as_the_mailbox_is(box: GraphBox) -> None:
    archive = box.server.archive_of(ADDRESS)
    for path, number in (("Old/2009", 2), ("Sent Items", 3), ("Drafts", 4), ("Recoverable Items/Purges", 5)):
        archive.add(path, letter(number))
    source = box.source()
    items = list(source.items({}))
    offered = {item.occurrence.place.folder: (item.raw, item.occurrence.is_sent) for item in messages_in(items)}
    assert offered == {
        "INBOX": (letter(1), False),
        "In-Place Archive/Old/2009": (letter(2), False),
        "In-Place Archive/Sent Items": (letter(3), True),
        "In-Place Archive/Recoverable Items/Purges": (letter(5), False),
    }
    assert len(items) == 5
    assert list(source.notes()) == []
    assert list(box.source().items(cursors_of(items))) == []
    assert len(list(box.source().places())) == 4


def test_a_user_without_an_archive_has_no_gap(box: GraphBox) -> None:
    source = box.source()
    list(source.items({}))
    assert list(source.notes()) == []
    assert box.server.count(r"GET /beta/users/ada@agency\.example/settings/exchange") == 1


@pytest.mark.parametrize(
    ("status", "code"), [(403, "Authorization_RequestDenied"), (404, "ResourceNotFound"), (501, "NotImplemented")]
)
def test_an_archive_that_the_tenant_does_not_tell_of_is_a_gap(box: GraphBox, status: int, code: str) -> None:
    box.server.fail(r"settings/exchange", times=None, status=status, code=code)
    source = box.source()
    assert len(list(source.items({}))) == 1
    (note,) = source.notes()
    assert (note.code, note.where, note.is_gap) == ("archive_mailbox_not_offered", "In-Place Archive", True)


def test_an_archive_that_is_told_of_and_not_shown_is_a_gap(box: GraphBox) -> None:
    box.server.archive_of(ADDRESS).add("Old", letter(2))
    box.server.fail(r"MBX:", times=None, status=404, code="ErrorInvalidUser")
    source = box.source()
    assert len(list(source.items({}))) == 1
    assert [note.code for note in source.notes()] == ["archive_mailbox_not_offered"]


def test_an_archive_is_not_asked_for_where_the_setting_says_so(box: GraphBox) -> None:
    box.server.archive_of(ADDRESS).add("Old", letter(2))
    source = box.source(archive=False)
    assert len(list(source.items({}))) == 1
    assert box.server.count("settings/exchange|MBX") == 0
    assert list(source.notes()) == []


def test_a_folder_of_the_archive_that_lies_in_another_mailbox_is_followed_there(box: GraphBox) -> None:
    """/graph/handle-archive-mailbox-redirects: 308 with the address of the auxiliary archive."""
    archive = box.server.archive_of(ADDRESS)
    message = archive.add("Old", letter(2))
    where = f"{box.server.url}/v1.0/users/{archive.address}/messages/{message.id}/$value?auxiliary"
    box.server.fail(rf"{message.id}/\$value$", times=None, status=308, headers={"Location": where})
    assert [item.raw for item in messages_in(list(box.source().items({})))] == [letter(1), letter(2)]


def test_what_another_mailbox_of_the_archive_lists_is_asked_for_there(box: GraphBox) -> None:
    """The folder stands in the archive, its contents in an auxiliary one: /graph/handle-archive-mailbox-redirects."""
    archive, auxiliary = box.server.archive_of(ADDRESS), box.server.mailbox("MBX:auxiliary@" + TENANT)
    archive.add("Old", letter(60))
    expected = [letter(number % 60, str(number)) for number in range(2, 250)]
    for raw in expected:
        auxiliary.add("Old", raw)
    auxiliary.add("Old/Below", letter(59))
    here, there = (f"/v1.0/users/{one.address}/mailFolders/{one.folder('Old').id}" for one in (archive, auxiliary))
    for what in (f"messages/delta?{LISTED}", "childFolders?includeHiddenFolders=true&$top=100"):
        location = {"Location": f"{box.server.url}{there}/{what}"}
        box.server.fail(f"^{here}/{what.partition('?')[0]}", times=None, status=308, headers=location)
    source = box.source()
    items = list(source.items({}))
    assert [item.raw for item in messages_in(items)] == [letter(1), *expected, letter(59)]
    assert refused_in(items) == []
    assert list(source.notes()) == []
    auxiliary.add("Old", letter(58))
    assert [item.raw for item in messages_in(list(box.source().items(cursors_of(items))))] == [letter(58)]


def test_a_redirect_to_another_host_gets_no_token(box: GraphBox) -> None:
    where = "https://graph.elsewhere.example/v1.0/users/ada@agency.example/mailFolders?includeHiddenFolders=true&$top=99"
    box.server.fail(r"mailFolders\?.*top=100", times=None, status=302, headers={"Location": where})
    assert len(list(box.source().items({}))) == 1
    assert box.server.count(r"top=99") == 1


# --- from EWS to Graph -----------------------------------------------------------------------------


class Archive:
    """What an archive answers that captured some items by EWS."""

    def __init__(self, identities: Mapping[str, tuple[str, ...]]) -> None:
        self.identities, self.asked = identities, list[str]()

    def __call__(self, asked: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        self.asked += asked
        return {one: self.identities[one] for one in asked if one in self.identities}


def test_what_exchange_web_services_captured_is_not_captured_twice(box: GraphBox) -> None:
    message = next(iter(box.mailbox.messages.values()))
    box.fill([Mail("INBOX", letter(2))])
    held = Archive({f"ews:{message.ews_id}": ("first", "second")})
    first, second = list(box.source(held=held).items({}))
    assert isinstance(first, HeldItem)
    assert (first.digest, first.occurrence.identity, first.occurrence.place.item_id) == (
        "second",
        f"graph:{message.id}",
        message.id,
    )
    assert [item.raw for item in messages_in([second])] == [letter(2)]
    assert message.fetches == 0
    assert list(box.source(held=held).items(cursors_of([first, second]))) == []


def test_a_draft_that_was_captured_before_is_read_again(box: GraphBox) -> None:
    message = box.mailbox.add("INBOX", letter(2), {"isDraft": True})
    items = list(box.source(held=Archive({f"ews:{message.ews_id}": ("first",)})).items({}))
    assert held_in(items) == []
    assert len(messages_in(items)) == 2


def test_where_ids_are_not_translated_everything_is_read(box: GraphBox) -> None:
    message = next(iter(box.mailbox.messages.values()))
    box.fill([Mail("INBOX", letter(2)), Mail("Projects", letter(3))])
    box.server.fail("translateExchangeIds", times=None, status=403, code="Authorization_RequestDenied")
    items = list(box.source(held=Archive({f"ews:{message.ews_id}": ("first",)})).items({}))
    assert [digest_of(item.raw) for item in messages_in(items)] == [digest_of(letter(number)) for number in (1, 2, 3)]
    assert box.server.count("translateExchangeIds") == 1


@pytest.mark.parametrize("refusal", [400, 403, 404, 405, 501])
def test_ids_that_are_not_translated_are_noted_and_a_busy_server_ends_the_run(box: GraphBox, refusal: int) -> None:
    source = box.source(held=Archive({}))
    box.server.fail("translateExchangeIds", times=None, status=refusal, code="ErrorAccessDenied")
    assert len(list(source.items({}))) == 1
    assert [(note.code, note.is_gap) for note in source.notes()] == [("ids_not_translated", False)]
    for status, error in ((429, ServerBusy), (503, SourceUnavailable)):
        box.server.mend()
        box.server.fail("translateExchangeIds", times=None, status=status)
        with pytest.raises(error, match=str(status)):
            list(source.items({}))


def test_what_was_edited_after_exchange_web_services_captured_it_is_read(box: GraphBox) -> None:
    message = box.mailbox.add("INBOX", letter(2))
    box.mailbox.now += timedelta(hours=1)
    box.mailbox.change(message, letter(9))
    items = list(box.source(held=Archive({f"ews:{message.ews_id}": ("first",)})).items({}))
    assert held_in(items) == []
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(9)]


def test_ids_are_translated_a_page_at_a_time_and_only_where_the_archive_holds_anything(box: GraphBox) -> None:
    box.fill(Mail("INBOX", letter(number % 60)) for number in range(450))
    held = Archive({})
    assert len(list(box.source(held=held).items({}))) == 451
    assert box.server.count("translateExchangeIds") == 3
    assert len(held.asked) == 2 * 451
    box.server.asked.clear()
    list(box.source().items({}))
    assert box.server.count("translateExchangeIds") == 0


def test_a_change_after_the_move_is_seen(box: GraphBox) -> None:
    message = next(iter(box.mailbox.messages.values()))
    ews = {f"ews:{message.ews_id}": ("first",)}
    (first,) = box.source(held=Archive(ews)).items({})
    box.mailbox.now += timedelta(days=1)
    box.mailbox.change(message, letter(9))
    both = Archive(ews | {f"graph:{message.id}": ("first",)})
    assert [item.raw for item in messages_in(list(box.source(held=both).items(cursors_of([first]))))] == [letter(9)]
