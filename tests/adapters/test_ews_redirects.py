"""Where Autodiscover leads: to another place to ask, to another address of the mailbox, over https only."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capstone.domain.errors import SourceMissing, SourceUnavailable
from connectors.mailboxes.ews.source import Trust
from servers.certificates import Certificates, certificates_in
from tests.adapters.ews_boxes import PASSWORD, Box, cursors_of, messages_in, watched
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import AUTODISCOVER_PATH, EWS_PATH, EwsState, ews_server

OLD = "director@old.example"


@pytest.fixture(scope="session")
def certificates(servers_folder: Path) -> Certificates:
    return certificates_in(servers_folder / "ews")


@pytest.fixture
def context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


@pytest.fixture
def box(context: ssl.SSLContext) -> Iterator[Box]:
    """The mailbox, on the server that holds it."""
    with watched(lambda: ews_server(context)) as state:
        box = Box(state)
        box.fill([Mail("Inbox", letter(1))])
        yield box


@pytest.fixture
def front(context: ssl.SSLContext) -> Iterator[EwsState]:
    """A server that holds nothing and leads on."""
    with watched(lambda: ews_server(context)) as state:
        state.sign_in.passwords["service"] = PASSWORD
        yield state


@pytest.fixture
def trust(certificates: Certificates) -> Trust:
    return Trust(certificates.ca_file, timeout_s=20)


def asked_at(state: EwsState) -> str:
    return f"{state.url.removesuffix(EWS_PATH)}{AUTODISCOVER_PATH}"


def read(box: Box, **more: Any) -> list[bytes]:
    return [item.raw for item in messages_in(list(box.source(url=None, **more).items({})))]


def test_another_place_is_asked_where_autodiscover_leads_to_it(box: Box, front: EwsState, trust: Trust) -> None:
    front.redirects[box.mailbox.address] = asked_at(box.state)
    assert read(box, trust=trust, services=lambda _domain: [asked_at(front)]) == [letter(1)]
    assert front.asked["GetUserSettings"] == box.state.asked["GetUserSettings"] == 1


def test_no_place_is_asked_that_has_no_https(box: Box, front: EwsState, trust: Trust) -> None:
    front.redirects[box.mailbox.address] = asked_at(box.state).replace("https", "http")
    with pytest.raises(SourceUnavailable):
        read(box, trust=trust, services=lambda _domain: [asked_at(front)])
    assert not box.state.asked


@pytest.mark.parametrize("access", ["impersonation", "delegate"])
def test_the_mailbox_of_another_address_is_opened_where_autodiscover_leads_to_it(
    box: Box, front: EwsState, trust: Trust, access: str
) -> None:
    domains = []

    def services(domain: str) -> list[str]:
        domains.append(domain)
        return [asked_at(front if domain == "old.example" else box.state)]

    front.redirects[OLD] = box.mailbox.address
    box.state.delegates.add(("service", box.mailbox.address))
    more: dict[str, Any] = {"url": None, "trust": trust, "services": services, "mailbox": OLD, "access": access}
    items = list(box.source(**more).items({}))
    assert [(item.raw, item.occurrence.place.source) for item in messages_in(items)] == [(letter(1), "mail")]
    assert domains == ["old.example", "agency.example"]
    assert list(box.source(**more).items(cursors_of(items))) == []


def test_another_address_that_has_no_mailbox_is_missing(box: Box, trust: Trust) -> None:
    box.state.redirects[OLD] = "nobody@agency.example"
    with pytest.raises(SourceMissing):
        read(box, trust=trust, services=lambda _domain: [asked_at(box.state)], mailbox=OLD)
