"""What stands behind the journal goes away and comes back while it listens: meanwhile mail stays with who sent it.

The servers are this module's own; only the search server, to which nothing happens here, is that of all tests.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from servers.elasticsearch import ElasticsearchAccess
from servers.postgres import Postgres
from servers.processes import free_port
from servers.versitygw import Versitygw
from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.e2e.journal_receivers import WAIT_S, app_of, message_ids_held
from tests.e2e.on_servers import RealServers, line_on
from tests.e2e.test_journal import journal_settings, received
from tests.journal_reports import original
from tests.services import fresh_folder, running

pytestmark = [pytest.mark.service, pytest.mark.slow]

HASTY = {"READ_TIMEOUT_S": "2", "CONNECT_TIMEOUT_S": "2", "ATTEMPTS": "1"}


@dataclass(frozen=True)
class Behind:
    """What the receiver needs, and the archive on it."""

    s3: Versitygw
    postgres: Postgres
    line: CommandLine
    port: int


@pytest.fixture(scope="module")
def behind(elasticsearch: ElasticsearchAccess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with (
        fresh_folder() as folder,
        running(Versitygw(folder / "s3")) as s3,
        running(Postgres(folder / "postgres")) as postgres,
    ):
        port = free_port()
        servers = RealServers(s3, postgres, elasticsearch)
        line = line_on(servers, tmp_path_factory.mktemp("journal"), journal_settings(port, wait_s=5)).prepare(OFFICIALS)
        line.environment |= {f"CAPSTONE_STORE__{name}": value for name, value in HASTY.items()}
        yield Behind(s3, postgres, line, port)


def answer_to(behind: Behind, message_id: str) -> int:
    """What a mail server hears of a message."""
    with smtplib.SMTP("127.0.0.1", behind.port, timeout=WAIT_S) as client:
        try:
            client.sendmail("director@agency.example", ["x@x.example"], original(message_id, To="x@x.example"))
        except smtplib.SMTPDataError as refused:
            return int(refused.smtp_code)
        return 250


@pytest.mark.parametrize(
    ("lay", "lift"),
    [
        (lambda at: at.s3.stop(), lambda at: at.s3.start()),
        (lambda at: at.s3.freeze(), lambda at: at.s3.thaw()),
        (lambda at: at.postgres.stop(), lambda at: at.postgres.start()),
        (lambda at: at.postgres.kill(), lambda at: at.postgres.start()),
    ],
    ids=["store stopped", "store frozen", "database stopped", "database killed"],
)
def test_mail_is_refused_for_now_while_anything_behind_is_away_and_taken_once_it_is_back(
    behind: Behind, lay: Callable[[Behind], object], lift: Callable[[Behind], object], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id.replace(" ", "-")
    before, meanwhile, again = (f"{name}-{when}@agency.example" for when in ("before", "meanwhile", "again"))
    with received(behind.line, behind.port) as receiver:
        assert answer_to(behind, before) == 250
        lay(behind)
        try:
            assert [answer_to(behind, meanwhile) for _ in range(2)] == [451, 451]
        finally:
            lift(behind)
        assert [answer_to(behind, one) for one in (meanwhile, again)] == [250, 250]
        receiver.stop()
    with app_of(behind.line) as app:
        held = [one for one in message_ids_held(app) if one.startswith(name)]
    assert sorted(held) == sorted([before, meanwhile, again])
    told = behind.line.json("verify")
    assert (told["damaged"], told["missing"], told["audit"]["broken_at"]) == ([], [], None)
