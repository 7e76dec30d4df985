"""Settings of the demonstration on real servers: roles, keys and the file that names them all. No secret stands in that file."""

from __future__ import annotations

import json
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from servers.dovecot import Dovecot
from servers.elasticsearch import Elasticsearch, ElasticsearchAccess
from servers.errors import ServerError
from servers.postgres import Postgres
from servers.processes import Server
from servers.redis import Redis
from servers.versitygw import Versitygw


@dataclass(frozen=True)
class Stack:
    """The servers that one demonstration runs on, and what its bucket, databases, roles and indices are called."""

    versitygw: Versitygw
    postgres: Postgres
    elasticsearch: Elasticsearch
    dovecot: Dovecot
    redis: Redis | None
    name: str = "capstone"

    @property
    def servers(self) -> tuple[Server, ...]:
        """All of them."""
        fixed = (self.versitygw, self.postgres, self.elasticsearch, self.dovecot)
        return (*fixed, self.redis) if self.redis else fixed


def written_settings(home: Path, stack: Stack, accounts: list[str]) -> Path:
    """Make the roles and keys, write them into files of their own, and the settings that name these. Safe to repeat."""
    name = stack.name
    _kept(home, "ledger-owner-url", _database(home, stack.postgres, name, f"{name}_owner"))
    _kept(home, "ledger-url", _role(home, stack.postgres, name, f"{name}_work"))
    _kept(home, "index-api-key", _index_key(home, stack))
    _kept(home, "mail-password", stack.dovecot.password)
    agency = tomllib.loads((home / "capstone.toml").read_text())["agency"]
    blocks = [_table("agency", agency), *_places(stack), *(_source(account, stack.dovecot) for account in accounts)]
    file = home / "real.toml"
    file.write_text("# Written at every start: the demonstration on real servers of this machine.\n" + "\n".join(blocks))
    return file


def airflow_url(home: Path, stack: Stack) -> str:
    """Airflow's own database, of a role of its own."""
    name = f"{stack.name}_airflow"
    return _database(home, stack.postgres, name, name).replace("postgresql://", "postgresql+psycopg2://")


def kept_word(home: Path, name: str) -> str:
    """A secret that is made once and kept."""
    file = home / "secrets" / name
    return file.read_text() if file.exists() else _kept(home, name, secrets.token_urlsafe(24))


def _places(stack: Stack) -> list[str]:
    gateway, search = stack.versitygw, stack.elasticsearch
    bucket, server = f"{stack.name}-records", {"endpoint_url": gateway.endpoint_url, "region": gateway.region, "path_style": True}
    ledger = {"url_file": "secrets/ledger-url", "owner_url_file": "secrets/ledger-owner-url"}
    index = {"url": search.url, "ca_file": str(search.ca_file), "api_key_file": "secrets/index-api-key", "name": stack.name}
    return [
        _table("store", {"kind": "s3", "bucket": bucket} | server),
        _table("ledger", ledger),
        _table("index", {"kind": "elasticsearch"} | index),
    ]


def _source(account: str, mail: Dovecot) -> str:
    where = {"host": "127.0.0.1", "port": mail.tls_port, "ca_file": str(mail.ca_file)}
    login = {"user": account, "password_file": "secrets/mail-password"}
    return _table("[sources]", {"name": f"{account}-mailbox", "kind": "imap", "account": account} | where | login)


def _database(home: Path, postgres: Postgres, name: str, owner: str) -> str:
    """A database and the role that owns it; its URL for that role."""
    database, url = postgres.create_database(name), _role(home, postgres, name, owner)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(owner)))
    return url


def _role(home: Path, postgres: Postgres, database: str, role: str) -> str:
    """A role that can log in, with a password of its own; its URL of the database."""
    password = kept_word(home, f"{role}-password")
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
    return postgres.url(database, role, password)


def _index_key(home: Path, stack: Stack) -> str:
    """The key of the last time where the server still knows it, else a new one with the rights that the archive needs."""
    file, search = home / "secrets" / "index-api-key", stack.elasticsearch
    if file.exists() and _knows(search, file.read_text()):
        return file.read_text()
    own = [{"names": [stack.name, f"{stack.name}-*"], "privileges": ["all"]}]
    return search.api_key(stack.name, {stack.name: {"cluster": ["monitor"], "index": own}})


def _knows(search: Elasticsearch, key: str) -> bool:
    try:
        ElasticsearchAccess(search.url, search.ca_file, f"ApiKey {key}").ask("GET", "/_security/_authenticate")
    except ServerError:
        return False
    return True


def _kept(home: Path, name: str, word: str) -> str:
    folder = home / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / name
    file.touch(mode=0o600)
    file.write_text(word)
    return word


def _table(name: str, values: Mapping[str, object]) -> str:
    """A table of TOML; a value of JSON is one of TOML for text, numbers and truth."""
    return "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""])
