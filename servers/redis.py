"""Redis: the broker of Celery, on loopback with a password; its data survive a restart."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import ClassVar

from servers import programs
from servers.account import kept_secret, owned_file, owned_folder
from servers.processes import Server, kept_port

_CONFIGURATION = """
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
appendonly yes
daemonize no
"""


class RedisAccess:
    """Where the server is, password and all."""

    url: str


class GivenRedis(RedisAccess):
    """A server that somebody else runs."""

    def __init__(self, url: str) -> None:
        self.url = url


class Redis(RedisAccess, Server):
    """The server."""

    name: ClassVar[str] = "redis"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder)
        owned_folder(self.folder)
        self.port = port or kept_port(self.folder / "port")
        self._password = kept_secret(self.folder / "password")
        self.url = f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def is_healthy(self) -> bool:
        """Whether it answers a ping."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as line:
                line.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                said = b""
                while b"PONG" not in said and (more := line.recv(256)):
                    said += more
                return said.startswith(b"+OK") and b"PONG" in said
        except OSError:
            return False

    def _prepare(self) -> None:
        text = _CONFIGURATION.format(port=self.port, folder=self.folder, password=self._password)
        owned_file(self.folder / "redis.conf", text)

    def command(self) -> list[str]:
        return [str(programs.system_program("redis-server", "redis-server")), str(self.folder / "redis.conf")]
