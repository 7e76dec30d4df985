"""Runs of capture_mail over the mailboxes of a real Dovecot, into S3, PostgreSQL and Elasticsearch, by an Airflow on PostgreSQL.

Three runs: over everything; over changed mailboxes while passwords, lines and servers are in trouble; after the trouble. What
must be in the archive is told by a second client, and read back from the bucket by another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from servers.dovecot import Dovecot
from servers.elasticsearch import ElasticsearchAccess
from servers.postgres import PostgresAccess
from servers.processes import wait_until
from servers.proxy import FaultProxy
from servers.versitygw import S3Access
from tests.dags.imap_accounts import corpus_mail, new_account
from tests.dags.imap_agency import COUNTS, Agency, RunSeen, made_agency, told_by
from tests.dags.imap_changes import CUT_AFTER_BYTES, EXPUNGED, NEW, REMADE, RENAMED, SLOW, Post, change, fill
from tests.e2e.on_servers import RealServers

pytestmark = [pytest.mark.service, pytest.mark.airflow, pytest.mark.corpus, pytest.mark.slow]

ON_TIME, CUT = ("finch", "reed", "moss"), ("vale", "yew")
"""Accounts that the second run captures, and those whose line never lives long enough for a large letter."""
READING, WAITING = ("ibis", "kite"), "lark"
"""Accounts whose captures hold the slow server's two slots during the second run, and one that waits for a slot."""
ALL = ("lane", *ON_TIME, *CUT, *SLOW)
ALWAYS, LONG_S = 1_000_000, 300
WRONG = "no-longer-the-password"


