"""What a check of a source says, and how long it says that a capture takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from capstone.domain.message import SourceNote
from capstone.ports import FolderSeen, Run, SourceCheck
from capstone.usecases.source_checks import CheckedSource, ConfiguredSource, checked
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import FakeMailSource, Mail

MAIL = ConfiguredSource("mail", "director", "imap", "mail.agency.example:993")
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Told(FakeMailSource):
    """A source whose check says what it is given."""

    def __init__(self, *folders: FolderSeen, missing_rights: tuple[str, ...] = (), notes: tuple[SourceNote, ...] = ()) -> None:
        super().__init__("mail", [])
        self._told = SourceCheck(folders, missing_rights, notes)

    def check(self) -> SourceCheck:
        return self._told


def run(offered: int, seconds: float | None, source: str = "mail") -> Run:
    ended = None if seconds is None else START + timedelta(seconds=seconds)
    return Run("r", "director", source, START, ended, "complete", None, {"archived": offered, "excluded": 0})


def seen(source: FakeMailSource, *runs: Run) -> CheckedSource:
    return checked(MAIL, lambda: source, runs)


def test_counts_are_sums_and_what_is_left_out_is_counted_in_both() -> None:
    source = FakeMailSource("mail", [Mail(folder, letter(1)) for folder in ("INBOX", "INBOX", "Drafts")])
    told = seen(source).as_dict()
    assert (told["messages"], told["left_out"], told["error"]) == (3, 1, None)
    assert [(one["path"], one["messages"], one["left_out_by"]) for one in told["folders"]] == [  # type: ignore[attr-defined]
        ("Drafts", 1, "folder_drafts"), ("INBOX", 2, None),
    ]  # fmt: skip


def test_time_comes_from_the_largest_run_of_that_source_and_leaves_out_what_is_not_read() -> None:
    source = Told(FolderSeen("INBOX", 1000, 10), FolderSeen("Drafts", 9000, 10, "folder_drafts"))
    found = seen(source, run(1, 5), run(500, 50), run(90_000, 1, "another"), run(70_000, None))
    assert (found.seconds, found.seconds_from) == (100, "earlier runs")


def test_without_an_earlier_run_time_is_a_rough_figure_from_the_size() -> None:
    found = seen(Told(FolderSeen("INBOX", 1000, 50_000_001), FolderSeen("Empty", 0)))
    assert (found.size_bytes, found.seconds, found.seconds_from) == (50_000_001, 11, "size")


def test_time_is_unknown_where_neither_run_nor_size_is_known() -> None:
    found = seen(Told(FolderSeen("INBOX", 1000), FolderSeen("Sent", 5, 7)), run(0, 3))
    assert (found.size_bytes, found.seconds, found.seconds_from) == (None, None, None)


def test_a_source_that_is_missing_is_told_and_not_ready() -> None:
    found = seen(FakeMailSource("mail", [], is_missing=True))
    assert not found.is_ready
    assert found.as_dict()["error"] == {
        "code": "E102",
        "message": "The mailbox does not exist.",
        "next": "Check the path and its permissions.",
    }


def test_a_source_that_lacks_a_right_is_not_ready_and_a_gap_is_told() -> None:
    note = SourceNote("archive_mailbox_not_offered", "archive", "The tenant does not answer.")
    assert seen(Told(FolderSeen("INBOX", 1), notes=(note,))).is_ready
    found = seen(Told(FolderSeen("INBOX", 1), missing_rights=("Ask for Mail.Read.",), notes=(note,)))
    assert not found.is_ready
    assert found.as_dict()["missing_rights"] == ["Ask for Mail.Read."]
    assert found.as_dict()["notes"] == [
        {
            "code": "archive_mailbox_not_offered", "where": "archive", "reason": "The tenant does not answer.", "counts": {},
            "is_gap": True,
        }
    ]  # fmt: skip


def test_a_configured_source_is_told_by_its_names() -> None:
    told = ConfiguredSource("box", "director", "imap", "mail.agency.example:993").as_dict()
    assert told == {"source": "box", "account": "director", "kind": "imap", "where": "mail.agency.example:993"}
