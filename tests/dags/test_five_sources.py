"""One run of capture_mail over six accounts on five kinds of source at once, one of them down; and the run after it.

Files with an archive among them, a PST file, a Dovecot, an Exchange server and a Graph server (both of the tests, over real
HTTP). What must be in the archive is what was put there, read back from the store by digest.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.certificates import certificates_in
from servers.dovecot import Dovecot
from servers.proxy import FaultProxy
from tests.adapters.ews_boxes import PASSWORD, watched
from tests.adapters.ews_boxes import Box as EwsBox
from tests.adapters.graph_boxes import GraphBox
from tests.adapters.imap_boxes import Box as ImapBox
from tests.contracts.mail_source import letter
from tests.dags.imap_agency import rows_in
from tests.dags.local import ONE_QUICK_RETRY, run_dags
from tests.dags.test_runs import TinyArchive
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer

pytestmark = [pytest.mark.service, pytest.mark.airflow, pytest.mark.corpus, pytest.mark.slow]

ACCOUNTS = ("finch", "reed", "lane", "moss", "vale", "wren")
FILES, PST, IMAP, EWS, GRAPH, DOWN = ACCOUNTS
PST_MESSAGES = 7
"""As readpst counts them."""
SECRET = "right"
SEP = b"From ada@agency.example Thu Jan  2 10:00:00 2020\r\n"
_OFFICIALS = (
    "official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff\n"
    + "".join(
        f"{name} Example,Front Office,Director {name},1,{name},{name}@agency.example,1990-01-01,,no,"
        "GRS 6.1-0900-2018-0001,2018-12-03,calendar\n"
        for name in ACCOUNTS
    )
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What one run said."""

    exit_code: int
    log: str

    @property
    def rows(self) -> dict[str, dict[str, object]]:
        """The table of the summary, by account."""
        return rows_in(self.log)

    def reasons(self, account: str) -> list[str]:
        return [line.strip() for line in self.log.splitlines() if f"{account} (" in line]


@dataclass(frozen=True)
class Agency:
    """Six accounts, and what was put into the mailbox of each."""

    archive: TinyArchive
    mail: dict[str, list[bytes]]
    line: FaultProxy
    """To the server of the sixth account."""

    def run(self) -> Run:
        file = self.archive.home / "airflow" / "runs.log"
        start = file.stat().st_size if file.exists() else 0
        done = run_dags(self.archive.home, "capture_mail", more=self.archive.settings)
        return Run(done.returncode, file.read_bytes()[start:].decode(errors="replace"))

    def held(self, account: str) -> set[str]:
        records = self.archive.home / "store" / "objects" / "records" / account
        return {path.stem for path in records.rglob("*.eml")}

    def put(self, account: str) -> set[str]:
        return {hashlib.sha256(raw).hexdigest() for raw in self.mail[account]}


