"""A mail server that is away, frozen, or cuts its answers while a mailbox is captured: named, and read on by the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from connectors.ledger.engine import file_url
from servers.account import owned_folder
from servers.dovecot import Dovecot
from servers.elasticsearch import ElasticsearchAccess
from servers.postgres import PostgresAccess
from servers.proxy import FaultProxy
from servers.versitygw import S3Access
from tests.e2e.conftest import CommandLine
from tests.e2e.faulty_servers import LARGE, Archive, Run, Undisturbed, assert_whole, contents
from tests.e2e.on_servers import RealServers
from tests.services import fresh_folder, running

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.service]

USER, ACCOUNT = "director", "director"
FOREVER = 1_000_000
SOME_BYTES, MANY_BYTES = 1_500_000, 6_000_000
"""More than most FETCHes ask for at once, and more than any."""


@pytest.fixture(scope="module")
def mail_server(corpus: Path) -> Iterator[Dovecot]:
    """This module's own, with one folder for each set."""
    with fresh_folder() as folder, running(Dovecot(folder / "dovecot")) as server:
        numbers = count(1_000_000_000)
        root = server.mail_folder(USER)
        for name in LARGE:
            box = owned_folder(root / f".{name}")
            new = [owned_folder(box / part) for part in ("cur", "tmp", "new")][-1]
            for path in sorted(path for path in (corpus / name).rglob("*") if path.is_file()):
                (new / f"{next(numbers)}.M1.here").write_bytes(path.read_bytes())
        yield server


@pytest.fixture(scope="module")
def line(mail_server: Dovecot) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", mail_server.port) as proxy:
        yield proxy


def settings_in(folder: Path, server: Dovecot, port: int) -> str:
    """Settings of one source, and its secret."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mail-password").write_text(server.password)
    return (
        f'[[sources]]\nname = "mailbox"\nkind = "imap"\naccount = "{ACCOUNT}"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
        f'user = "{USER}"\npassword_file = "mail-password"\ntimeout_s = 3\nconnect_timeout_s = 3\n'
    )


@pytest.fixture(scope="module")
def expected(mail_server: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a capture without faults makes of the mailbox in an embedded archive."""
    embedded = CommandLine(tmp_path_factory.mktemp("undisturbed"))
    settings = embedded.home / "capstone.toml"
    settings.write_text(settings_in(embedded.home, mail_server, mail_server.port))
    embedded.environment["CAPSTONE_CONFIG"] = str(settings)
    embedded.prepare().run("capture", exit_code=(0, 1))
    return contents(embedded, file_url(embedded.home / "ledger.sqlite"))


@pytest.fixture(scope="module")
def captured(
    versitygw: S3Access,
    postgres: PostgresAccess,
    elasticsearch: ElasticsearchAccess,
    mail_server: Dovecot,
    line: FaultProxy,
    expected: Undisturbed,
    tmp_path_factory: pytest.TempPathFactory,
) -> Archive:
    """One archive that meets every fault of its mail server, one a run. The mailbox has been read before: UIDs are given."""
    folder = tmp_path_factory.mktemp("captured")
    return Archive(RealServers(versitygw, postgres, elasticsearch), folder, settings_in(folder, mail_server, line.port))


MAIL_FAULTS: dict[str, tuple[Callable[[Dovecot, FaultProxy], object], Callable[[Dovecot, FaultProxy], object]]] = {
    "cuts every answer": (lambda _, line: line.drop_after(20_000, FOREVER), lambda _, line: line.pass_through()),
    "refuses": (lambda _, line: line.refuse(), lambda _, line: line.pass_through()),
    "is frozen": (lambda server, _: server.freeze(), lambda server, _: server.thaw()),
    "is stopped": (lambda server, _: server.stop(), lambda server, _: server.start()),
}


@pytest.mark.parametrize(("lay", "lift"), MAIL_FAULTS.values(), ids=MAIL_FAULTS)
def test_a_mail_server_that_fails_in_mid_fetch_is_named_and_what_came_before_is_kept(
    captured: Archive,
    mail_server: Dovecot,
    line: FaultProxy,
    lay: Callable[[Dovecot, FaultProxy], object],
    lift: Callable[[Dovecot, FaultProxy], object],
) -> None:
    before, came = captured.count(), line.connections
    line.drop_after(SOME_BYTES, 2)
    run = Run(captured, "capture")
    try:
        run.until(lambda: line.connections >= came + 2)  # the first was cut in the middle of a FETCH, the second will be
        lay(mail_server, line)
        ended = run.end()
    finally:
        line.pass_through()
        lift(mail_server, line)
    (told,) = ended.told["runs"]
    assert (ended.code, set(ended.errors), told["outcome"]) == (1, {"E101"}, "failed")
    assert captured.count() - before == told["archived"]
    last = captured.here.json("status")["runs"][0]
    assert (last["outcome"], last["error"]) == ("failed", "E101")


def test_a_mail_server_that_is_away_from_the_start_is_named(captured: Archive, mail_server: Dovecot) -> None:
    mail_server.stop()
    try:
        ended = Run(captured, "capture").end()
    finally:
        mail_server.start()
    assert (ended.code, set(ended.errors)) == (1, {"E101"})


def test_a_line_that_is_cut_now_and_then_is_outlasted_and_the_archive_is_complete(
    captured: Archive, line: FaultProxy, expected: Undisturbed
) -> None:
    came = line.connections
    line.drop_after(MANY_BYTES, FOREVER)
    ended = Run(captured, "capture").end()
    line.pass_through()
    assert line.connections > came
    assert_whole(captured, ended, expected)
