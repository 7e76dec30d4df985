"""Whatever reads from a mail server has one of its slots: which accounts share them, and that checks and reconciliation wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from capstone.bootstrap import App, build_app
from capstone.bootstrap.places import ledger_url
from capstone.bootstrap.sources import places_of, server_of
from capstone.domain.errors import ServerBusy
from capstone.settings import FilesSource, read_settings
from capstone.usecases.slots import SLOT_S
from connectors.ledger.ledger import SqlLedger, open_ledger
from tests.adapters.ews_boxes import PASSWORD, Box, watched
from tests.contracts.mail_source import letter
from tests.fakes.archive import NamedHolders
from tests.fakes.clock import SetClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import EwsState

EWS = (
    '[[sources]]\nname = "{name}"\nkind = "ews"\naccount = "{account}"\nmailbox = "{mailbox}"\n{url}'
    'sign_in = "basic"\nuser = "service"\npassword_env = "THE_SECRET"\nconnections = 1\nwait_s = {wait_s}\n'
)
GRAPH = (
    '[[sources]]\nname = "{name}"\nkind = "graph"\naccount = "{account}"\nmailbox = "{mailbox}"\ntenant = "{tenant}"\n'
    'client_id = "a"\nclient_secret_env = "THE_SECRET"\n'
)
FILES = '[[sources]]\nname = "old"\nkind = "files"\naccount = "director"\npath = "old"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAPSTONE_HOME", str(tmp_path))
    monkeypatch.setenv("CAPSTONE_CONFIG", str(tmp_path / "capstone.toml"))
    monkeypatch.setenv("THE_SECRET", PASSWORD)
    return tmp_path


# --- who shares the slots of a server --------------------------------------------------------------


def ews(name: str, mailbox: str, url: str = "", wait_s: float = 0) -> str:
    told = f'url = "{url}"\n' if url else ""
    return EWS.format(name=name, account=name, mailbox=mailbox, url=told, wait_s=wait_s)


def graph(name: str, mailbox: str, tenant: str) -> str:
    return GRAPH.format(name=name, account=name, mailbox=mailbox, tenant=tenant)


SHARED = [
    (ews("a", "a@agency.example", "https://mail.agency.example/EWS/Exchange.asmx"),
     ews("b", "b@elsewhere.example", "https://MAIL.agency.example:443/ews/exchange.asmx")),
    (ews("a", "a@agency.example"), ews("b", "b@Agency.example")),
    (graph("a", "a@agency.example", "agency.example"), graph("b", "b@other.example", "Agency.example")),
]  # fmt: skip
APART = [
    (ews("a", "a@agency.example", "https://one.agency.example/EWS/Exchange.asmx"),
     ews("b", "b@agency.example", "https://two.agency.example/EWS/Exchange.asmx")),
    (ews("a", "a@agency.example", "https://mail.agency.example/EWS"), ews("b", "b@agency.example", "https://mail.agency.example:8443/EWS")),
    (ews("a", "a@agency.example"), ews("b", "b@other.example")),
    (graph("a", "a@agency.example", "agency.example"), graph("b", "b@agency.example", "other.example")),
    (ews("a", "a@agency.example"), graph("b", "b@agency.example", "agency.example")),
]  # fmt: skip


def servers(home: Path, sources: tuple[str, ...]) -> list[str]:
    (home / "capstone.toml").write_text("".join(sources))
    return [server_of(source) for source in read_settings().sources if not isinstance(source, FilesSource)]


@pytest.mark.parametrize("sources", SHARED)
def test_two_accounts_on_one_exchange_server_or_in_one_tenant_share_its_slots(home: Path, sources: tuple[str, ...]) -> None:
    first, second = servers(home, sources)
    with slots_of(home) as ledger:
        ledger.slots.take_slot(first, "first", 1, datetime.now(UTC), 60)
        with pytest.raises(ServerBusy):
            ledger.slots.take_slot(second, "second", 1, datetime.now(UTC), 60)


@pytest.mark.parametrize("sources", APART)
def test_different_servers_and_tenants_have_slots_of_their_own(home: Path, sources: tuple[str, ...]) -> None:
    first, second = servers(home, sources)
    with slots_of(home) as ledger:
        for server in (first, second):
            ledger.slots.take_slot(server, f"on {server}", 1, datetime.now(UTC), 60)
        assert [ledger.slots.slot_holders(server) for server in (first, second)] == [[f"on {first}"], [f"on {second}"]]


# --- who takes a slot ------------------------------------------------------------------------------


@pytest.fixture
def exchange() -> Iterator[EwsState]:
    with watched() as state:
        yield state


def archive_of(home: Path, exchange: EwsState, wait_s: float = 0) -> App:
    """An archive of a mailbox on a server that bears one reader, and of a folder of files."""
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(1))])
    (home / "old").mkdir()
    (home / "old" / "1.eml").write_bytes(letter(2))
    (home / "capstone.toml").write_text(ews("mail", box.mailbox.address, exchange.url, wait_s) + FILES)
    return build_app()


def slots_of(home: Path) -> closing[SqlLedger]:
    app = build_app()
    if not (home / "ledger.sqlite").exists():
        app.init()
    app.close()
    return closing(open_ledger(ledger_url(read_settings())))


def test_a_check_and_a_reconciliation_have_a_slot_while_they_read_and_give_it_back(home: Path, exchange: EwsState) -> None:
    app = archive_of(home, exchange)
    with slots_of(home) as ledger, closing(app):
        server = servers(home, ((home / "capstone.toml").read_text(),))[0]
        seen: list[int] = []
        exchange.before = lambda _operation: seen.append(len(ledger.slots.slot_holders(server)))
        assert [one.error for one in app.check_sources()] == [None, None]
        assert set(seen) == {1}
        assert ledger.slots.slot_holders(server) == []
        seen.clear()
        assert {one.id for one in app.reconcile().missing} >= {f"mail: {one}" for one in item_ids(exchange)}
        assert set(seen) == {1}
        assert ledger.slots.slot_holders(server) == []


def test_a_busy_server_is_a_line_of_a_check_and_of_a_reconciliation_and_ends_neither(home: Path, exchange: EwsState) -> None:
    app = archive_of(home, exchange)
    with slots_of(home) as ledger, closing(app):
        server = servers(home, ((home / "capstone.toml").read_text(),))[0]
        ledger.slots.take_slot(server, "a capture", 1, datetime.now(UTC), 900)
        mail, old = app.check_sources()
        assert (mail.error and mail.error.code, mail.configured.source) == ("E105", "mail")
        assert (old.error, old.messages) == (None, 1)
        told = [(one.where, one.what) for one in app.reconcile().missing]
        assert told == [("source mail", "whole source (E105)"), ("source old", "item")]
        assert exchange.asked.total() == 0
        assert ledger.slots.slot_holders(server) == ["a capture"]


def test_a_check_waits_for_a_slot_as_a_capture_does(home: Path, exchange: EwsState) -> None:
    app = archive_of(home, exchange, wait_s=60)
    with slots_of(home) as ledger, closing(app):
        server = servers(home, ((home / "capstone.toml").read_text(),))[0]
        ledger.slots.take_slot(server, "a capture that ends", 1, datetime.now(UTC), 2)
        mail, _ = app.check_sources()
        assert (mail.error, mail.messages) == (None, 1)
        assert ledger.slots.slot_holders(server) == [], "it came after the capture"


def test_before_the_archive_is_made_sources_are_checked_without_a_slot(home: Path, exchange: EwsState) -> None:
    with closing(archive_of(home, exchange)) as app:
        assert [one.error for one in app.check_sources()] == [None, None]
    assert sorted(path.name for path in home.iterdir()) == ["capstone.toml", "old"]


def test_a_slot_is_kept_while_a_large_mailbox_is_listed(home: Path, exchange: EwsState) -> None:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(1))] * 1100)
    server = servers(home, (ews("mail", box.mailbox.address, exchange.url),))[0]
    (source,) = read_settings().sources
    slots, clock = FakeLedger().slots, SetClock()
    with closing(places_of(source, slots, clock, NamedHolders())) as places:  # type: ignore[type-var]
        assert len(list(islice(places, 999))) == 999
        clock.move(seconds=SLOT_S - 1)
        assert len(list(islice(places, 2))) == 2
        clock.move(seconds=2)
        with pytest.raises(ServerBusy):
            slots.take_slot(server, "another", 1, clock.now(), 60)
    slots.take_slot(server, "another", 1, clock.now(), 60)


def item_ids(exchange: EwsState) -> list[str]:
    return [item for box in exchange.mailboxes.values() for folder in box.folders.values() for item in folder.items]
