"""Search, show, explain, export, quarantine: for a viewer only, within the viewer's scope, and noted in the audit chain."""

from __future__ import annotations

import contextlib
import csv
import io
import mailbox
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capstone.domain.access import Person
from capstone.domain.errors import (
    BadQuery,
    FixityMismatch,
    IndexUnavailable,
    NotAllowed,
    ObjectMissing,
    OutputExists,
    StoreUnavailable,
    UnknownRecord,
)
from capstone.domain.fixity import digest_of
from capstone.domain.layout import NO_ACCOUNT, quarantine_key, record_key
from capstone.domain.message import ItemState, Place, RefusedItem
from capstone.domain.query import Hit
from capstone.domain.register_facts import RegisterDecision
from capstone.ports import Quarantined
from capstone.usecases import export as exporting
from capstone.usecases.capture import RunReport
from capstone.usecases.export import export
from capstone.usecases.quarantine import OfferedAgain, list_quarantine, retry_quarantine, show_quarantined
from capstone.usecases.receiving import Receiving
from capstone.usecases.search import explain, search, show
from capstone.usecases.status import overview, status
from tests.builders import a_designation
from tests.fakes.archive import OFFICER, MemoryArchive, a_message, in_inbox
from tests.fakes.export_target import MemoryExport
from tests.fakes.list_source import ListSource, refused
from tests.fakes.mail_source import FakeMailSource
from tests.fakes.search_index import FakeSearchIndex

OPERATOR = Person("otto", frozenset({"system_operator"}))
LIAISON = Person("lee", offices=frozenset({("records_liaison_officer", "Office of Counsel")}))
BUDGET, TRAVEL, COUNSEL = a_message("Budget"), a_message("Travel"), a_message("Counsel")
FROM_LINES = a_message("Lines") + b"From here on\r\n>From there on\r\n"


@pytest.fixture
def archive() -> MemoryArchive:
    made = MemoryArchive(
        a_designation(), a_designation("8", account="counsel", office="Office of Counsel", official="Cy Vale", position="Counsel")
    )
    made.capture(FakeMailSource("mailbox", in_inbox(BUDGET, TRAVEL, FROM_LINES)))
    made.capture(FakeMailSource("counsel-mailbox", in_inbox(COUNSEL)), "counsel")
    made.index_pending()
    return made


def events(archive: MemoryArchive) -> list[str]:
    return [entry.event for entry in archive.ledger.audit.entries()]


def test_a_search_finds_counts_and_says_how_complete_it_is(archive: MemoryArchive) -> None:
    answer = search(archive.reading, OFFICER, "subject:budget", 10)
    assert [hit.subject for hit in answer.page.hits] == ["Budget"]
    assert answer.coverage() == {"indexed": 4, "not_yet_indexed": 0, "not_fully_searchable": {}, "gaps": []}
    assert events(archive)[-1] == "search"


def test_a_viewer_of_one_office_sees_and_counts_that_office_only(archive: MemoryArchive) -> None:
    answer = search(archive.reading, LIAISON, "*", 10)
    assert [hit.account for hit in answer.page.hits] == ["counsel"]
    assert (answer.page.total, answer.page.indexed) == (1, 1)


def test_what_is_not_yet_indexed_is_counted_within_the_scope_only(archive: MemoryArchive) -> None:
    archive.capture(FakeMailSource("mailbox", in_inbox(BUDGET, TRAVEL, FROM_LINES, a_message("New"))))
    assert search(archive.reading, OFFICER, "*", 10).pending == 1
    assert search(archive.reading, LIAISON, "*", 10).pending == 0
    archive.capture(FakeMailSource("counsel-mailbox", in_inbox(COUNSEL, a_message("Newer"))), "counsel")
    assert search(archive.reading, LIAISON, "*", 10).pending == 1


