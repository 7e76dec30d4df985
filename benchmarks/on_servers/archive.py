"""An archive of its own on the servers, and what one piece of work on it took."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from elasticsearch import Elasticsearch

from benchmarks.end_to_end import OFFICIALS
from benchmarks.measured import measure
from benchmarks.on_servers.cluster import Cluster

ACCOUNT, MAIL_USER = "bench", "bench"
CAPSTONE = str(Path(sys.executable).parent / "capstone")
_SETTINGS = """[store]
kind = "s3"
endpoint_url = "{s3}"
bucket = "{name}"
[ledger]
url_file = "ledger-url"
[index]
{index}
[[sources]]
name = "mailbox"
kind = "imap"
account = "bench"
host = "127.0.0.1"
port = {imap_port}
ca_file = "{imap_ca}"
user = "bench"
password_file = "mail-password"
"""
_ELASTIC = """kind = "elasticsearch"
url = "{url}"
ca_file = "{ca_file}"
name = "{name}"
api_key_file = "index-key\""""
_EMBEDDED = """kind = "fts5"
path = "index.sqlite\""""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a piece of work took: seconds, processor seconds of our processes and of each server, peak memory of ours."""

    wall_s: float
    ours_s: float
    servers_s: dict[str, float]
    peak_bytes: int
    told: dict[str, Any]


def taken_by(cluster: Cluster, command: Sequence[str], environment: dict[str, str], fine: Sequence[int] = (0,)) -> Taken:
    """Run the command to its end. It writes one JSON object; a `seconds` in it is its own, shorter measure of the work."""
    before = cluster.cpu_s()
    found = measure(command, environment, fine)
    spent = {name: now - before[name] for name, now in cluster.cpu_s().items()}
    told = json.loads(found.told)
    return Taken(told.get("seconds", found.wall_s), found.cpu_s, spent, found.peak_bytes, told)


class Archive:
    """A bucket, a database and indices that no other run has used."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        """Make them, and register the account."""
        self._cluster, self.name = cluster, f"b{uuid4().hex[:10]}"
        self.home = folder / self.name
        self.home.mkdir(parents=True)
        self._write_settings()
        self.environment = {
            **cluster.s3.environment(),
            "CAPSTONE_HOME": str(self.home),
            "CAPSTONE_CONFIG": str(self.home / "capstone.toml"),
            "CAPSTONE_LOG": "critical",
        }
        measure([CAPSTONE, "init"], self.environment)
        (self.home / "officials.csv").write_text(OFFICIALS)
        measure([CAPSTONE, "officials", "import", str(self.home / "officials.csv")], self.environment)

    def run(self, *arguments: str, fine: Sequence[int] = (0, 1)) -> Taken:
        """One command of ours, from the start of its process to its end."""
        return taken_by(self._cluster, [CAPSTONE, *arguments, "--json"], self.environment, fine)

    def capture_alone(self, *arguments: str) -> Taken:
        """What a scheduled run does: capture without indexing beside it. See `benchmarks.on_servers.capture_alone`."""
        command = [sys.executable, "-m", "benchmarks.on_servers.capture_alone", ACCOUNT, *arguments]
        return taken_by(self._cluster, command, self.environment)

    def with_embedded_index(self) -> dict[str, str]:
        """The environment of the same archive with an FTS5 index instead of Elasticsearch."""
        file = self.home / "fts5.toml"
        file.write_text(self._settings(_EMBEDDED))
        return self.environment | {"CAPSTONE_CONFIG": str(file)}

    def client(self) -> Elasticsearch:
        """A plain client of the search server."""
        server = self._cluster.elasticsearch
        return Elasticsearch(server.url, api_key=(self.home / "index-key").read_text(), ca_certs=str(server.ca_file))

    def drop(self) -> None:
        """Take everything away, so that a later run does not share the machine with merges of this one."""
        with self.client() as client:
            drop_indices(client, f"{self.name}-*")
        self._cluster.postgres.drop_database(self.name)
        drop_bucket(self._cluster, self.name)
        shutil.rmtree(self.home)

    def _write_settings(self) -> None:
        (self.home / "ledger-url").write_text(self._cluster.postgres.create_database(self.name))
        (self.home / "index-key").write_text(self._cluster.elasticsearch.api_key())
        (self.home / "mail-password").write_text(self._cluster.dovecot.password)
        server = self._cluster.elasticsearch
        index = _ELASTIC.format(url=server.url, ca_file=server.ca_file, name=self.name)
        (self.home / "capstone.toml").write_text(self._settings(index))

    def _settings(self, index: str) -> str:
        dovecot = self._cluster.dovecot
        return _SETTINGS.format(
            s3=self._cluster.s3.endpoint_url,
            name=self.name,
            index=index,
            imap_port=dovecot.tls_port,
            imap_ca=dovecot.ca_file,
        )


def drop_indices(client: Elasticsearch, pattern: str) -> None:
    """Delete the indices; the server takes no pattern for that."""
    for name in list(client.indices.get(index=pattern, allow_no_indices=True)):
        client.indices.delete(index=name)


def drop_bucket(cluster: Cluster, name: str) -> None:
    """Behind the server's back: through it nothing that is locked can be deleted."""
    for part in ("objects", "versions", "metadata"):
        shutil.rmtree(cluster.s3.folder / part / name, ignore_errors=True)


def put_into_mailbox(cluster: Cluster, mail: Path) -> None:
    """Deliver the messages to the mail server, with the sizes in their names as its own delivery writes them."""
    inbox = cluster.dovecot.mail_folder(MAIL_USER) / "cur"
    owner = inbox.stat()
    for number, entry in enumerate(sorted(os.scandir(mail / "cur"), key=lambda one: one.name)):
        raw = Path(entry.path).read_bytes()
        on_the_wire = len(raw) + raw.count(b"\n") - raw.count(b"\r\n")
        target = inbox / f"{1_500_000_000 + number}.M{number}P1.bench,S={len(raw)},W={on_the_wire}:2,S"
        target.write_bytes(raw)
        os.chown(target, owner.st_uid, owner.st_gid)
