"""The configured sources of mail, and the slots of the servers they read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tenacity

from capstone import settings as config
from capstone.domain.errors import ServerBusy
from capstone.ports import Clock, Holders, MailSource, ServerSlots
from capstone.settings import FilesSource, ImapSource, Source, absolute
from capstone.usecases.slots import Slot
from connectors.mailboxes.files import FileSource

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1, 15


def open_files(name: str, paths: Sequence[Path]) -> MailSource:
    """Everything below the paths."""
    return FileSource(name, paths)


def open_source(source: Source) -> MailSource:
    """The source as a port; nothing is read yet. Raises MissingSecret."""
    if isinstance(source, FilesSource):
        return open_files(source.name, [absolute(source.path)])
    return _open_imap(source)


def _open_imap(source: ImapSource) -> MailSource:
    from connectors.mailboxes.imap import ImapLogin, ImapServer
    from connectors.mailboxes.imap import ImapSource as ImapMailbox

    ca_file = absolute(source.ca_file) if source.ca_file else None
    server = ImapServer(
        source.host, source.port, source.tls, ca_file,
        connect_timeout_s=source.connect_timeout_s, timeout_s=source.timeout_s,
    )  # fmt: skip
    where = f"sources.{source.name}"
    password = config.secret(where, "password", source.password_file, source.password_env)
    token = config.secret(where, "token", source.token_file, source.token_env)
    return ImapMailbox(source.name, server, ImapLogin(source.user, password, token), source.folders)


@contextmanager
def slot_of(source: Source, slots: ServerSlots, clock: Clock, holders: Holders) -> Iterator[Callable[[], None]]:
    """One of the connections that the source's server bears, for as long as the block lasts; waits for one to be free.

    Gives what keeps it. Files need none. Raises ServerBusy when none was free in time.
    """
    if isinstance(source, FilesSource):
        yield lambda: None
        return
    slot = Slot(slots, clock, holders, f"{source.host}:{source.port}", source.connections)
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