@pytest.mark.parametrize("person", [OPERATOR, Person("nobody")])
def test_without_a_reading_role_there_is_no_search_show_or_export(archive: MemoryArchive, person: Person) -> None:
    record_id = archive.record_ids()[0]
    for ask in (
        lambda: search(archive.reading, person, "*", 1),
        lambda: show(archive.reading, person, record_id),
        lambda: explain(archive.reading, person, record_id, archive.rules),
        lambda: export(archive.reading, person, "*", MemoryExport(), "eml"),
        lambda: list_quarantine(archive.reading, person),
    ):
        with pytest.raises(NotAllowed):
            ask()


def test_a_bad_query_is_named_before_anything_is_written(archive: MemoryArchive) -> None:
    target = MemoryExport()
    with pytest.raises(BadQuery):
        export(archive.reading, OFFICER, "colour:blue", target, "eml")
    assert target.files == {}


def test_a_record_is_shown_with_its_exact_bytes_and_the_view_is_noted(archive: MemoryArchive) -> None:
    shown = show(archive.reading, OFFICER, f"director/{digest_of(BUDGET)}")
    assert (shown.raw, shown.facts.subject) == (BUDGET, "Budget")
    assert events(archive)[-1] == "view"


def test_a_record_whose_stored_bytes_were_altered_is_not_shown(archive: MemoryArchive) -> None:
    archive.store.raw[record_key("director", digest_of(BUDGET))] = BUDGET.replace(b"Budget", b"Gadget")
    with pytest.raises(FixityMismatch):
        show(archive.reading, OFFICER, f"director/{digest_of(BUDGET)}")


@pytest.mark.parametrize("record_id", [f"director/{digest_of(BUDGET)}", "counsel/" + "0" * 64, "nonsense", ""])
def test_what_a_viewer_may_not_know_of_looks_the_same_as_what_is_not_there(archive: MemoryArchive, record_id: str) -> None:
    with pytest.raises(UnknownRecord):
        show(archive.reading, LIAISON, record_id)
    assert events(archive)[-1] == "refused_view"


# --- export ----------------------------------------------------------------------------------------


def test_an_export_as_eml_is_the_exact_bytes_with_a_list_of_files_and_digests(archive: MemoryArchive) -> None:
    target, told = MemoryExport(), []
    report = export(archive.reading, OFFICER, "account:director", target, "eml", lambda *tell: told.append(tell))
    assert (report.exported, report.bytes) == (3, len(BUDGET) + len(TRAVEL) + len(FROM_LINES))
    assert target.is_finished
    rows = list(csv.DictReader(io.StringIO(target.files[report.manifest].decode())))
    assert all(digest_of(target.files[row["file"]]) == row["sha256"] == row["record_id"].split("/")[1] for row in rows)
    assert len(rows) == len(told) == 3
    assert report.as_dict() == {"exported": 3, "bytes": report.bytes, "manifest": "manifest.csv"}
    assert events(archive)[-2:] == ["export_begun", "export"]


def test_a_list_of_files_runs_no_formula_of_a_mail(archive: MemoryArchive) -> None:
    archive.capture(FakeMailSource("other", in_inbox(a_message('=HYPERLINK("https://x.example";"Open")'))))
    archive.index_pending()
    target = MemoryExport()
    report = export(archive.reading, OFFICER, "subject:hyperlink", target, "eml")
    (row,) = csv.DictReader(io.StringIO(target.files[report.manifest].decode()))
    assert row["subject"] == '\'=HYPERLINK("https://x.example";"Open")'


def test_an_export_that_does_not_get_to_the_disk_has_no_list_of_files(archive: MemoryArchive) -> None:
    class Full(MemoryExport):
        def finish(self) -> None:
            raise StoreUnavailable("full")

    target = Full()
    with pytest.raises(StoreUnavailable):
        export(archive.reading, OFFICER, "*", target, "eml")
    assert "manifest.csv" not in target.files