@dataclass(frozen=True)
class Beside:
    """What was seen beside the second run: the lines to each server, and the captures that went on meanwhile."""

    lines: dict[str, int]
    """How many were made during the run, by the proxy they went through."""
    waited: bool
    reports: dict[str, tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def servers(versitygw: S3Access, postgres: PostgresAccess, elasticsearch: ElasticsearchAccess) -> RealServers:
    return RealServers(versitygw, postgres, elasticsearch)


@pytest.fixture(scope="module")
def post(corpus: Path) -> Post:
    return Post(corpus_mail(corpus))


@pytest.fixture(scope="module")
def agency(servers: RealServers, dovecot: Dovecot, post: Post, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    with ExitStack() as stopping:
        slow, always = (stopping.enter_context(FaultProxy("127.0.0.1", dovecot.tls_port)) for _ in range(2))
        once = stopping.enter_context(FaultProxy("127.0.0.1", dovecot.port))
        accounts = [
            *(new_account(name, dovecot, dovecot.tls_port) for name in ("finch", "reed", "lane")),
            new_account("moss", dovecot, once.port, "starttls"),
            *(new_account(name, dovecot, always.port) for name in CUT),
            *(new_account(name, dovecot, slow.port) for name in SLOW),
        ]
        fill({account.name: account for account in accounts}, post)
        proxies = {"slow": slow, "once": once, "always": always}
        yield made_agency(servers, tmp_path_factory.mktemp("agency"), accounts, proxies, dovecot)


@pytest.fixture(scope="module")
def first(agency: Agency) -> RunSeen:
    return agency.run("capture_mail")


@pytest.fixture(scope="module")
def troubled(agency: Agency, first: RunSeen, post: Post) -> tuple[RunSeen, Beside]:
    """The second run, and what went on beside it. Afterwards all trouble is over."""
    change(agency.accounts, post)
    agency.set_password("lane", WRONG)
    agency.proxies["once"].drop_after(CUT_AFTER_BYTES, times=2)
    agency.proxies["always"].drop_after(CUT_AFTER_BYTES, times=ALWAYS)
    idle = agency.proxies["slow"].connections
    agency.proxies["slow"].hang()
    with agency.captures_of([*READING, WAITING], LONG_S) as captures:
        assert wait_until(lambda: agency.slots_taken() == 2 and agency.proxies["slow"].connections == idle + 2, 120)
        before = agency.lines()
        seen = agency.run("capture_mail")
        lines = {name: lines - before[name] for name, lines in agency.lines().items()}
        waited = all(one.poll() is None for one in captures) and agency.slots_taken() == 2
        agency.proxies["slow"].pass_through()
        reports = {name: told_by(one, LONG_S) for name, one in zip([*READING, WAITING], captures, strict=True)}
    for proxy in agency.proxies.values():
        proxy.pass_through()
    agency.set_password("lane", agency.password)
    return seen, Beside(lines, waited, reports)


@pytest.fixture(scope="module")
def second(troubled: tuple[RunSeen, Beside]) -> RunSeen:
    return troubled[0]


@pytest.fixture(scope="module")
def beside(troubled: tuple[RunSeen, Beside]) -> Beside:
    return troubled[1]


@pytest.fixture(scope="module")
def third(agency: Agency, second: RunSeen) -> RunSeen:
    return agency.run("capture_mail", "index_records")


@pytest.fixture(scope="module")
def runs(first: RunSeen, second: RunSeen, third: RunSeen) -> list[RunSeen]:
    return [first, second, third]


def shown_in(account: str, *runs: RunSeen) -> set[str]:
    """What a second client ever saw before any of these runs."""
    return set().union(*(run.shown[account] for run in runs))


# --- nothing lost, nothing doubled -----------------------------------------------------------------


@pytest.mark.parametrize("account", ALL)
def test_the_first_run_archives_what_a_second_client_is_shown(first: RunSeen, account: str) -> None:
    assert first.exit_code == 0, first.said
    assert set(first.held[account]) == shown_in(account, first)
    assert len(first.held[account]) > 10


@pytest.mark.parametrize("account", ON_TIME)
def test_a_run_in_which_others_fail_archives_what_a_second_client_is_shown(first: RunSeen, second: RunSeen, account: str) -> None:
    assert second.exit_code == 1, second.said
    assert second.rows[account]["outcome"] == "complete"
    assert second.rows[account]["archived"] == NEW[account]
    assert set(second.held[account]) == shown_in(account, first, second)


@pytest.mark.parametrize("account", ["lane", *SLOW])
def test_an_account_that_could_not_be_read_keeps_what_it_had(first: RunSeen, second: RunSeen, account: str) -> None:
    assert second.rows[account]["outcome"] == "failed"
    assert set(second.held[account]) == shown_in(account, first)


@pytest.mark.parametrize("account", ALL)
def test_the_next_run_takes_up_what_failed_by_itself(runs: list[RunSeen], account: str) -> None:
    third = runs[-1]
    assert third.exit_code == 0, third.said
    assert third.rows[account]["outcome"] == "complete"
    assert set(third.held[account]) == shown_in(account, *runs)


def test_only_what_failed_is_captured_by_the_next_run(third: RunSeen) -> None:
    archived = {account: third.rows[account]["archived"] for account in ALL if third.rows[account]["offered"]}
    assert archived == {"lane": NEW["lane"], "vale": NEW["vale"], "yew": 1, "wren": NEW["wren"]}


def test_nothing_is_stored_twice_and_the_ledger_knows_all(runs: list[RunSeen]) -> None:
    for run in runs:
        for account, held in run.held.items():
            assert len(held) == len(set(held)) == run.records[account]


def test_no_run_leaves_a_trace_at_the_mail_server(runs: list[RunSeen]) -> None:
    assert [run.touched for run in runs] == [(), (), ()]


def test_the_sums_of_every_run_add_up(runs: list[RunSeen]) -> None:
    for run in runs:
        accounts = [run.rows[account] for account in ALL]
        for row in (*accounts, run.rows["all"]):
            assert row["offered"] == sum(row[count] for count in COUNTS[1:])
        for count in COUNTS:
            assert run.rows["all"][count] == sum(row[count] for row in accounts)
        assert run.rows["all"]["offered"] > 0


# --- what happened to the mail ---------------------------------------------------------------------


def test_drafts_are_left_out_and_counted(first: RunSeen) -> None:
    assert {name: row["excluded"] for name, row in first.rows.items() if row["excluded"] and name != "all"} == {
        "finch": 10, "lane": 2, "moss": 2, "vale": 2, "yew": 2,
    }  # fmt: skip


def test_messages_of_renamed_folders_are_known_again_in_their_new_place(agency: Agency, second: RunSeen) -> None:
    assert second.rows["finch"]["already_held"] == RENAMED
    count = "SELECT count(*) FROM occurrences WHERE source = 'finch-mail' AND folder LIKE %s"
    assert agency.ledger(count, "Projects%") == [(RENAMED,)]
    assert agency.ledger(count, "Old projects%") == [(RENAMED + 5,)]
    assert agency.ledger(count, "Old projects/Forêts/Œuvres & Co") == [(40,)]


def test_messages_under_a_new_uidvalidity_are_known_again(agency: Agency, second: RunSeen) -> None:
    assert second.rows["reed"]["already_held"] == REMADE
    validities = (
        "SELECT count(DISTINCT split_part(item_id, ':', 1)) FROM occurrences "
        "WHERE source = 'reed-mail' AND folder = 'Field/Notes'"
    )
    assert agency.ledger(validities) == [(2,)]


@pytest.mark.parametrize("account", ["finch", "reed"])
def test_messages_that_are_expunged_stay_in_the_archive(first: RunSeen, third: RunSeen, account: str) -> None:
    gone = shown_in(account, first) - shown_in(account, third)
    assert len(gone) == EXPUNGED[account]
    assert gone <= set(third.held[account])


def test_a_line_cut_in_mid_fetch_is_made_anew_in_the_same_run(second: RunSeen, beside: Beside) -> None:
    assert beside.lines["once"] == 3, "one for the run, and one after each cut"
    assert second.rows["moss"]["archived"] == NEW["moss"]


def test_a_letter_that_the_line_never_carries_fails_alone_and_is_offered_again(
    agency: Agency, first: RunSeen, second: RunSeen, third: RunSeen
) -> None:
    row = second.rows["yew"]
    assert (row["offered"], row["archived"], row["failed"]) == (NEW["yew"], NEW["yew"] - 1, 1)
    missing = shown_in("yew", first, second) - set(second.held["yew"])
    assert len(missing) == 1
    assert missing <= set(third.held["yew"])
    assert agency.ledger("SELECT code FROM items WHERE source = 'yew-mail' AND state = 'failed'") == [("unreadable",)]


def test_a_line_that_carries_no_letter_at_all_fails_the_account_and_loses_nothing(first: RunSeen, second: RunSeen) -> None:
    assert second.rows["vale"]["outcome"] == "failed"
    assert shown_in("vale", first) <= set(second.held["vale"]) <= shown_in("vale", first, second)


# --- what the runs say -----------------------------------------------------------------------------


def test_the_summary_says_why_each_account_failed(second: RunSeen) -> None:
    codes = {name: [reason.partition("): ")[2].partition(":")[0] for reason in second.reasons(name)] for name in ALL}
    expected = {"lane": ["E104"], "vale": ["E101"], "yew": ["E501"]} | {key: ["E105"] for key in SLOW}
    assert codes == {key: [] for key in ON_TIME} | expected
    assert "does not take this user with this password" in second.reasons("lane")[0]
    assert "broke the line" in second.reasons("vale")[0]
    assert second.rows["all"]["outcome"] == "7 failed"
    refused = [line for line in second.log.splitlines() if "item_refused" in line]
    assert all("code=unreadable" in line for line in refused)
    of_account = [next(name for name in ALL if f"account={name}" in line) for line in refused]
    assert (of_account.count("yew"), set(of_account)) == (1, {"yew", "vale"})


def test_only_what_a_retry_can_mend_is_tried_again(agency: Agency, runs: list[RunSeen]) -> None:
    tries = agency.tries()
    assert set(tries[0].values()) == set(tries[2].values()) == {1}
    assert tries[1] == dict.fromkeys(("lane", "yew", *ON_TIME), 1) | dict.fromkeys(("vale", *SLOW), 2)


def test_airflow_keeps_its_runs_on_postgresql(agency: Agency, runs: list[RunSeen]) -> None:
    states = agency.airflow("SELECT state FROM dag_run WHERE dag_id = 'capture_mail' ORDER BY start_date")
    assert states == [("success",), ("failed",), ("success",)]
    assert not list((agency.line.home / "airflow").glob("*.db"))


def test_neither_passwords_nor_words_of_the_mail_stand_in_any_log(agency: Agency, post: Post, runs: list[RunSeen]) -> None:
    secrets = {agency.password, WRONG, "Survey 3", *post.subjects()}
    assert len(secrets) > 100
    logs = [path.read_text(errors="replace") for path in (agency.line.home / "airflow").rglob("*.log")]
    assert logs
    assert not [secret for secret in secrets if any(secret in log for log in logs)]


# --- the limit of a server -------------------------------------------------------------------------


def test_no_more_captures_than_allowed_reach_a_server(second: RunSeen, beside: Beside) -> None:
    assert beside.lines["slow"] == 0, "two captures had the server's two connections all the time"
    assert all("2 of 2 captures" in second.reasons(account)[0] for account in SLOW)


def test_a_capture_that_may_wait_gets_its_turn(beside: Beside) -> None:
    assert beside.waited
    assert set(beside.reports) == {*READING, WAITING}
    for account, (exit_code, report) in beside.reports.items():
        assert exit_code == 0
        assert (report["outcome"], report["archived"]) == ("complete", NEW[account])


# --- the whole -------------------------------------------------------------------------------------


def test_everything_is_found_and_every_count_agrees(agency: Agency, third: RunSeen) -> None:
    assert agency.found("account:finch") == len(third.held["finch"])
    assert agency.line.json("status")["not_yet_indexed"] == 0
    assert agency.line.run("reconcile").returncode == 0
