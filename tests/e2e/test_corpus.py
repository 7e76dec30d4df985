"""Real mail, end to end: everything that a file source can read is kept byte for byte, accounted for, found, and rebuilt."""

from __future__ import annotations

import csv
import hashlib
import mailbox
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.corpus_archive import CLEAN, STATES, CorpusArchive, capture_everything
from tests.e2e.corpus_register import ENRON_ROLE_ENDED, NO_MAIL, SETS

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

ENRON_MESSAGES = 2178
APACHE_MESSAGES = 421
FIRST_BELIEVED_DAY = "1990-01-01"
"""The default of `[agency] mail_since`."""

STANDARD_LIBRARY_AGREES = 896
"""Of the MBOX files, those that the standard library cuts into the same bytes. The other has a line `From ` in a text."""


@pytest.fixture(scope="module")
def archive(embedded_corpus: CorpusArchive) -> CorpusArchive:
    return embedded_corpus


@pytest.fixture(scope="module")
def captured(archive: CorpusArchive) -> dict[str, dict[str, Any]]:
    return capture_everything(archive, archive.line.home / "capstone.toml")


@pytest.mark.parametrize("account", SETS)
def test_every_offered_item_ends_in_the_one_state_that_an_independent_reading_expects(
    archive: CorpusArchive, account: str
) -> None:
    told = {state: archive.told[account][state] for state in STATES}
    assert told == archive.expected[account].counts
    assert told["offered"] == sum(told[state] for state in STATES[1:])
    assert archive.told[account]["error"] is None


@pytest.mark.parametrize("account", SETS)
def test_the_stored_objects_are_exactly_the_messages_of_the_set(archive: CorpusArchive, account: str) -> None:
    stored = {hashlib.sha256(path.read_bytes()).hexdigest() for path in archive.objects(account)}
    assert stored == set(archive.expected[account].messages)


def test_every_object_has_the_name_that_sha256sum_gives_it(archive: CorpusArchive) -> None:
    paths = [path for account in SETS for path in archive.objects(account)]
    told = subprocess.run(
        ["xargs", "-0", "sha256sum"], input="\0".join(map(str, paths)).encode(), capture_output=True, check=True
    ).stdout.decode()
    summed = [tuple(line.split("  ", 1)) for line in told.splitlines()]
    assert len(summed) == len(paths) == sum(len(set(one.messages)) for one in archive.expected.values())
    assert [digest for digest, _ in summed] == [Path(path).stem for _, path in summed]
    assert [Path(path).parent.name for _, path in summed] == [digest[:2] for digest, _ in summed]


def test_the_standard_library_cuts_the_mailboxes_into_the_same_bytes(archive: CorpusArchive) -> None:
    agreed, apart = 0, []
    for expected in archive.expected.values():
        for path, records in expected.mailboxes.items():
            box = mailbox.mbox(path, create=False)
            same = [box.get_bytes(key) for key in box.iterkeys()] == records
            box.close()
            agreed += same
            apart += [] if same else [path.name]
    assert (agreed, apart) == (STANDARD_LIBRARY_AGREES, ["uu-junk.msg"])
    assert sum(map(len, archive.expected["apache"].mailboxes.values())) == APACHE_MESSAGES