def test_an_export_as_mbox_is_read_back_by_another_reader_and_can_be_unquoted(archive: MemoryArchive, tmp_path: Path) -> None:
    target = MemoryExport()
    export(archive.reading, OFFICER, "account:director", target, "mbox")
    file = tmp_path / "director.mbox"
    file.write_bytes(target.files["director.mbox"])
    with contextlib.closing(mailbox.mbox(file)) as box:
        messages = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118
    quoted = FROM_LINES.replace(b"\n>From there", b"\n>>From there").replace(b"\nFrom here", b"\n>From here")
    assert sorted(messages) == sorted([BUDGET, TRAVEL, quoted])


def test_altered_bytes_are_never_handed_out(archive: MemoryArchive) -> None:
    archive.store.raw[record_key("director", digest_of(BUDGET))] = BUDGET.replace(b"Budget", b"Gadget")
    with pytest.raises(FixityMismatch):
        export(archive.reading, OFFICER, "*", MemoryExport(), "eml")


def test_an_export_does_not_mix_with_other_files(archive: MemoryArchive) -> None:
    target = MemoryExport()
    target.files["old"] = b"x"
    with pytest.raises(OutputExists):
        export(archive.reading, OFFICER, "*", target, "eml")
    assert target.files == {"old": b"x"}


class ChangingExport(MemoryExport):
    """An export during which something happens: after the first file is written."""

    def __init__(self, change: Callable[[], None]) -> None:
        super().__init__()
        self._change: Callable[[], None] | None = change

    def create(self, name: str, raw: bytes) -> None:
        super().create(name, raw)
        if self._change is not None:
            self._change()
            self._change = None


def exported_while(archive: MemoryArchive, change: Callable[[], None]) -> list[str]:
    """The record ids that an export lists while the index changes."""
    target = ChangingExport(change)
    report = export(archive.reading, OFFICER, "*", target, "eml")
    files = {name: raw for name, raw in target.files.items() if name.endswith(".eml")}
    listed = [row["record_id"] for row in csv.DictReader(io.StringIO(target.files[report.manifest].decode()))]
    assert {name.removesuffix(".eml") for name in files} == set(listed)
    assert all(name == f"{name.split('/')[0]}/{digest_of(raw)}.eml" for name, raw in files.items())
    return listed


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_PAGE", 2)


@pytest.mark.usefixtures("pages_of_two")
def test_a_record_indexed_during_an_export_makes_no_record_double_or_left_out(archive: MemoryArchive) -> None:
    before = archive.record_ids()

    def newer_mail() -> None:
        newer = a_message("Newer", "Mon, 01 Feb 2021 10:00:00 -0500")
        archive.capture(FakeMailSource("mailbox", in_inbox(BUDGET, TRAVEL, FROM_LINES, newer)))
        archive.index_pending()

    assert sorted(exported_while(archive, newer_mail)) == sorted(before)
    assert len(archive.record_ids()) == 5


@pytest.mark.usefixtures("pages_of_two")
def test_a_record_that_leaves_the_index_during_an_export_hides_no_other(archive: MemoryArchive) -> None:
    in_order = [hit.record_id for hit in search(archive.reading, OFFICER, "*", 10).page.hits]
    assert exported_while(archive, lambda: archive.index.remove(in_order[-2:])) == in_order


def test_an_index_that_goes_away_during_an_export_is_a_named_error_and_the_export_is_not_finished(archive: MemoryArchive) -> None:
    class GoingIndex(FakeSearchIndex):
        def hits(self, *asked: Any) -> Iterator[Hit]:
            yield next(super().hits(*asked))
            raise IndexUnavailable("gone")

    going, target = GoingIndex(), MemoryExport()
    going.documents, archive.index = archive.index.documents, going
    with pytest.raises(IndexUnavailable):
        export(archive.reading, OFFICER, "*", target, "eml")
    assert not target.is_finished
    assert "manifest.csv" not in target.files
    assert events(archive)[-1] == "export_begun"