@pytest.fixture(scope="module")
def agency(dovecot: Dovecot, servers_folder: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    home = tmp_path_factory.mktemp("agency")
    with ExitStack() as stopping:
        line = stopping.enter_context(FaultProxy("127.0.0.1", dovecot.port))
        exchange = stopping.enter_context(watched())
        graph = stopping.enter_context(closing(GraphServer(certificates_in(servers_folder / "five"))))
        mail = {account: [letter(number, account) for number in range(1, 6)] for account in ACCOUNTS}
        boxes = {account: ImapBox(dovecot) for account in (IMAP, DOWN)}
        for account, imap in boxes.items():
            imap.fill([*(Mail("INBOX", raw) for raw in mail[account]), Mail("Drafts", letter(9))])
        ews, microsoft = EwsBox(exchange), GraphBox(graph, "vale@agency.example")
        for box, account in ((ews, EWS), (microsoft, GRAPH)):
            box.fill([*(Mail("Inbox", raw) for raw in mail[account]), Mail("Drafts", letter(9))])
        _write_files(home / "old", mail[FILES])
        secrets = {"imap": dovecot.password, "ews": PASSWORD, "graph": SECRET}
        for name, secret in secrets.items():
            (home / f"secret-{name}").write_text(secret)
        sources = [
            _source(FILES, "files", path="old"),
            _source(PST, "files", path=corpus / "tika/microsoft/testPST.pst"),
            *(_imap(account, boxes[account], port) for account, port in ((IMAP, dovecot.port), (DOWN, line.port))),
            _source(
                EWS, "ews", mailbox=ews.mailbox.address, url=exchange.url, sign_in="basic", user="service",
                password_file="secret-ews",
            ),
            _source(
                GRAPH, "graph", mailbox=microsoft.mailbox.address, url=graph.url, authority=graph.url, ca_file=graph.ca_file,
                tenant=TENANT, client_id="our-application", client_secret_file="secret-graph",
            ),
        ]  # fmt: skip
        (home / "capstone.toml").write_text('[agency]\nname = "Agency"\n' + "".join(sources))
        (home / "officials.csv").write_text(_OFFICIALS)
        (home / "airflow" / "config").mkdir(parents=True)
        (home / "airflow" / "config" / "airflow_local_settings.py").write_text(ONE_QUICK_RETRY)
        archive = TinyArchive(home)
        archive.ask(f"app.init(); app.import_officials(open({str(home / 'officials.csv')!r}, 'rb').read(), app.person(None))")
        yield Agency(archive, mail, line)
        assert graph.writes == []


def _source(account: str, kind: str, **keys: object) -> str:
    lines = [f'name = "{account}-mail"', f'account = "{account}"', f'kind = "{kind}"']
    lines += [f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"' for key, value in keys.items()]
    return "\n[[sources]]\n" + "\n".join(lines) + "\n"


def _imap(account: str, box: ImapBox, port: int) -> str:
    return _source(account, "imap", host="127.0.0.1", port=port, tls="none", user=box.user, password_file="secret-imap")


def _write_files(folder: Path, raws: list[bytes]) -> None:
    """The first as a file, two in an MBOX, the others in an archive."""
    folder.mkdir()
    (folder / "1.eml").write_bytes(raws[0])
    (folder / "old.mbox").write_bytes(b"".join(SEP + raw + b"\r\n" for raw in raws[1:3]))
    with zipfile.ZipFile(folder / "older.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, raw in enumerate(raws[3:]):
            archive.writestr(f"Inbox/{number}.eml", raw)


@pytest.fixture(scope="module")
def first(agency: Agency) -> Run:
    agency.line.refuse()
    return agency.run()


@pytest.fixture(scope="module")
def second(agency: Agency, first: Run) -> Run:
    agency.line.pass_through()
    return agency.run()


@pytest.mark.parametrize("account", [FILES, IMAP, EWS, GRAPH])
def test_five_are_captured_while_the_sixth_is_down(agency: Agency, first: Run, account: str) -> None:
    assert first.rows[account]["outcome"] == "complete", first.log[-3000:]
    assert agency.put(account) <= agency.held(account)
    assert first.rows[account]["archived"] == len(agency.mail[account])


def test_the_pst_file_is_captured_with_its_native_items(agency: Agency, first: Run) -> None:
    assert (first.rows[PST]["outcome"], first.rows[PST]["archived"]) == ("complete", PST_MESSAGES), first.log[-3000:]
    assert len(agency.held(PST)) == PST_MESSAGES
    native = agency.archive.home / "store" / "objects" / "native" / PST
    assert len(list(native.glob("*/[0-9a-f]*.json"))) == PST_MESSAGES


def test_the_sixth_fails_with_its_reason_and_the_run_is_red(agency: Agency, first: Run) -> None:
    assert first.exit_code == 1
    assert first.rows[DOWN]["outcome"] == "failed"
    assert any("E101" in reason for reason in first.reasons(DOWN))
    assert first.rows["all"]["outcome"] == "1 failed"
    assert agency.put(DOWN) == {hashlib.sha256(raw).hexdigest() for raw in agency.mail[DOWN]}


def test_the_next_run_takes_up_the_sixth_by_itself_and_nothing_is_captured_twice(agency: Agency, second: Run) -> None:
    assert second.exit_code == 0, second.log[-3000:]
    archived = {account: second.rows[account]["archived"] for account in ACCOUNTS}
    assert archived == dict.fromkeys(ACCOUNTS, 0) | {DOWN: len(agency.mail[DOWN])}
    assert agency.held(DOWN) == agency.put(DOWN)
    assert agency.archive.records() == {account: len(agency.held(account)) for account in ACCOUNTS}


def test_the_sums_of_both_runs_add_up(first: Run, second: Run) -> None:
    states = ("archived", "already_held", "quarantined", "excluded", "failed")
    for run in (first, second):
        for row in run.rows.values():
            assert row["offered"] == sum(int(str(row[state])) for state in states)


def test_a_check_of_all_sources_counts_what_the_runs_were_offered(agency: Agency, first: Run, second: Run) -> None:
    told = agency.archive.ask("import json; print(json.dumps([one.as_dict() for one in app.check_sources()]))")
    found = {one["account"]: one for one in json.loads(told)}
    assert {account: one["kind"] for account, one in found.items()} == {
        FILES: "files", PST: "files", IMAP: "imap", EWS: "ews", GRAPH: "graph", DOWN: "imap",
    }  # fmt: skip
    offered = {account: first.rows[account]["offered"] for account in ACCOUNTS} | {DOWN: second.rows[DOWN]["offered"]}
    assert {account: one["messages"] for account, one in found.items()} == offered
    assert {account: one["left_out"] for account, one in found.items()} == dict.fromkeys(ACCOUNTS, 1) | {FILES: 0, PST: 0}
    assert {one["estimated_from"] for one in found.values()} == {"earlier runs"}
    assert not [one for one in found.values() if one["error"] or one["missing_rights"]]


def test_no_log_holds_a_secret_or_words_of_the_mail(agency: Agency, second: Run) -> None:
    logs = [path.read_text(errors="replace") for path in (agency.archive.home / "airflow").rglob("*.log")]
    assert logs
    words = (PASSWORD, "Subject: Note", "Good day.")
    assert not [word for word in words if any(word in log for log in logs)]
