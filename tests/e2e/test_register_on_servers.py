"""The register of a real form over ten years of mail, on the real servers: what a preview says is what the replay does.

CAPSTONE_REGISTER_MESSAGES=50000 asks for more messages than the tests take by themselves; give it --timeout=3000 then.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from capstone.domain.errors import SecondPersonNeeded
from capstone.domain.manifest import classification_as_dict
from capstone.domain.recheck import recheck
from capstone.domain.retention import lock_for, tags_for
from connectors.ledger.ledger import open_ledger
from servers.postgres import PostgresAccess
from servers.versitygw import S3Access
from tests.e2e.conftest import CommandLine
from tests.e2e.on_servers import plain_client
from tests.e2e.register_years import Expected, Held, expected_on, write_years

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.service]

MESSAGES = int(os.environ.get("CAPSTONE_REGISTER_MESSAGES", "1600"))
NUMBER = "GRS 6.1-0563-2018-0001"
HANDED_OVER = "2016-06-30", "2016-07-01"
ACCOUNTS = [f"official-{number:02}" for number in range(1, 9)]
ENDED, BACKDATED, OVERLAPPED, PRECEDED = ACCOUNTS[:4]
ROLES = '[people]\n"ann" = ["records_officer"]\n"ben" = ["records_officer"]\n'
SAME = ("checked", "changed", "longer", "shorter")
"""What a preview counts and a replay counts too."""


@dataclass
class Agency:
    """The archive, and beside it the register as a person would write it on paper."""

    line: CommandLine
    s3: S3Access
    postgres: PostgresAccess
    bucket: str
    days: dict[str, dict[str, date]]
    rows: list[Held]
    is_form_in_force: bool = True
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    known: dict[str, str] = field(default_factory=dict)
    """Record id to the number in its text."""

    def officials(self, *arguments: object, person: str = "ann", exit_code: int = 0) -> dict[str, Any]:
        return self.line.json("officials", *arguments, "--as", person, exit_code=exit_code)

    def newest(self) -> int:
        """The decision that an approval must name."""
        return int(self.line.json("officials", "preview")["newest_decision"])

    def replay(self) -> dict[str, Any]:
        return self.line.json("replay", "--as", "ann")["totals"]

    def expected(self, account: str, day: date) -> Expected:
        return expected_on(day, account, self.rows, is_form_in_force=self.is_form_in_force)

    def row_of(self, account: str, starts: str) -> str:
        (found,) = [
            row for row in self.line.json("officials", "list")["officials"] if (row["account"], row["from"]) == (account, starts)
        ]
        return str(found["designation_id"])

    def held(self) -> list[Any]:
        ledger = open_ledger((self.line.home / "ledger-url").read_text())
        entries = list(ledger.records.records())
        ledger.close()
        return entries


@pytest.fixture(scope="module")
def agency(versitygw: S3Access, postgres: PostgresAccess, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """The form of a department's headquarters, invented holders, and their mail of ten years."""
    folder, name = tmp_path_factory.mktemp("agency"), f"t{uuid4().hex[:12]}"
    (folder / "ledger-url").write_text(postgres.create_database(name))
    (folder / "roles.toml").write_text(ROLES)
    (folder / "capstone.toml").write_text(
        f'[store]\nkind = "s3"\nendpoint_url = "{versitygw.endpoint_url}"\nbucket = "{name}"\n[ledger]\nurl_file = "ledger-url"\n'
    )
    line = CommandLine(folder, here=True)
    line.environment |= {**versitygw.environment(), "CAPSTONE_CONFIG": str(folder / "capstone.toml")}
    line.run("init")
    form = next(path for path in (corpus.parent / "na1005").glob("*.pdf") if "0563-2018-0001" in path.name)
    told = line.json("officials", "import", form, "--as", "ann", "--accept-findings")
    assert told["total_accounts"] == 58
    positions = [one["position"] for number in ("1", "2", "3") for one in told["categories"][number]]
    rows = [
        Held(account, str(1 + (place > 0) + (place > 14)), starts, ends)
        for place, account in enumerate(ACCOUNTS)
        for starts, ends in (("2013-01-01", HANDED_OVER[0]), (HANDED_OVER[1], None))
    ]
    header = "official,office,position,category,account,addresses,from,until,acting,form,approved\n"
    lines = [
        f'"Holder {number}",Office {row.account[-2:]},"{positions[ACCOUNTS.index(row.account)]}",{row.category},{row.account},'
        f"{row.account}@agency.example,{row.starts},{row.ends or ''},no,{NUMBER},2019-04-01\n"
        for number, row in enumerate(rows)
    ]
    (folder / "officials.csv").write_text(header + "".join(lines))
    line.json("officials", "import", folder / "officials.csv", "--as", "ann")
    newest = line.json("officials", "preview")["newest_decision"]
    line.json("officials", "approve", "--decision", newest, "--reason", "compared with the signed form", "--as", "ben")
    mail = folder / "mail"
    days = write_years(corpus, mail, ACCOUNTS, MESSAGES)
    for account in ACCOUNTS:
        told = line.json("import", mail / account, "--account", account)
        assert (told["archived"], told["failed"]) == (len(days[account]), 0)
    made = Agency(line, versitygw, postgres, name, days, rows)
    made.known = _numbers(made)
    return made