def test_a_hit_that_the_ledger_does_not_know_is_a_named_error(archive: MemoryArchive) -> None:
    (known,) = search(archive.reading, OFFICER, "subject:budget", 1).page.hits
    document = archive.index.documents[known.record_id]
    stranger = f"director/{'0' * 64}"
    archive.index.add([replace(document, record_id=stranger, digest="0" * 64)])
    with pytest.raises(IndexUnavailable, match=stranger):
        export(archive.reading, OFFICER, "subject:budget", MemoryExport(), "eml")


def test_an_export_is_noted_before_anything_is_written(archive: MemoryArchive) -> None:
    class Noting(MemoryExport):
        def begin(self) -> None:
            seen.append(events(archive)[-1])
            super().begin()

    seen: list[str] = []
    archive.store.raw.clear()
    with pytest.raises(ObjectMissing):
        export(archive.reading, OFFICER, "*", Noting(), "eml")
    assert seen == ["export_begun"]
    assert events(archive)[-1] == "export_begun"


# --- status and quarantine -------------------------------------------------------------------------


def test_the_status_sums_up_every_registered_account(archive: MemoryArchive) -> None:
    archive.designations.append(a_designation("5", account="quiet", official="Quin Roe", position="Chief"))
    register = archive.ledger.register
    added = tuple(archive.designations[-1:])
    register.apply(RegisterDecision(register.next_decision(), archive.clock.now(), "rosa", designations=added))
    told = status(archive.ledger.records, register, archive.ledger.outbox).as_dict()
    accounts = told["accounts"]
    assert isinstance(accounts, list)
    assert [(one["account"], one["messages"]) for one in accounts] == [("counsel", 1), ("director", 3), ("quiet", 0)]
    totals = told["totals"]
    assert isinstance(totals, dict)
    assert all(totals[name] == sum(one[name] for one in accounts) for name in totals)
    assert accounts[2]["last_capture"] is None
    runs = told["runs"]
    assert isinstance(runs, list)
    assert len(runs) == 2


def test_the_overview_shows_the_latest_run_of_each_source_and_what_it_refused(archive: MemoryArchive) -> None:
    archive.capture(ListSource(refused(ItemState.EXCLUDED, code="not_mail"), name="export"))
    archive.capture(FakeMailSource("mailbox", in_inbox(BUDGET, TRAVEL, FROM_LINES)))
    found = overview(archive.ledger.records, archive.ledger.register, archive.ledger.outbox)
    assert [(run.account, run.source) for run in found.latest] == [
        ("counsel", "counsel-mailbox"), ("director", "export"), ("director", "mailbox"),
    ]  # fmt: skip
    assert [(account, item.code) for account, item in found.refused] == [("director", "not_mail")]
    assert sum(line.records for line in found.classes) == 4


def nothing_to_sort(kept: Sequence[Quarantined], _bytes_of: Callable[[Quarantined], bytes]) -> list[RunReport]:
    return [RunReport("", one.account, one.source, "complete", {}) for one in kept]


def test_quarantine_is_listed_shown_and_offered_again(archive: MemoryArchive) -> None:
    archive.capture(ListSource(refused(ItemState.QUARANTINED, b"container", "container_not_supported")))
    digest = digest_of(b"container")
    assert show_quarantined(archive.reading, OFFICER, digest)[1] == b"container"
    assert list_quarantine(archive.reading, LIAISON) == []
    with pytest.raises(UnknownRecord):
        show_quarantined(archive.reading, LIAISON, digest)

    def still_closed(name: str, item_id: str, raw: bytes) -> ListSource:
        return ListSource(refused(ItemState.QUARANTINED, raw, "container_not_supported"), name=name)

    retry_quarantine(archive.reading, archive.capturing, OFFICER, still_closed, nothing_to_sort)
    (item,) = list_quarantine(archive.reading, OFFICER)
    assert item.tries == 2
    again = OfferedAgain(FakeMailSource("export", in_inbox(BUDGET)), item)
    assert [place.item_id for place in again.places()] == ["quarantined.bin#0"]

    def readable_now(name: str, item_id: str, raw: bytes) -> FakeMailSource:
        return FakeMailSource(name, in_inbox(a_message("From the container")))

    (report,) = retry_quarantine(archive.reading, archive.capturing, OFFICER, readable_now, nothing_to_sort)
    assert report.counts["archived"] == 1
    record = archive.ledger.records.record(f"director/{digest_of(a_message('From the container'))}")
    assert record.occurrences[0].place.item_id == "quarantined.bin#0"


