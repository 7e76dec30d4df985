"""Signing in at an Exchange server by Kerberos, with a real key distribution centre."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from capstone.domain.errors import SourceRefused
from connectors.mailboxes.ews.source import EwsLogin
from servers import programs
from servers.kerberos import REALM, Kerberos
from tests.adapters.ews_boxes import Box, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import EwsState
from tests.services import fresh_folder, needed_programs, running

pytestmark = pytest.mark.service
SERVICE, USER, STRANGER = "HTTP/127.0.0.1", "service", "stranger"
KERBEROS = EwsLogin("kerberos")
RAWS = [letter(1), letter(2)]


class Realm:
    """The centre, and the keys that it gave away."""

    def __init__(self, centre: Kerberos) -> None:
        self.centre = centre
        self.keys = {name: centre.add(name) for name in (SERVICE, USER, STRANGER)}


@pytest.fixture(scope="module")
def packages() -> Path:
    """Where Python's Kerberos lies."""
    with needed_programs():
        return programs.python_kerberos()


@pytest.fixture(scope="module")
def realm(packages: Path) -> Iterator[Realm]:
    with fresh_folder() as folder, running(Kerberos(folder / "kerberos")) as centre:
        yield Realm(centre)


@pytest.fixture
def tickets(realm: Realm, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process knows the realm, its services their keys; nobody has a ticket. Where tickets will lie."""
    monkeypatch.syspath_prepend(str(packages))
    for name, value in realm.centre.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{realm.keys[SERVICE]}")
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'tickets'}")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{tmp_path / 'nothing'}")
    yield tmp_path / "tickets"
    for name in [name for name in sys.modules if name.partition(".")[0] == "requests_gssapi"]:
        del sys.modules[name]


@pytest.fixture
def box(exchange: EwsState, tickets: Path) -> Box:
    box = Box(exchange)
    box.fill([Mail("Inbox", raw) for raw in RAWS])
    box.state.sign_in.schemes = ("Negotiate",)
    return box


def test_a_keytab_signs_in_by_itself(box: Box, realm: Realm, tickets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{realm.keys[USER]}")
    assert [item.raw for item in messages_in(list(box.source(login=KERBEROS).items({})))] == RAWS
    assert tickets.exists()
    assert box.state.refusals == 0  # every request brings its token: none is sent twice


def test_a_ticket_is_enough(box: Box, realm: Realm, tickets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{realm.keys[USER]}")
    box.source(login=KERBEROS).check()
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{tickets.parent / 'nothing'}")
    assert [item.raw for item in messages_in(list(box.source(login=KERBEROS).items({})))] == RAWS


def test_without_ticket_and_keytab_the_source_says_what_to_do(box: Box) -> None:
    with pytest.raises(SourceRefused) as caught:
        box.source(login=KERBEROS).check()
    assert "KRB5_CLIENT_KTNAME" in caught.value.next_step
    assert not box.state.asked


def test_a_user_who_may_not_read_the_mailbox_is_refused(box: Box, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{realm.keys[STRANGER]}")
    with pytest.raises(SourceRefused):
        list(box.source(login=KERBEROS).items({}))
    assert box.source(login=KERBEROS).check().missing_rights


def test_a_service_without_the_key_for_the_ticket_refuses(box: Box, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{realm.keys[USER]}")
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{realm.keys[STRANGER]}")
    with pytest.raises(SourceRefused) as caught:
        box.source(login=KERBEROS).check()
    assert REALM not in caught.value.message


def test_a_server_that_takes_no_kerberos_refuses(box: Box, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{realm.keys[USER]}")
    box.state.sign_in.schemes = ("Basic",)
    with pytest.raises(SourceRefused):
        box.source(login=KERBEROS).check()