def _numbers(agency: Agency) -> dict[str, str]:
    """What each record is, told by a client that is none of ours."""
    client = plain_client(agency.s3)

    def number(entry: Any) -> tuple[str, str]:
        key = f"records/{entry.account}/{entry.digest[:2]}/{entry.digest}.eml"
        head = client.get_object(Bucket=agency.bucket, Key=key)["Body"].read(400)
        return entry.record_id, head.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(number, agency.held()))


def assert_as_expected(agency: Agency, *, most_looked_at: int = 2000) -> None:
    """Every record has the class of the plainest reading; lock and tags in the store are those of the ledger.

    A client that is none of ours looks at so many, ours at all of them.
    """
    entries = agency.held()
    assert len(entries) == MESSAGES
    wrong = Counter[str]()
    for entry in entries:
        found = Expected(entry.classification.record_class.value, entry.classification.item)
        day = agency.days[entry.account][agency.known[entry.record_id]]
        if found != agency.expected(entry.account, day):
            wrong[f"{entry.account} {day} {found}"] += 1
    assert not wrong
    client = plain_client(agency.s3)

    def guarded(entry: Any) -> tuple[bool, dict[str, str]]:
        of: Any = {"Bucket": agency.bucket, "Key": f"records/{entry.account}/{entry.digest[:2]}/{entry.digest}.eml"}
        of["VersionId"] = entry.version_id
        tags = {one["Key"]: one["Value"] for one in client.get_object_tagging(**of)["TagSet"]}
        return client.get_object_legal_hold(**of)["LegalHold"]["Status"] == "ON", tags

    with ThreadPoolExecutor(8) as pool:
        chosen = entries[:: -(-len(entries) // most_looked_at)]
        for entry, (is_held, tags) in zip(chosen, pool.map(guarded, chosen), strict=True):
            assert tags == tags_for(entry.classification, entry.account)
            assert is_held == lock_for(entry.classification, entry.captured_at, agency.zone, 1).hold, entry.record_id
    told = agency.line.json("reconcile")
    assert (told["missing"], told["unexpected"], told["mended"]) == ([], [], [])


def changed(agency: Agency, *arguments: object, exit_code: int = 0) -> dict[str, Any]:
    """Preview, change, and the preview once more: the change itself touches no message."""
    proposed = agency.officials(*arguments, "--preview")["preview"]
    agency.officials(*arguments, exit_code=exit_code)
    standing = agency.line.json("officials", "preview")
    assert {name: standing[name] for name in (*SAME, "reclassified", "changes")} == {
        name: proposed[name] for name in (*SAME, "reclassified", "changes")
    }
    return proposed


def test_ten_years_of_mail_have_the_class_of_the_role_of_their_day(agency: Agency) -> None:
    assert agency.line.json("officials", "preview")["changed"] == 0
    assert_as_expected(agency)


def test_a_designation_that_ended_leaves_later_mail_unscheduled(agency: Agency) -> None:
    last = "2018-12-31"
    told = changed(agency, "end", agency.row_of(ENDED, HANDED_OVER[1]), "--on", last, "--reason", "left office")
    agency.rows = [replace(row, ends=last) if (row.account, row.ends) == (ENDED, None) else row for row in agency.rows]
    assert_replayed(agency, told)


def test_a_designation_dated_back_makes_earlier_mail_permanent(agency: Agency) -> None:
    first = "2012-01-01"
    told = changed(agency, "correct", agency.row_of(BACKDATED, "2013-01-01"), "--from", first, "--reason", "the order was found")
    agency.rows = [
        replace(row, starts=first) if (row.account, row.starts) == (BACKDATED, "2013-01-01") else row for row in agency.rows
    ]
    assert_replayed(agency, told)


def test_an_overlapping_support_role_shortens_nothing(agency: Agency) -> None:
    support = Held(OVERLAPPED, "support", "2012-06-01", "2014-06-30")
    told = changed(agency, *designation(support), "--reason", "shared for a while")
    agency.rows.append(support)
    assert_replayed(agency, told)


def test_a_period_without_a_role_frees_mail_only_once_a_second_person_approved(agency: Agency) -> None:
    before = Held(PRECEDED, "none", "2012-01-01", "2012-12-31")
    told = changed(agency, *designation(before), "--reason", "an analyst before")
    assert told["shorter"] > 0
    waiting = agency.replay()
    assert (waiting["changed"], waiting["waiting_for_approval"]) == (0, told["shorter"])
    assert_as_expected(agency)
    refused = agency.officials("approve", "--decision", agency.newest(), "--reason", "my own", exit_code=3)
    assert refused["error"]["code"] == SecondPersonNeeded.code
    agency.rows.append(before)
    assert_replayed(agency, told)


def test_a_form_that_is_withdrawn_makes_everything_unscheduled_and_the_undoing_brings_all_back(agency: Agency) -> None:
    told = changed(agency, "withdraw", NUMBER, "--on", "2026-01-01", "--reason", "taken back by the National Archives")
    agency.is_form_in_force = False
    assert_replayed(agency, told)
    assert {entry.classification.record_class.value for entry in agency.held()} == {"unscheduled"}
    told = changed(agency, "withdraw", NUMBER, "--undo", "--reason", "entered by mistake")
    agency.is_form_in_force = True
    assert_replayed(agency, told)


def test_why_tells_the_role_of_twenty_messages_of_critical_days(agency: Agency) -> None:
    edges = [date.fromisoformat(day) for row in agency.rows for day in (row.starts, row.ends) if day]

    def nearness(record_id: str) -> int:
        day = agency.days[record_id.partition("/")[0]][agency.known[record_id]]
        return min(abs((day - edge).days) for edge in edges)

    for record_id in sorted(agency.known, key=lambda one: (nearness(one), one))[:20]:
        told = agency.line.json("why", record_id, "--as", "ann")
        account = record_id.partition("/")[0]
        day = agency.days[account][agency.known[record_id]]
        held = [row for row in agency.rows if row.account == account and row.covers(day)]
        found = Expected(told["record_class"], told.get("item"))
        assert found == agency.expected(account, day)
        assert classification_as_dict(recheck(told["check"])).items() <= told.items()
        said = " ".join(told["sentences"])
        assert day.isoformat() in said
        if held:
            assert any(row.starts in said for row in held)
            assert NUMBER in said


def test_the_history_is_in_the_store_and_a_ledger_made_anew_tells_the_same(agency: Agency) -> None:
    before = {entry.record_id: entry.classification for entry in agency.held()}
    verified = agency.line.json("verify")
    assert (verified["checked"], verified["damaged"], verified["missing"]) == (MESSAGES, [], [])
    name = f"t{uuid4().hex[:12]}"
    (agency.line.home / "ledger-url").write_text(agency.postgres.create_database(name))
    agency.line.json("rebuild", "--ledger", "--as", "ann")
    assert {entry.record_id: entry.classification for entry in agency.held()} == before
    assert agency.line.json("officials", "preview")["changed"] == 0
    assert_as_expected(agency, most_looked_at=MESSAGES)


def designation(row: Held) -> list[str]:
    """The command that says so."""
    told = {"--official": "Somebody Else", "--position": "Aide", "--category": row.category, "--account": row.account}
    told |= {"--from": row.starts, "--until": row.ends or "", "--form": NUMBER}
    return ["designate", *(part for pair in told.items() for part in pair)]


def assert_replayed(agency: Agency, told: dict[str, Any]) -> None:
    """A second person approves; the replay does what the preview told, once; ledger and store are then as they must be."""
    agency.officials("approve", "--decision", agency.newest(), "--reason", "looked through", person="ben")
    done = agency.replay()
    assert {name: done[name] for name in SAME} == {name: told[name] for name in SAME}
    assert (done["failed"], done["waiting_for_approval"]) == (0, 0)
    assert agency.replay()["changed"] == 0
    assert_as_expected(agency)
