"""A small process beside every server: it ends the server when the program that started it is gone.

    python -I guard.py PID SIGNAL SECONDS

Its standard input is a pipe from that program. A line means that all is well and the guard leaves; the end of the pipe without
one means that the program died. Then the server is asked to stop by SIGNAL, and killed with all its parts after SECONDS.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from servers.tree import send, signal_all, still_running, tree_of  # found by the line above: the guard is run as a file

_PAUSE_S = 0.1


def main(pid: int, number: int, seconds: float) -> None:
    """Wait for the line or the end of the pipe."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    if sys.stdin.readline():
        return
    members = tree_of(pid)
    signal_all(members, signal.SIGCONT)
    send(pid, signal.Signals(number))
    deadline = time.monotonic() + seconds
    while still_running(members) and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
    signal_all(members | tree_of(pid), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
