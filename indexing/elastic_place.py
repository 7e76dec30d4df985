"""Where the Elasticsearch index is, and the connection to it. Each process makes its own, when it first asks for something."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import Urllib3HttpNode
from elasticsearch import Elasticsearch

from capstone.domain.errors import BadSettings
from indexing.elastic_errors import asked_again, named_errors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ElasticPlace:
    """A server, or what balances the load of several, and the name of an index there."""

    url: str = field(repr=False)
    """Not shown, as it may hold a password."""
    ca_file: Path | None = None
    """The authority that signed the server's certificate; None: those that the operating system trusts."""
    api_key: str | None = field(default=None, repr=False)
    name: str = "capstone"
    """The alias over all years, and how every name on the server begins."""
    timeout_s: float = 30
    """For one answer."""
    attempts: int = 4
    """How often something is asked while the answer is "not now"."""


class _Node(Urllib3HttpNode):
    """Takes answers only whole: what came before a line ended in the midst of the headers looks like an empty answer."""

    def perform_request(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """As the class above. Raises ConnectionError too for an answer that does not say how long it is."""
        answer = super().perform_request(method, *args, **kwargs)
        if method != "HEAD" and not {"content-length", "transfer-encoding"} & set(answer.meta.headers):
            raise NoConnection("The line ended in the midst of the headers.")
        return answer


class _Opened(NamedTuple):
    process: int
    client: Elasticsearch
    pool: ThreadPoolExecutor


_inherited: list[_Opened] = []
"""Those of a parent process: not ours to close, and not to be collected, which would close them."""


class Connection:
    """The client and the threads of this process."""

    def __init__(self, place: ElasticPlace, threads: int) -> None:
        """Nothing is asked of the server yet."""
        self.place = place
        self.threads = threads
        self._guard = threading.Lock()
        self._opened: _Opened | None = None

    def ask(self, question: Callable[[Elasticsearch], T]) -> T:
        """The answer, asked for again within bounds while it is "not now"; errors come under our names."""
        client = self.client
        with named_errors():
            return asked_again(self.place.attempts, lambda: question(client))

    @property
    def client(self) -> Elasticsearch:
        """The vendor's client. Raises BadSettings."""
        return self._open().client

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for what can be asked at once."""
        return self._open().pool

    def close(self) -> None:
        """Give back threads and connections. The next question opens them again."""
        with self._guard:
            opened, self._opened = self._opened, None
        if opened is None:
            return
        if opened.process != os.getpid():
            _inherited.append(opened)
            return
        opened.pool.shutdown()
        opened.client.close()

    def _open(self) -> _Opened:
        with self._guard:
            if self._opened is not None and self._opened.process != os.getpid():
                _inherited.append(self._opened)
                self._opened = None
            if self._opened is None:
                pool = ThreadPoolExecutor(self.threads + 1, thread_name_prefix="index")
                self._opened = _Opened(os.getpid(), _client(self.place, self.threads + 1), pool)
            return self._opened


def _client(place: ElasticPlace, connections: int) -> Elasticsearch:
    """Without attempts of its own: it would ask again at once."""
    try:
        return Elasticsearch(
            place.url,
            api_key=place.api_key,
            request_timeout=place.timeout_s,
            connections_per_node=connections,
            max_retries=0,
            retry_on_timeout=False,
            node_class=_Node,
            **_trust(place),
        )
    except ValueError:
        # Not chained: the address may hold a password.
        raise BadSettings("The url of [index] must read like https://search.agency.example:9200, with its port.") from None


def _trust(place: ElasticPlace) -> dict[str, Any]:
    """Whose certificates are trusted: those of the operating system, not those that a library brings."""
    if not place.url.startswith("https:"):
        return {}
    try:
        return {"ssl_context": ssl.create_default_context(cafile=place.ca_file)}
    except OSError as exc:
        raise BadSettings(f"The ca_file of [index] cannot be used: {exc.strerror or 'it holds no certificate'}.") from exc
