"""The configured sources of mail, and the slots of the servers they read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tenacity

from capstone import settings as config
from capstone.domain.errors import ServerBusy
from capstone.domain.folders import BY_DEFAULT, LeftOut
from capstone.domain.message import Place
from capstone.ports import CheckableSource, Clock, HeldItems, Holders, ServerSlots, holds_nothing
from capstone.settings import EwsSource, FilesSource, GraphSource, ImapSource, Source, absolute
from capstone.usecases.slots import Slot
from connectors.mailboxes.files.source import FileSource

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1, 15
_PLACES_A_KEEPING = 1000
"""After so many places a slot is kept for longer."""


def open_files(
    name: str, paths: Sequence[Path], held: HeldItems = holds_nothing, left_out: LeftOut = BY_DEFAULT
) -> CheckableSource:
    """Everything below the paths. `held` is asked before an item of a container is generated anew."""
    return FileSource(name, paths, left_out.excluded_by, held=held)


def open_source(source: Source, held: HeldItems = holds_nothing) -> CheckableSource:
    """The source as a port; nothing is read yet. Raises MissingSecret."""
    match source:
        case FilesSource():
            return open_files(source.name, [absolute(source.path)], held, source.left_out)
        case ImapSource():
            return _open_imap(source)
        case EwsSource():
            from capstone.bootstrap.ews import open_ews

            return open_ews(source, held)
        case GraphSource():
            from capstone.bootstrap.graph import open_graph

            return open_graph(source, held)


def server_of(source: ImapSource | EwsSource | GraphSource) -> str:
    """What stands for the server in the ledger's slots: those who read from one server share its slots."""
    match source:
        case ImapSource():
            server = f"{source.host}:{source.port}"
        case EwsSource():
            server = f"ews:{source.url.host}:{source.url.port}" if source.url else f"ews:{source.mailbox.rpartition('@')[2]}"
        case GraphSource():
            server = f"graph:{source.tenant}"
    return server.lower()


def _open_imap(source: ImapSource) -> CheckableSource:
    from connectors.mailboxes.imap.source import ImapLogin, ImapServer
    from connectors.mailboxes.imap.source import ImapSource as ImapMailbox

    ca_file = absolute(source.ca_file) if source.ca_file else None
    server = ImapServer(
        source.host, source.port, source.tls, ca_file,
        connect_timeout_s=source.connect_timeout_s, timeout_s=source.timeout_s,
    )  # fmt: skip
    where = f"sources.{source.name}"
    password = config.secret(where, "password", source.password_file, source.password_env)
    token = config.secret(where, "token", source.token_file, source.token_env)
    return ImapMailbox(source.name, server, ImapLogin(source.user, password, token), source.folders, source.left_out)


@contextmanager
def slot_of(source: Source, slots: ServerSlots, clock: Clock, holders: Holders) -> Iterator[Callable[[], None]]:
    """One of the connections that the source's server bears, for as long as the block lasts; waits for one to be free.

    Gives what keeps it. Files need none. Raises ServerBusy when none was free in time.
    """
    if isinstance(source, FilesSource):
        yield lambda: None
        return
    slot = Slot(slots, clock, holders, server_of(source), source.connections)
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(ServerBusy),
        wait=tenacity.wait_random_exponential(_FIRST_PAUSE_S, _LONGEST_PAUSE_S),
        stop=tenacity.stop_after_delay(source.wait_s),
        reraise=True,
    )
    waiting(slot.take)
    try:
        yield slot.keep
    finally:
        slot.give_back()


def places_of(source: Source, slots: ServerSlots, clock: Clock, holders: Holders) -> Iterator[Place]:
    """Every place that the source shows now, listed in a slot of its server. Raises as `slot_of`, `open_source` and
    `MailSource.places`."""
    with slot_of(source, slots, clock, holders) as keep:
        for number, place in enumerate(open_source(source).places(), 1):
            if number % _PLACES_A_KEEPING == 0:
                keep()
            yield place