def load_file(archive: CorpusArchive) -> dict[str, dict[str, str]]:
    """The publisher's rows of the messages that are in the corpus, by MD5."""
    folder = archive.corpus / SETS["enron"]
    with (folder / "load-no-text.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="|") if row["native_link"].lower().endswith(".eml")]
    return {row["Hash"]: row for row in rows if (folder / row["native_link"]).is_file()}


def test_the_md5_column_of_the_enron_load_file_is_that_of_the_stored_objects(archive: CorpusArchive) -> None:
    stored = {hashlib.md5(path.read_bytes()).hexdigest() for path in archive.objects("enron")}
    rows = load_file(archive)
    assert len(rows) == ENRON_MESSAGES
    assert rows.keys() <= stored


def test_enron_classes_follow_the_dates_that_the_load_file_gives(archive: CorpusArchive) -> None:
    """In the load file some hours are those of a clock with twelve: another program's reading, a check and not the truth."""
    rows = load_file(archive)
    digests = {hashlib.md5(path.read_bytes()).hexdigest(): path.stem for path in archive.objects("enron")}
    found = archive.line.json("search", "account:enron", "--limit", "5000")
    hits = {hit["record_id"].partition("/")[2]: hit for hit in found["hits"]}
    assert found["total"] == len(hits) == len(digests)
    classes: Counter[str] = Counter()
    for md5, row in rows.items():
        told, hit = row["Creation Date"], hits[digests[md5]]
        classes[hit["record_class"]] += 1
        if told < FIRST_BELIEVED_DAY:  # clocks that were never set: the years 2 and 1980
            assert (hit["date"], hit["record_class"]) == (None, "unscheduled")
            continue
        sent = datetime.fromisoformat(hit["date"]).astimezone(UTC)
        assert told in (f"{sent:%Y-%m-%dT%H:%M:%SZ}", f"{sent:%Y-%m-%dT%I:%M:%SZ}")
        day = sent.astimezone(ZoneInfo("America/New_York")).date().isoformat()
        expected = ("permanent", "010") if day <= ENRON_ROLE_ENDED else ("temporary", "011")
        assert (hit["record_class"], hit["schedule_item"]) == expected
    assert min(classes["permanent"], classes["temporary"], classes["unscheduled"]) > 100


def test_status_tells_the_sums_of_the_runs_and_of_the_stored_bytes(archive: CorpusArchive) -> None:
    told = archive.line.json("status")
    by_account = {one["account"]: one for one in told["accounts"]}
    assert by_account.keys() == SETS.keys()
    for account, one in by_account.items():
        counts = archive.expected[account].counts
        assert (one["messages"], one["quarantined"]) == (counts["archived"], counts["quarantined"])
        assert one["messages"] == one["permanent"] + one["temporary"] + one["unscheduled"]
        assert one["bytes"] == sum(path.stat().st_size for path in archive.objects(account))
    for name in ("messages", "bytes", "permanent", "temporary", "unscheduled", "quarantined"):
        assert told["totals"][name] == sum(one[name] for one in by_account.values())
    assert min(told["totals"][name] for name in ("permanent", "temporary", "unscheduled")) > 400
    assert by_account["apache"]["unscheduled"] == by_account["apache"]["messages"]
    assert by_account["spamassassin"]["permanent"] == 0
    assert told["not_yet_indexed"] == 0
    runs = {run["run"]: run for run in told["runs"]}
    for one in archive.told.values():
        run = runs[one["run"]]
        assert {state: run[state] for state in STATES[1:]} == {state: one[state] for state in STATES[1:]}
        assert one["offered"] == sum(run[state] for state in STATES[1:])


def test_sets_without_mail_are_a_named_error_and_store_nothing(archive: CorpusArchive) -> None:
    before = archive.standing()
    folders = [archive.corpus / name for name in NO_MAIL]
    assert archive.line.json("import", *folders, "--account", "mimekit", exit_code=3)["error"]["code"] == "E103"
    assert archive.standing() == before


@pytest.mark.parametrize("account", SETS)
def test_a_second_run_archives_nothing(archive: CorpusArchive, captured: dict[str, dict[str, Any]], account: str) -> None:
    first, again = archive.told[account], captured[account]
    assert again["already_held"] == first["archived"] + first["already_held"]
    assert {state: again[state] for state in STATES} == {
        **{state: first[state] for state in STATES}, "archived": 0, "already_held": again["already_held"],
    }  # fmt: skip
    assert again["error"] is None


def test_a_second_import_of_the_same_files_archives_nothing(archive: CorpusArchive) -> None:
    again = archive.line.json("import", archive.corpus / SETS["james"], "--account", "james", exit_code=CLEAN)
    assert (again["archived"], again["failed"], again["offered"]) == (0, 0, archive.told["james"]["offered"])


def test_verify_checks_every_record_and_finds_nothing(archive: CorpusArchive) -> None:
    told = archive.line.json("verify")
    assert told["checked"] == archive.standing()["totals"]["messages"]
    assert (told["damaged"], told["missing"], told["audit"]["broken_at"]) == ([], [], None)


def test_reconcile_finds_no_difference_between_sources_ledger_store_and_index(
    archive: CorpusArchive, captured: dict[str, dict[str, Any]]
) -> None:
    told = archive.line.json("reconcile")
    assert {name: told[name] for name in ("missing", "unexpected", "mended")} == {"missing": [], "unexpected": [], "mended": []}
    assert told["compared"] > archive.standing()["totals"]["messages"]


def test_ledger_and_index_made_anew_give_the_same_totals_and_answers(
    archive: CorpusArchive, captured: dict[str, dict[str, Any]]
) -> None:
    line, standing, answers = archive.line, archive.standing(), archive.answers()
    assert all(total for _, total, _ in answers)
    line.run("rebuild", "--ledger")
    assert {**archive.standing(), "not_yet_indexed": 0} == standing
    assert archive.answers() == answers
    assert line.json("rebuild", "--index")["indexed"] == standing["totals"]["messages"]
    assert archive.standing() == standing
    assert archive.answers() == answers
    assert line.json("verify")["checked"] == standing["totals"]["messages"]
    told = line.json("reconcile")
    assert (told["missing"], told["unexpected"], told["mended"]) == ([], [], [])


def test_an_export_gives_back_identical_bytes(archive: CorpusArchive, tmp_path: Path) -> None:
    told = archive.line.json("export", "account:apache", "--to", tmp_path / "out", "--format", "eml")
    written = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "out").rglob("*.eml")]
    assert len(written) == told["exported"]
    assert set(written) == set(archive.expected["apache"].messages)
