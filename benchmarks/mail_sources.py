"""EWS, Graph and IMAP: fetching and storing, beside a bare fetch with the same library and a bare store.

    python -m benchmarks.mail_sources FOLDER [KIND...]

Servers on loopback give invented mail of 20 to 75 kB, BENCH_LETTERS (1000) to each of three accounts. All three are read at
once, each by a process of its own: bare, then by `App.capture` into an archive without the index, in turns, BENCH_ROUNDS times.
BENCH_MEMORY=1 tells each account's peak memory too, which takes time of its own.
The archive is embedded, or with BENCH_STORE=servers on versitygw and PostgreSQL. The bare store puts the same messages, locked,
tagged and flushed: into a folder, or by boto3. The servers of Exchange and Graph are those of the tests.
"""

from __future__ import annotations

import imaplib
import multiprocessing
import os
import random
import shutil
import ssl
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.embedded import make
from benchmarks.measured import memory_here
from benchmarks.on_servers import bare_puts
from benchmarks.on_servers.cluster import fresh_folder
from servers.postgres import Postgres
from servers.versitygw import Versitygw

ACCOUNTS = ("ada", "ben", "cyd")
LEAST, MOST = 20_000, 75_000
FLOOR = 0.6
LETTERS = int(os.environ.get("BENCH_LETTERS", "1000"))
PASSWORD = "an invented password"  # noqa: S105 only for servers of this benchmark

_PUTS_AT_ONCE = 10
_ON_SERVERS = '[store]\nkind = "s3"\nendpoint_url = "{0}"\nbucket = "{1}"\n[ledger]\nurl_file = "ledger-url"\n'
_SOURCES = {
    "ews": 'kind = "ews"\nmailbox = "{0}@agency.example"\nurl = "{1}"\nsign_in = "basic"\nuser = "service"\n'
    'password_file = "secret"\n',
    "graph": 'kind = "graph"\nmailbox = "{0}@agency.example"\nurl = "{1}"\nauthority = "{1}"\ntenant = "t"\nclient_id = "c"\n'
    'client_secret_file = "secret"\nca_file = "{2}"\n',
    "imap": 'kind = "imap"\nhost = "127.0.0.1"\nport = {1}\ntls = "none"\nuser = "{0}"\npassword_file = "secret"\n',
}  # fmt: skip


def main() -> int:
    """Print the table; 1 where a floor is missed."""
    parent = Path(sys.argv[1]).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    print("| source | bare fetch, messages/s | bare store | fetch and store | ratio to the slower | floor |")
    print("|---|---:|---:|---:|---:|---:|")
    is_met = True
    with fresh_folder(parent) as folder, _backed(folder) as backing:
        for kind in sys.argv[2:] or _SOURCES:
            is_met &= _measure(kind, folder / kind, backing)
    return 0 if is_met else 1


class _Backing:
    """What an archive is kept on besides its home."""

    def __init__(self, s3: Versitygw | None = None, postgres: Postgres | None = None) -> None:
        self._s3, self._postgres = s3, postgres

    def settings(self, home: Path, name: str) -> str:
        """Sections of the settings; nothing for the embedded defaults. Makes the database."""
        if self._s3 is None or self._postgres is None:
            return ""
        (home / "ledger-url").write_text(self._postgres.create_database(name))
        return _ON_SERVERS.format(self._s3.endpoint_url, name)

    def bare(self, home: Path, name: str) -> str:
        """Where bare PUTs go: a folder, or a bucket that is made here."""
        if self._s3 is None:
            return str(home / "bare")
        bare_puts.client(self._s3.endpoint_url, 1).create_bucket(Bucket=f"{name}-bare", ObjectLockEnabledForBucket=True)
        return f"{self._s3.endpoint_url}/{name}-bare"


@contextmanager
def _backed(folder: Path) -> Iterator[_Backing]:
    if os.environ.get("BENCH_STORE") != "servers":
        yield _Backing()
        return
    with Versitygw.started(folder / "versitygw") as s3, Postgres.started(folder / "postgres") as postgres:
        os.environ |= s3.environment()
        yield _Backing(s3, postgres)


