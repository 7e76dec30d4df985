"""Ledgers on a real PostgreSQL: the tables belong to one role, another one works, a third one only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from connectors.ledger.ledger import create_ledger

PASSWORD = "a word with % and @ in it"


@dataclass(frozen=True)
class Database:
    """One database and the addresses of its roles."""

    server: Any
    name: str
    roles: Roles

    @property
    def url(self) -> str:
        """For the role that captures, indexes and reads."""
        return str(self.server.url(self.name, self.roles.worker, PASSWORD))

    @property
    def owner_url(self) -> str:
        """For the role that owns the tables. It is no superuser."""
        return str(self.server.url(self.name, self.roles.owner, PASSWORD))

    @property
    def reader_url(self) -> str:
        """For auditors."""
        return str(self.server.url(self.name, self.roles.reader, PASSWORD))

    @property
    def superuser_url(self) -> str:
        return str(self.server.url(self.name))

    def asked(self, statement: str, *values: object, url: str | None = None) -> list[Any]:
        """What the server answers on a connection of its own; by default to the superuser."""
        with psycopg.connect(url or self.superuser_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Roles:
    """Roles are known to the whole server, so each set has names of its own."""

    owner: str
    worker: str
    reader: str


@contextmanager
def new_roles(server: Any) -> Iterator[Roles]:
    """Three roles that may log in and nothing else."""
    ending = uuid4().hex[:8]
    roles = Roles(f"owner-{ending}", f'worker "{ending}"', f"reader_{ending}")
    names = [roles.owner, roles.worker, roles.reader]
    on_server(server, *(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(one), PASSWORD) for one in names))
    yield roles
    on_server(server, *(sql.SQL("DROP ROLE {}").format(sql.Identifier(one)) for one in names))


@contextmanager
def new_database(server: Any, roles: Roles, like: str = "template0") -> Iterator[Database]:
    """A database that belongs to the owner; a copy of `like`."""
    name = f"ledger_{uuid4().hex[:12]}"
    parts = map(sql.Identifier, (name, like, roles.owner))
    on_server(server, sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*parts))
    yield Database(server, name, roles)
    server.drop_database(name)


@contextmanager
def empty_ledger(server: Any) -> Iterator[Database]:
    """A database with an empty ledger in it: to be copied, as making one takes longer than most tests."""
    with new_roles(server) as roles, new_database(server, roles) as database:
        create_ledger(database.url, owner_url=database.owner_url, reading_role=roles.reader).close()
        yield database


def on_server(server: Any, *statements: sql.Composed) -> None:
    """Statements of the server's administrator."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
