"""PostgreSQL: a cluster of its own on loopback, every password checked, every commit flushed to disk as in production."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from servers import programs
from servers.account import kept_secret, owned_folder
from servers.processes import Server, bare_environment, kept_port, run_once

_SUPERUSER, _FIRST_DATABASE = "postgres", "postgres"


class PostgresAccess:
    """Addresses of databases on one server, for its superuser and for other roles."""

    superuser_url: str

    def url(self, name: str, user: str | None = None, password: str | None = None) -> str:
        """The address of a database, as the superuser or as `user`."""
        parts = urlsplit(self.superuser_url)
        where = parts.netloc.rpartition("@")[2]
        who = f"{quote(user, safe='')}:{quote(password or '', safe='')}@" if user else f"{parts.netloc.rpartition('@')[0]}@"
        return urlunsplit(parts._replace(netloc=who + where, path=f"/{name}"))

    def create_database(self, name: str) -> str:
        """Create the database if it is not there; its address for the superuser."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop the database and end whoever still uses it."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


class Postgres(PostgresAccess, Server):
    """The server. Its cluster lies in `folder/data`."""

    name: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT
    """The fast way: open transactions are rolled back, nobody is waited for."""

    def __init__(self, folder: Path, *, port: int | None = None, connections: int = 200) -> None:
        super().__init__(folder)
        owned_folder(self.folder)
        self.port, self._connections = port or kept_port(self.folder / "port"), connections
        self._password = kept_secret(self.folder / "password")
        self.superuser_url = f"postgresql://{_SUPERUSER}:{quote(self._password, safe='')}@127.0.0.1:{self.port}/{_FIRST_DATABASE}"
        self._socket: Path | None = None

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    def is_healthy(self) -> bool:
        """Whether it answers a question."""
        try:
            with psycopg.connect(self.superuser_url, connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Stop in good order."""
        super().stop()
        self._drop_socket()

    def kill(self) -> None:
        """End it with all its parts."""
        super().kill()
        self._drop_socket()

    def _prepare(self) -> None:
        # A socket's path must be short, whatever the folder's is.
        self._socket = owned_folder(Path(tempfile.mkdtemp(prefix="capstone-pg-")))
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        initdb = [str(programs.postgres_folder() / "initdb"), "--pgdata", str(self.data), "--username", _SUPERUSER]
        options = ["--auth", "scram-sha-256", "--pwfile", str(self.folder / "password"), "--locale", "C.UTF-8"]
        run_once([*initdb, *options, "--no-sync"], self.log, bare_environment(self.folder), self.folder)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._socket,
            "max_connections": self._connections,
            # A killed server would leave its shared memory outside the folder.
            "dynamic_shared_memory_type": "mmap",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(programs.postgres_folder() / "postgres"), "-D", str(self.data), *options]

    def _drop_socket(self) -> None:
        if self._socket:
            shutil.rmtree(self._socket, ignore_errors=True)
            self._socket = None


class GivenPostgres(PostgresAccess):
    """A server that somebody else runs, by the address of a role that may create databases."""

    def __init__(self, url: str) -> None:
        self.superuser_url = url