def test_what_was_received_for_nobody_does_not_stop_the_retry_of_the_rest() -> None:
    archive = MemoryArchive()
    archive.capture(ListSource(refused(ItemState.QUARANTINED, b"container", "container_not_supported")))
    nobody = RefusedItem(Place("journal", "", "9"), ItemState.QUARANTINED, "no_account", "it names none", b"report")
    Receiving(lambda: archive.capturing, "journal", "journal").take_in(NO_ACCOUNT, [nobody])

    def readable_now(name: str, item_id: str, raw: bytes) -> FakeMailSource:
        return FakeMailSource(name, in_inbox(a_message("From the container")))

    reports = retry_quarantine(archive.reading, archive.capturing, OFFICER, readable_now, nothing_to_sort)
    assert [(report.account, report.error) for report in reports] == [("director", None), (NO_ACCOUNT, None)]


def test_an_account_that_left_the_register_does_not_stop_the_retry_of_the_rest(archive: MemoryArchive) -> None:
    archive.capture(ListSource(refused(ItemState.QUARANTINED, b"container", "container_not_supported")))
    archive.designations[:] = [a_designation("9", account="other")]

    def readable_now(name: str, item_id: str, raw: bytes) -> FakeMailSource:
        return FakeMailSource(name, in_inbox(a_message("From the container")))

    (report,) = retry_quarantine(archive.reading, archive.capturing, OFFICER, readable_now, nothing_to_sort)
    assert report.error is not None
    assert (report.account, report.error.code) == ("director", "E007")


def test_quarantined_bytes_that_are_gone_or_damaged_are_not_used_and_the_others_are_offered(archive: MemoryArchive) -> None:
    """Damaged bytes would become a record that nobody ever sent."""
    names = (b"gone", b"damaged", b"as it came")
    archive.capture(
        ListSource(
            *(RefusedItem(Place("export", "", name.decode()), ItemState.QUARANTINED, "unsplit", "why", name) for name in names)
        )
    )
    gone, damaged = (quarantine_key("export", digest_of(name)) for name in names[:2])
    del archive.store.raw[gone]
    archive.store.raw[damaged] = a_message("Nobody sent this")

    def as_it_is(name: str, _item_id: str, raw: bytes) -> FakeMailSource:
        return FakeMailSource(name, in_inbox(raw))

    reports = retry_quarantine(archive.reading, archive.capturing, OFFICER, as_it_is, nothing_to_sort)
    assert sorted((report.error.code if report.error else "", report.counts.get("archived", 0)) for report in reports) == [
        ("", 1), ("E201", 0), ("E202", 0),
    ]  # fmt: skip
    with pytest.raises(FixityMismatch):
        show_quarantined(archive.reading, OFFICER, digest_of(b"damaged"))


def test_likely_copies_are_counted_and_kept() -> None:
    archive = MemoryArchive()
    lines = BUDGET, BUDGET.replace(b"\r\n", b"\n")
    archive.capture(FakeMailSource("mailbox", in_inbox(*lines)))
    told = status(archive.ledger.records, archive.ledger.register, archive.ledger.outbox).as_dict()
    assert told["totals"]["twins"] == 2  # type: ignore[index]
    assert [one["twins"] for one in told["accounts"]] == [2]  # type: ignore[attr-defined]
