"""A server as a process: started, waited for until it is healthy, stopped by its pid, gone when its starter is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from servers.account import owned_file, owned_folder, server_account
from servers.errors import ServerError
from servers.tree import Member, frozen_tree, send, signal_all, still_running, tree_of

_GUARD = Path(__file__).with_name("guard.py")
_LOG_LINES, _END_S = 12, 10


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept_port(file: Path) -> int:
    """The port of the last time, where nobody else has it now; else a free one, kept in the file for the next time."""
    if file.exists() and _is_free(int(file.read_text())):
        return int(file.read_text())
    port = free_port()
    owned_file(file, str(port))
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float, pause_s: float = 0.05) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


def accepts(port: int) -> bool:
    """Whether something listens on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_once(command: list[str], log: Path, environment: Mapping[str, str], cwd: Path, seconds: float = 120) -> None:
    """Run a preparing command as the servers' user. Raises ServerError with the end of its output."""
    with log.open("ab") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, cwd=cwd, timeout=seconds, **_as_account()
        )
    if done.returncode:
        raise ServerError(f"{Path(command[0]).name} ended with {done.returncode}.\n{_tail(log)}")


class Child:
    """One process in a group of its own, and the guard that ends it when this program dies."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        environment: Mapping[str, str],
        cwd: Path,
        stop_signal: signal.Signals,
        is_own: bool = False,
    ) -> None:
        """Start it as the servers' user, or as the present one where `is_own`."""
        self.stop_signal = stop_signal
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
                cwd=cwd,
                start_new_session=True,
                **({} if is_own else _as_account()),
            )
        self.guard = subprocess.Popen(
            [sys.executable, "-I", str(_GUARD), str(self.process.pid), str(int(stop_signal)), "10"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The leader of the group."""
        return self.process.pid

    def has_ended(self) -> bool:
        """Whether the leader is gone."""
        return self.process.poll() is not None

    def stop(self, seconds: float) -> None:
        """Ask it to stop, and kill what is left after `seconds`."""
        members = tree_of(self.pid)
        signal_all(members, signal.SIGCONT)
        send(self.pid, self.stop_signal)
        wait_until(lambda: self.has_ended() and not still_running(members), seconds)
        self._end(members)

    def kill(self) -> None:
        """End the whole tree at once."""
        self._end(frozen_tree(self.pid))

    def _end(self, members: set[Member]) -> None:
        signal_all(members, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not still_running(members), _END_S)
        self.guard.communicate(b"done\n")


class Server(ABC):
    """What all servers share. A class says its command and when it is healthy."""

    name: ClassVar[str]
    start_s: ClassVar[float] = 60
    stop_s: ClassVar[float] = 20
    pause_s: ClassVar[float] = 0.05
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    port: int
    """Where it listens on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._child: Child | None = None

    @classmethod
    @contextmanager
    def started(cls, folder: Path, **options: Any) -> Iterator[Self]:  # the options are those of the class
        """A healthy server whose data lie under `folder`; stopped at exit. Raises ServerError."""
        server = cls(folder, **options)
        try:
            server.start()
            yield server
        finally:
            server.stop()

    @property
    def log(self) -> Path:
        """Where the server's own words go."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """The process. Raises ServerError when it does not run."""
        if self._child is None:
            raise ServerError(f"{self.name} does not run.")
        return self._child.pid

    def start(self) -> None:
        """Start on the same ports and data, and wait until healthy. Nothing to do when it runs already."""
        if self._child and not self._child.has_ended():
            return
        self.stop()
        owned_folder(self.folder)
        owned_file(self.log)
        self._prepare()
        self._child = Child(self.command(), self.log, self._environment(), self.folder, self.stop_signal)
        self._await_health(self._child)

    def stop(self) -> None:
        """Stop in good order. Nothing to do when it does not run."""
        if self._child:
            self._child.stop(self.stop_s)
            self._child = None

    def kill(self) -> None:
        """End it with all its parts, as a loss of power would."""
        if self._child:
            self._child.kill()
            self._child = None

    def freeze(self) -> None:
        """Hold the server and all its parts still: connections stay open and nothing answers."""
        frozen_tree(self.pid)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        signal_all(tree_of(self.pid), signal.SIGCONT)

    @abstractmethod
    def command(self) -> list[str]:
        """What is run. Raises ProgramMissing."""

    @abstractmethod
    def is_healthy(self) -> bool:
        """Whether it does its work now."""

    def _prepare(self) -> None:  # noqa: B027 - most servers make their data themselves
        """Make what must be there before the start. Runs before every start."""

    def _environment(self) -> dict[str, str]:
        return bare_environment(self.folder)

    def _await_health(self, child: Child) -> None:
        wait_until(lambda: child.has_ended() or self.is_healthy(), self.start_s, self.pause_s)
        if not child.has_ended() and self.is_healthy():
            return
        why = "ended while it started" if child.has_ended() else f"was not healthy after {self.start_s:.0f} s"
        self.kill()
        raise ServerError(f"{self.name} {why}. Its log, {self.log}, ends:\n{_tail(self.log)}")


def bare_environment(home: Path) -> dict[str, str]:
    """Nothing of the person's own settings reaches a server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}


def _as_account() -> dict[str, Any]:
    account = server_account()
    umask: dict[str, Any] = {"umask": 0o077}
    return umask | ({"user": account.uid, "group": account.gid, "extra_groups": []} if account.is_other else {})


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:]) if log.exists() else ""
