"""What a source could not reach is told to those who come later: in status, in every search, and to nobody who may not see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from capstone.cli.capturing import print_status
from capstone.cli.reading import print_hits
from capstone.domain.access import Person
from capstone.domain.coverage import GAPS, PLAIN, is_gap, what_is_lacking
from capstone.domain.errors import SourceUnavailable
from capstone.domain.message import ItemState, SourceNote
from capstone.usecases.capture import capture_source
from capstone.usecases.quarantine import retry_quarantine
from capstone.usecases.search import Answer, search
from capstone.usecases.status import Status, status
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, MemoryArchive, a_message
from tests.unit.test_capture import ListSource, offered

ROOT = Path(__file__).parents[2]
LIAISON = Person("lee", offices=frozenset({("records_liaison_officer", "Office of Counsel")}))
ARCHIVE = SourceNote("archive_mailbox_not_offered", "In-Place Archive", "The server does not tell or show it (403).")
FOLDER = SourceNote("folder_not_shown", "Inbox/Merger with Examples Inc", "The server does not show it.")
TRANSLATED = SourceNote("ids_not_translated", "", "Its items are read once more.")
HURT_PST = SourceNote("container", "/mnt/merger.pst", "", {"expected": 3, "emitted": 1, "unrecovered": 2})


@pytest.fixture
def archive() -> MemoryArchive:
    return MemoryArchive(
        a_designation(), a_designation("8", account="counsel", office="Office of Counsel", official="Cy Vale", position="Counsel")
    )


def captured(
    archive: MemoryArchive, *notes: SourceNote, account: str = "director", name: str = "box-365", then: Exception | None = None
) -> None:
    source = ListSource(offered(a_message()), name=name, then=then)
    source.noted = notes
    archive.capture(source, account)


def answer_to(archive: MemoryArchive, viewer: Person = OFFICER) -> Answer:
    return search(archive.reading, viewer, "*", 10)


def gaps_told(archive: MemoryArchive, viewer: Person = OFFICER) -> object:
    return answer_to(archive, viewer).coverage()["gaps"]


def status_of(archive: MemoryArchive) -> Status:
    return status(archive.ledger.records, archive.ledger.register, archive.ledger.outbox)


# --- which notes are gaps --------------------------------------------------------------------------


def test_every_code_that_a_source_may_tell_is_a_gap_or_plain_and_in_the_glossary() -> None:
    program = [path.read_text() for folder in ("capstone/bootstrap", "connectors") for path in (ROOT / folder).rglob("*.py")]
    told = re.compile(r'(?:SourceNote\(|_gap\(|_Part\([^)]*|POINTER = )"(\w+)"')
    codes = {code for text in program for code in told.findall(text)} | {"container"}
    assert codes == {*GAPS, *PLAIN}
    glossary = (ROOT / "docs/glossary.md").read_text()
    assert [code for code in (*GAPS, *PLAIN) if f"`{code}`" not in glossary] == []
    assert not set(GAPS) & PLAIN


def test_a_container_is_a_gap_where_items_in_it_could_not_be_read() -> None:
    assert is_gap("container", {"expected": 2, "unrecovered": 1})
    assert not is_gap("container", {"expected": 2, "unrecovered": 0})
    assert not is_gap("container", {})


def test_a_code_that_nobody_knows_is_a_gap() -> None:
    assert is_gap("of_a_later_release", {})
    assert what_is_lacking("of_a_later_release") == "a part of the source"


def test_a_check_that_counts_what_no_run_would_archive_goes_by_what_would_become_of_it() -> None:
    assert not SourceNote("not_mail", "a.csv", refused_as=ItemState.EXCLUDED).is_gap
    assert SourceNote("container_unreadable", "a.pst", refused_as=ItemState.QUARANTINED).is_gap


# --- search ----------------------------------------------------------------------------------------


def test_a_search_tells_the_gaps_in_words_that_name_no_folder_and_no_file(archive: MemoryArchive) -> None:
    captured(archive, ARCHIVE, FOLDER, SourceNote("folder_not_shown", "Sent/Merger"), TRANSLATED)
    captured(archive, HURT_PST, name="files")
    assert gaps_told(archive) == [
        {
            "account": "director", "source": "box-365", "code": "archive_mailbox_not_offered",
            "where": "in-place archive", "places": 1,
        },
        {
            "account": "director", "source": "box-365", "code": "folder_not_shown",
            "where": "a folder that the server does not show", "places": 2,
        },
        {"account": "director", "source": "files", "code": "container", "where": "items of a container", "places": 1},
    ]  # fmt: skip
    assert "erger" not in str(answer_to(archive).coverage())


def test_a_viewer_is_told_of_no_account_that_the_viewer_may_not_see(archive: MemoryArchive) -> None:
    captured(archive, ARCHIVE, FOLDER)
    assert gaps_told(archive, LIAISON) == []
    captured(archive, ARCHIVE, account="counsel")
    assert [gap["account"] for gap in gaps_told(archive, LIAISON)] == ["counsel"]  # type: ignore[attr-defined]


def test_a_search_asks_the_ledger_for_gaps_once(archive: MemoryArchive) -> None:
    for account in ("director", "counsel"):
        captured(archive, ARCHIVE, account=account)
    asked: list[str] = []
    inner = archive.ledger.records

    class Counted:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            return getattr(inner, name)

    archive.ledger.records = Counted()
    assert len(answer_to(archive).gaps) == 2
    assert asked == ["gaps"]


def test_people_read_the_gaps_below_the_hits(archive: MemoryArchive, capsys: pytest.CaptureFixture[str]) -> None:
    captured(archive, ARCHIVE, FOLDER, SourceNote("folder_not_shown", "Sent"))
    print_hits(answer_to(archive))
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Not in the archive: director: in-place archive (source box-365)",
        "Not in the archive: director: a folder that the server does not show, 2 times (source box-365)",
    ]


def test_very_many_gaps_are_counted_for_people(archive: MemoryArchive, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(13):
        captured(archive, ARCHIVE, name=f"box-{number:02}")
    print_hits(answer_to(archive))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "Not in the archive: director: in-place archive (source box-09)",
        "Not in the archive: 3 more; 'capstone search --json' names them all.",
    ]


# --- status ----------------------------------------------------------------------------------------


def test_status_shows_what_each_source_could_not_reach(archive: MemoryArchive, capsys: pytest.CaptureFixture[str]) -> None:
    captured(archive, TRANSLATED)
    assert status_of(archive).as_dict()["gaps"] == []
    print_status(status_of(archive))
    assert "Not in the archive: no gap is known" in capsys.readouterr().out
    captured(archive, FOLDER, TRANSLATED)
    found = status_of(archive)
    assert found.as_dict()["gaps"] == [
        {
            "account": "director", "source": "box-365", "run": found.runs[0].run_id, "what": GAPS["folder_not_shown"],
            **FOLDER.as_dict(),
        }
    ]  # fmt: skip
    print_status(found)
    told = capsys.readouterr().out
    assert "a folder that the server does not show" in told
    assert "Inbox/Merger with Examples Inc" in told


# --- until when ------------------------------------------------------------------------------------


def test_a_gap_is_closed_by_the_next_run_that_reaches_it(archive: MemoryArchive) -> None:
    captured(archive, ARCHIVE)
    captured(archive)
    assert gaps_told(archive) == []


def test_a_run_that_failed_closes_no_gap(archive: MemoryArchive) -> None:
    captured(archive, ARCHIVE)
    captured(archive, FOLDER, then=SourceUnavailable("down"))
    assert [gap.note.code for gap in status_of(archive).gaps] == ["archive_mailbox_not_offered", "folder_not_shown"]


def test_a_run_of_a_part_of_a_source_closes_no_gap(archive: MemoryArchive) -> None:
    captured(archive, ARCHIVE)
    archive.clock.move(minutes=1)
    capture_source(archive.capturing, "director", ListSource(offered(b"Subject: a\n\n"), name="box-365"), is_whole=False)
    assert [gap.note for gap in status_of(archive).gaps] == [ARCHIVE]


def test_a_retry_of_quarantine_closes_no_gap_and_names_what_it_read_by_its_place(archive: MemoryArchive) -> None:
    source = ListSource(offered(b"", "/mnt/merger.pst"), name="box-365")
    source.noted = (ARCHIVE,)
    archive.capture(source)
    archive.clock.move(minutes=1)
    again = ListSource(offered(a_message()), name="box-365")
    again.noted = (SourceNote("container", "scratch/0123.pst", "", {"unrecovered": 1}),)
    [_] = retry_quarantine(archive.reading, archive.capturing, OFFICER, lambda *_: again, lambda *_: [])
    [kept] = archive.ledger.records.quarantine()
    assert [(gap.note.code, gap.note.where) for gap in status_of(archive).gaps] == [
        ("archive_mailbox_not_offered", "In-Place Archive"),
        ("container", kept.item_id),
    ]
