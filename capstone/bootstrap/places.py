"""Which store, ledger and index the settings name. Each is made here, opened and checked where it is first used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from capstone import settings as config
from capstone.domain.errors import LedgerNotEmpty, LedgerUnavailable
from capstone.ports import RecordStore, SearchIndex
from capstone.settings import Settings, absolute
from connectors.flush import flush_folder
from connectors.ledger.engine import file_url, ledger_file, shown_url
from connectors.ledger.ledger import SqlLedger, create_ledger, open_ledger


class MadeStore(RecordStore, Protocol):
    """A store as the wiring sees it."""

    def create(self) -> None:
        """Make it; safe to repeat."""
        ...

    def close(self) -> None:
        """End what it holds open."""
        ...


class MadeIndex(SearchIndex, Protocol):
    """An index as the wiring sees it."""

    def exists(self) -> bool:
        """Whether `reset` has made it before."""
        ...

    def close(self) -> None:
        """End what it holds open."""
        ...


def new_store(settings: Settings) -> MadeStore:
    """The store that [store] names; nothing is touched yet."""
    chosen = settings.store
    if chosen.kind == "folder":
        from connectors.record_store.directory import DirectoryRecordStore

        return DirectoryRecordStore(absolute(chosen.path) if chosen.path else config.home() / "store")
    from connectors.record_store.s3 import S3Place, S3RecordStore

    place = S3Place(
        bucket=chosen.bucket or "",
        endpoint_url=chosen.endpoint_url,
        region=chosen.region,
        ca_file=absolute(chosen.ca_file) if chosen.ca_file else None,
        path_style=chosen.path_style if chosen.path_style is not None else chosen.endpoint_url is not None,
        connect_timeout_s=chosen.connect_timeout_s,
        read_timeout_s=chosen.read_timeout_s,
        attempts=chosen.attempts,
    )
    return S3RecordStore(place, settings.lock.mode, threads=chosen.threads)


def store_name(settings: Settings) -> str:
    """Where records lie, for people."""
    chosen = settings.store
    if chosen.kind == "folder":
        return str(absolute(chosen.path) if chosen.path else config.home() / "store")
    return f"{_shown(chosen.endpoint_url)}/{chosen.bucket}" if chosen.endpoint_url else f"s3://{chosen.bucket}"


def new_index(settings: Settings) -> MadeIndex:
    """The index that [index] names; nothing is touched yet."""
    chosen = settings.index
    if chosen.kind == "fts5":
        from indexing.fts5 import Fts5Index

        return Fts5Index(absolute(chosen.path) if chosen.path else config.home() / "index.sqlite")
    from indexing.elastic import ElasticIndex, ElasticPlace

    place = ElasticPlace(
        url=chosen.url or "",
        ca_file=absolute(chosen.ca_file) if chosen.ca_file else None,
        api_key=config.secret("index", "api_key", chosen.api_key_file, chosen.api_key_env),
        name=chosen.name,
        timeout_s=chosen.timeout_s,
        attempts=chosen.attempts,
    )
    return ElasticIndex(place, threads=chosen.threads)


def index_name(settings: Settings) -> str:
    """Where search looks, for people."""
    chosen = settings.index
    if chosen.kind == "fts5":
        return str(absolute(chosen.path) if chosen.path else config.home() / "index.sqlite")
    return f"{_shown(chosen.url or '')}/{chosen.name}"


def _shown(url: str) -> str:
    """The URL without user and password: fit to be printed."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def ledger_url(settings: Settings) -> str:
    """The URL of the ledger for everyday work. It may hold a password. Raises BadSettings for what is no URL of a ledger."""
    chosen = settings.ledger
    hidden = config.secret("ledger", "url", chosen.url_file, chosen.url_env)
    return _full_url(hidden or chosen.url or file_url(config.home() / "ledger.sqlite"))


def make_ledger(settings: Settings) -> None:
    """Make the ledger where it is not there yet, or bring an older one to the present version.

    Where `owner_url` names a role of its own, the tables belong to it, and everyday work cannot rewrite history.
    """
    create_ledger(ledger_url(settings), owner_url=_owner_url(settings), wait_s=settings.ledger.wait_s).close()


def ledger_name(settings: Settings) -> str:
    """Where the evidence lies, for people: a file, or a server without its password."""
    url = ledger_url(settings)
    return str(ledger_file(url) or shown_url(url))


@contextmanager
def ledger_made_anew(settings: Settings, now: datetime) -> Iterator[SqlLedger]:
    """An empty ledger, to be filled. Raises LedgerNotEmpty where a database holds one.

    An embedded one takes its place when it is whole: half a register would give wrong classes. The one that is there is then
    moved aside, never deleted.
    """
    url, wait_s = ledger_url(settings), settings.ledger.wait_s
    file = ledger_file(url)
    if file is None:
        with closing(open_ledger(_owner_url(settings) or url, wait_s)) as there:
            if not there.is_empty():
                raise LedgerNotEmpty(f"{ledger_name(settings)} holds a ledger already; nothing was changed.")
        with closing(create_ledger(url, owner_url=_owner_url(settings), wait_s=wait_s)) as made:
            yield made
        return
    filling = file.with_name(f"{file.name}.rebuilding")
    with _files_moved():
        for path in _with_its_logs(filling):
            path.unlink(missing_ok=True)  # of a rebuild that did not come to its end
    with closing(create_ledger(file_url(filling), wait_s=wait_s)) as made:
        yield made
    with _files_moved():
        _rename(file, file.with_name(f"{file.name}.{now:%Y%m%dT%H%M%SZ}.old"))
        _rename(filling, file)
        flush_folder(file.parent)


def _rename(file: Path, new: Path) -> None:
    """With its logs: so named, SQLite finds them when somebody opens it."""
    for path, named in zip(_with_its_logs(file), _with_its_logs(new), strict=True):
        if path.exists():
            path.rename(named)


def _with_its_logs(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in ("", "-wal", "-shm")]


@contextmanager
def _files_moved() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise LedgerUnavailable(f"The files of the ledger cannot be moved: {exc.strerror}.") from exc


def _owner_url(settings: Settings) -> str | None:
    chosen = settings.ledger
    return config.secret("ledger", "owner_url", chosen.owner_url_file, chosen.owner_url_env) or chosen.owner_url


def _full_url(url: str) -> str:
    """The URL, with the file of an embedded ledger made absolute. Raises BadSettings."""
    file = ledger_file(url)
    return file_url(file) if file is not None else url
