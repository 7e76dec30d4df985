"""Elasticsearch: one node on loopback with security and TLS on, in the lean distribution."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from servers import programs
from servers.account import kept_secret, owned_file, owned_folder
from servers.certificates import certificates_in
from servers.errors import ServerError
from servers.processes import Server, accepts, bare_environment, free_port, kept_port, run_once

_CONFIGURATION = """
cluster.name: capstone-{port}
node.name: here
discovery.type: single-node
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport_port}
path.data: {folder}/data
path.logs: {folder}/logs
# A nearly full disk of a developer must not make the index read-only.
cluster.routing.allocation.disk.threshold_enabled: false
xpack.security.enabled: true
xpack.security.autoconfiguration.enabled: false
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.certificate: tls/server.pem
xpack.security.http.ssl.key: tls/server.key
"""
_SAID = 400
_COPIED = ("jvm.options", "log4j2.properties", "role_mapping.yml", "roles.yml", "users", "users_roles")


class ElasticsearchAccess:
    """Where the server is and how to be let in."""

    def __init__(self, url: str, ca_file: Path | None, authorization: str) -> None:
        self.url, self.ca_file, self._authorization = url.rstrip("/"), ca_file, authorization

    def api_key(self, name: str = "tests", roles: dict[str, Any] | None = None) -> str:
        """A new API key in the encoded form that clients take; with all rights unless role descriptors are given."""
        made = self.ask("POST", "/_security/api_key", {"name": name, "role_descriptors": roles or {}})
        return str(made["encoded"])

    def ask(self, method: str, path: str, body: object = None, timeout_s: float = 30) -> Any:
        """One request with all rights; the answer's JSON. Raises ServerError for a refusal, OSError where nothing answers."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, method=method)  # noqa: S310 - the address is the tests' own
        request.add_header("Authorization", self._authorization)
        request.add_header("Content-Type", "application/json")
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s, context=context) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as exc:
            said = exc.read()[:_SAID].decode(errors="replace")
            raise ServerError(f"{method} {path} was answered by {exc.code}: {said}") from exc


class Elasticsearch(ElasticsearchAccess, Server):
    """The server. Its indices lie in `folder/data`, its configuration in `folder/config`."""

    name: ClassVar[str] = "elasticsearch"
    start_s: ClassVar[float] = 300
    stop_s: ClassVar[float] = 30
    pause_s: ClassVar[float] = 0.5
    user: ClassVar[str] = "elastic"

    def __init__(self, folder: Path, *, port: int | None = None, heap_mb: int = 1024, is_brief: bool = False) -> None:
        """`is_brief`: for a life of minutes; the machine code is made in a simpler way, which saves a third of the start."""
        Server.__init__(self, folder)
        owned_folder(self.folder)
        self.port, self._transport_port, self._heap_mb = port or kept_port(self.folder / "port"), free_port(), heap_mb
        self._is_brief = is_brief
        self.password = kept_secret(self.folder / "password")
        self._config = self.folder / "config"
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        ElasticsearchAccess.__init__(self, f"https://127.0.0.1:{self.port}", self._config / "tls" / "ca.pem", f"Basic {basic}")

    def is_healthy(self) -> bool:
        """Whether every index, the one of the security features too, can be used."""
        if not accepts(self.port):
            return False
        try:
            return bool(self.ask("GET", "/_cluster/health", timeout_s=5)["status"] in ("yellow", "green"))
        except (OSError, ValueError, ServerError):
            return False

    def _prepare(self) -> None:
        for name in ("data", "logs", "config", "temporary", "config/jvm.options.d"):
            owned_folder(self.folder / name)
        delivered = programs.elasticsearch_folder() / "config"
        for name in _COPIED:
            owned_file(self._config / name, (delivered / name).read_text())
        certificates_in(self._config / "tls")
        settings = _CONFIGURATION.format(port=self.port, transport_port=self._transport_port, folder=self.folder)
        owned_file(self._config / "elasticsearch.yml", settings)
        if not (self._config / "elasticsearch.keystore").exists():
            self._make_keystore()

    def _make_keystore(self) -> None:
        """The first password of the superuser; the server takes it from nowhere else."""
        tool = str(programs.elasticsearch_folder() / "bin" / "elasticsearch-keystore")
        run_once([tool, "create"], self.log, self._environment(), self.folder)
        run_once(
            [tool, "add-file", "bootstrap.password", str(self.folder / "password")], self.log, self._environment(), self.folder
        )

    def command(self) -> list[str]:
        return [str(programs.elasticsearch_folder() / "bin" / "elasticsearch")]

    def _environment(self) -> dict[str, str]:
        heap = f"-Xms{min(512, self._heap_mb)}m -Xmx{self._heap_mb}m"
        return bare_environment(self.folder) | {
            "ES_JAVA_HOME": str(programs.java_home()),
            "ES_PATH_CONF": str(self._config),
            "ES_JAVA_OPTS": f"{heap} -XX:TieredStopAtLevel=1" if self._is_brief else heap,
            "ES_TMPDIR": str(self.folder / "temporary"),
        }


class GivenElasticsearch(ElasticsearchAccess):
    """A server that somebody else runs, by an API key with all rights."""

    def __init__(self, url: str, api_key: str, ca_file: Path | None) -> None:
        super().__init__(url, ca_file, f"ApiKey {api_key}")
        self._given = api_key

    def api_key(self, name: str = "tests", roles: dict[str, Any] | None = None) -> str:
        """The key that was given; one of fewer rights where roles are named."""
        return super().api_key(name, roles) if roles else self._given