def _measure(kind: str, folder: Path, backing: _Backing) -> bool:
    folder.mkdir()
    rounds = []
    with _serving(kind, folder) as (where, ca_file):
        for number in range(int(os.environ.get("BENCH_ROUNDS", "3"))):
            home, name = folder / f"home{number}", f"{kind}{number}"
            home.mkdir()
            _make(home, kind, where, ca_file, backing.settings(home, name))
            bare = _rate(_fetch_bare, kind, where, ca_file)
            store = _rate(_store_bare, backing.bare(home, name))
            ours = _rate(_capture, str(home))
            rounds.append((bare, store, ours, ours / min(bare, store)))
            shutil.rmtree(home)
    bare, store, ours, ratio = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"| {kind} | {bare:.0f} | {store:.0f} | {ours:.0f} | {ratio:.2f} | {FLOOR} |", flush=True)
    return ratio >= FLOOR


def letters(account: str) -> Iterator[bytes]:
    """The mail of an account: the same in every process."""
    chance = random.Random(account)  # noqa: S311 no secret hangs on it
    for number in range(LETTERS):
        text = chance.randbytes(chance.randint(LEAST, MOST) // 2).hex()
        head = f"From: {account}@agency.example\r\nTo: staff@agency.example\r\nSubject: {number}\r\n"
        head += f"Date: Thu, 2 Jan 2020 10:{number % 60:02}:00 +0000\r\nMessage-ID: <{account}-{number}@agency.example>\r\n\r\n"
        yield (head + "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\r\n").encode()


# --- servers ---------------------------------------------------------------------------------------


@contextmanager
def _serving(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The server in a process of its own; its address and its CA file."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(kind, str(folder), theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join()


def _serve(kind: str, folder: str, line: Any) -> None:
    with ExitStack() as stack:
        line.send({"ews": _serve_ews, "graph": _serve_graph, "imap": _serve_imap}[kind](Path(folder), stack))
        line.recv()


def _serve_ews(_folder: Path, stack: ExitStack) -> tuple[str, str]:
    from tests.servers.ews_mailboxes import Mailbox
    from tests.servers.ews_server import ews_server

    state = stack.enter_context(ews_server())
    state.sign_in.passwords["service"] = PASSWORD
    for account in ACCOUNTS:
        mailbox = state.mailboxes[f"{account}@agency.example"] = Mailbox(f"{account}@agency.example")
        for number, raw in enumerate(letters(account)):
            mailbox.put("Inbox", raw, message_id=f"<{account}-{number}@agency.example>")
    return state.url, ""


def _serve_graph(folder: Path, stack: ExitStack) -> tuple[str, str]:
    from servers.certificates import certificates_in
    from tests.servers.graph_server import GraphServer

    server = GraphServer(certificates_in(folder / "certificates"))
    stack.callback(server.close)
    for account in ACCOUNTS:
        mailbox = server.mailbox(f"{account}@agency.example")
        for raw in letters(account):
            mailbox.add("INBOX", raw)
    return server.url, str(server.ca_file)


def _serve_imap(folder: Path, stack: ExitStack) -> tuple[str, str]:
    from servers.dovecot import Dovecot

    dovecot = Dovecot(folder / "dovecot")
    dovecot.start()
    stack.callback(dovecot.stop)
    for account in ACCOUNTS:
        with imaplib.IMAP4("127.0.0.1", dovecot.port) as line:
            line.login(account, dovecot.password)
            for raw in letters(account):
                line.append("INBOX", "", "", raw)
    (folder / "password").write_text(dovecot.password)
    return str(dovecot.port), str(folder / "password")


def _make(home: Path, kind: str, where: str, ca_file: str, backing: str) -> None:
    sources = (
        f'[[sources]]\nname = "{one}"\naccount = "{one}"\n{_SOURCES[kind].format(one, where, ca_file)}' for one in ACCOUNTS
    )
    (home / "secret").write_text(Path(ca_file).read_text() if kind == "imap" else "right" if kind == "graph" else PASSWORD)
    make(home, ACCOUNTS, backing + "".join(sources))


# --- the work, once for each account at the same time ----------------------------------------------


def _rate(work: Callable[..., None], *arguments: str) -> float:
    """Messages a second of all accounts together; each process is ready before the clock starts."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(ACCOUNTS) + 1)
    processes = [context.Process(target=work, args=(account, barrier, *arguments)) for account in ACCOUNTS]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
    took = time.perf_counter() - began
    if any(process.exitcode for process in processes):
        raise SystemExit(f"{work.__name__} did not come to its end.")
    return len(ACCOUNTS) * LETTERS / took


def _capture(account: str, barrier: Any, home: str) -> None:
    os.environ |= {"CAPSTONE_HOME": home, "CAPSTONE_CONFIG": f"{home}/capstone.toml"}
    import structlog

    from capstone.bootstrap import build_app

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(Path(os.devnull).open("w")))  # noqa: SIM115 until the end
    app = build_app()
    try:
        barrier.wait()
        with memory_here() if os.environ.get("BENCH_MEMORY") else nullcontext() as peak:
            [report] = app.capture(account)
    finally:
        app.close()
    if peak is not None:
        sys.stderr.write(f"{account}: peak memory {peak() / 1e6:.0f} MB\n")
    if report.counts["archived"] != LETTERS:
        raise SystemExit(f"{account}: {report.as_counts()}")


def _store_bare(account: str, barrier: Any, where: str) -> None:
    store = _put_bare if "://" in where else _write_bare
    store(account, barrier, where)


def _put_bare(account: str, barrier: Any, where: str) -> None:
    endpoint, _, bucket = where.rpartition("/")
    s3, raws = bare_puts.client(endpoint, _PUTS_AT_ONCE), list(letters(account))
    with ThreadPoolExecutor(_PUTS_AT_ONCE) as pool:
        barrier.wait()
        for _ in pool.map(lambda raw: bare_puts.put(s3, bucket, raw), raws):
            pass


def _write_bare(account: str, barrier: Any, folder: str) -> None:
    from capstone.domain.fixity import digest_of
    from capstone.domain.layout import record_key
    from capstone.domain.records import Lock
    from capstone.ports import PutRequest
    from connectors.record_store.directory import DirectoryRecordStore

    store = DirectoryRecordStore(Path(folder) / account)
    store.create()
    tags = {"account": account, "record-class": "permanent"}
    wanted = []
    for raw in letters(account):
        digest = digest_of(raw)
        wanted.append(PutRequest(record_key(account, digest), raw, digest, Lock(hold=True), tags))
    barrier.wait()
    for start in range(0, LETTERS, 500):
        store.put_all(wanted[start : start + 500])


def _fetch_bare(account: str, barrier: Any, kind: str, where: str, ca_file: str) -> None:
    fetch = {"ews": _fetch_ews, "graph": _fetch_graph, "imap": _fetch_imap}[kind](account, where, ca_file)
    barrier.wait()
    if (fetched := fetch()) != LETTERS:
        raise SystemExit(f"{account}: {fetched} messages fetched")


def _fetch_ews(account: str, where: str, _ca_file: str) -> Callable[[], int]:
    from exchangelib import BASIC, IMPERSONATION, Account, Configuration, Credentials

    def fetch() -> int:
        configuration = Configuration(service_endpoint=where, credentials=Credentials("service", PASSWORD), auth_type=BASIC)
        box = Account(f"{account}@agency.example", config=configuration, access_type=IMPERSONATION)
        ids = [item for _, item in box.inbox.sync_items(only_fields=["size"], max_changes_returned=512)]
        return sum(bool(item.mime_content) for item in box.fetch(ids, only_fields=["mime_content"], chunk_size=100))

    return fetch


def _fetch_graph(account: str, where: str, ca_file: str) -> Callable[[], int]:
    import httpx

    def fetch() -> int:
        limits = httpx.Limits(max_connections=4)
        with httpx.Client(verify=ssl.create_default_context(cafile=ca_file), limits=limits) as client:
            asked = {"grant_type": "client_credentials", "client_secret": "right"}
            token = client.post(f"{where}/t/oauth2/v2.0/token", data=asked).json()["access_token"]
            client.headers.update({"Authorization": f"Bearer {token}", "Prefer": 'IdType="ImmutableId", odata.maxpagesize=1000'})
            mailbox, ids = f"{where}/v1.0/users/{account}@agency.example", []
            link: str | None = f"{mailbox}/mailFolders/inbox/messages/delta?$select=receivedDateTime"
            while link:
                page = client.get(link).json()
                ids += [one["id"] for one in page["value"]]
                link = page.get("@odata.nextLink")
            with ThreadPoolExecutor(4) as several:
                return sum(
                    bool(raw) for raw in several.map(lambda one: client.get(f"{mailbox}/messages/{one}/$value").content, ids)
                )

    return fetch


def _fetch_imap(account: str, where: str, password_file: str) -> Callable[[], int]:
    from imapclient import IMAPClient

    def fetch() -> int:
        with IMAPClient("127.0.0.1", int(where), ssl=False) as line:
            line.login(account, Path(password_file).read_text())
            line.select_folder("INBOX", readonly=True)
            uids, found = line.search(), 0
            for start in range(0, len(uids), 100):
                found += sum(bool(one[b"BODY[]"]) for one in line.fetch(uids[start : start + 100], ["BODY.PEEK[]"]).values())
            return found

    return fetch


if __name__ == "__main__":
    sys.exit(main())
