"""What every CheckableSource promises. Run by the fake and by each real source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from capstone.domain.errors import NoMailFound, SourceMissing
from capstone.domain.message import ItemState, OfferedItem, OfferedMessage, Place, RefusedItem
from capstone.ports import CheckableSource
from tests.fakes.mail_source import Mail


def letter(number: int, body: str = "Good day.") -> bytes:
    """An invented message with CRLF line ends, as every server takes and gives it back."""
    return (
        f"From: Ada Example <ada@agency.example>\r\nTo: Ben Example <ben@agency.example>\r\nSubject: Note {number}\r\n"
        f"Date: Thu, 2 Jan 2020 10:00:{number:02} +0000\r\nMessage-ID: <{number}@agency.example>\r\n\r\n{body}\r\n"
    ).encode()


MAILS = (
    Mail("INBOX", letter(1)),
    Mail("INBOX", letter(2, "From here on it is body.\r\n\r\nFrom the top, then.")),
    Mail("INBOX", letter(3, "Blank lines at the end stay.\r\n\r\n\r\n")),
    Mail("Projects/Alpha", letter(4)),
    Mail("Sent", letter(5)),
    Mail("Junk", letter(6)),
    Mail("Deleted Items", letter(7)),
    Mail("INBOX", letter(1)),
)
"""The last repeats the first: the same bytes in two places are two items."""


def place_of(item: OfferedItem) -> Place:
    return item.place if isinstance(item, RefusedItem) else item.occurrence.place


def messages(source: CheckableSource, cursors: dict[str, str] | None = None) -> list[OfferedMessage]:
    return [item for item in source.items(cursors or {}) if isinstance(item, OfferedMessage)]


class MailSourceContract:
    """Subclass it and give the four sources; `traces` gives what must be the same before and after reading."""

    keeps_cursors = True

    def source_with(self, mails: Sequence[Mail]) -> CheckableSource:
        raise NotImplementedError

    def emptied_source(self) -> CheckableSource:
        """The source of the last `source_with`, all of whose mail was taken away since."""
        raise NotImplementedError

    def missing_source(self) -> CheckableSource:
        raise NotImplementedError

    def traces(self) -> object:
        raise NotImplementedError

    def test_every_message_is_offered_once_with_its_exact_bytes(self) -> None:
        source = self.source_with(MAILS)
        offered = [item.raw for item in messages(source)]
        assert sorted(offered) == sorted(mail.raw for mail in MAILS)

    def test_no_two_items_have_the_same_place(self) -> None:
        places = [place_of(item) for item in self.source_with(MAILS).items({})]
        assert len(set(places)) == len(places) == len(MAILS)

    def test_every_place_names_its_source_and_folder(self) -> None:
        source = self.source_with(MAILS)
        found = sorted((item.occurrence.place.source, item.occurrence.place.folder, item.raw) for item in messages(source))
        assert found == sorted((source.name, mail.folder, mail.raw) for mail in MAILS)

    def test_only_mail_in_a_sent_folder_is_sent(self) -> None:
        assert {item.occurrence.place.folder for item in messages(self.source_with(MAILS)) if item.occurrence.is_sent} == {"Sent"}

    def test_items_are_streamed(self) -> None:
        items = self.source_with(MAILS).items({})
        assert isinstance(items, Iterator)
        assert isinstance(next(items), OfferedMessage)

    def test_a_second_pass_offers_the_same_in_the_same_order(self) -> None:
        source = self.source_with(MAILS)
        first, second = messages(source), messages(source)
        assert [item.occurrence for item in first] == [item.occurrence for item in second]
        assert not source.gives_same_bytes or [item.raw for item in first] == [item.raw for item in second]

    def test_places_are_those_of_the_messages(self) -> None:
        source = self.source_with((*MAILS, Mail("Drafts", letter(8))))
        assert sorted(source.places(), key=str) == sorted((item.occurrence.place for item in messages(source)), key=str)

    def test_after_any_item_the_cursors_leave_out_nothing_that_came_later(self) -> None:
        source = self.source_with(MAILS)
        offered = messages(source)
        cursors: dict[str, str] = {}
        for number, item in enumerate(offered, 1):
            cursors.update([item.cursor] if item.cursor else [])
            again = [later.occurrence.place for later in messages(source, cursors)]
            assert {later.occurrence.place for later in offered[number:]} <= set(again)
            assert len(set(again)) == len(again)

    def test_folders_of_the_policy_are_counted_item_by_item_and_never_offered(self) -> None:
        left_out = {
            "Drafts": "folder_drafts",
            "Outbox": "folder_outbox",
            "RSS Feeds": "folder_rss",
            "Sync Issues": "folder_sync_issues",
        }
        mails = [Mail(folder, letter(number)) for number in (1, 2) for folder in left_out]
        items = list(self.source_with([Mail("INBOX", letter(9)), *mails]).items({}))
        refused = [item for item in items if isinstance(item, RefusedItem)]
        assert len(items) - len(refused) == 1
        assert {item.state for item in refused} == {ItemState.EXCLUDED}
        assert sorted((item.place.folder, item.code) for item in refused) == sorted([*left_out.items()] * 2)

    def test_reading_changes_nothing_at_the_source(self) -> None:
        source = self.source_with(MAILS)
        before = self.traces()
        list(source.items({}))
        list(source.places())
        assert self.traces() == before

    def test_a_check_counts_what_is_offered_and_changes_nothing(self) -> None:
        source = self.source_with((*MAILS, Mail("Drafts", letter(8)), Mail("Drafts", letter(9))))
        before = self.traces()
        seen = source.check()
        assert self.traces() == before
        counted = {(folder.path, folder.left_out_by): folder.messages for folder in seen.folders if folder.messages}
        items = list(source.items({}))
        assert counted == Counter((place_of(item).folder, getattr(item, "code", None)) for item in items)
        assert sum(folder.messages for folder in seen.folders if folder.left_out_by == "folder_drafts") == 2
        assert not seen.missing_rights

    def test_a_plain_mailbox_has_nothing_to_note(self) -> None:
        source = self.source_with(MAILS)
        assert len(list(source.items({}))) == len(MAILS)
        assert list(source.notes()) == []

    def test_a_check_of_a_missing_source_is_an_error(self) -> None:
        with pytest.raises(SourceMissing):
            self.missing_source().check()

    def test_a_missing_source_is_an_error_before_any_item(self) -> None:
        with pytest.raises(SourceMissing):
            next(self.missing_source().items({}))

    def test_a_source_without_any_item_is_an_error(self) -> None:
        with pytest.raises(NoMailFound):
            list(self.source_with([]).items({}))

    def test_a_source_that_was_read_before_and_is_empty_now_offers_nothing(self) -> None:
        cursors = dict(item.cursor for item in self.source_with(MAILS).items({}) if item.cursor)
        assert bool(cursors) == self.keeps_cursors
        source = self.emptied_source()
        if self.keeps_cursors:
            assert list(source.items(cursors)) == []
        with pytest.raises(NoMailFound):
            list(source.items({}))
