"""What libpst, which shares no line with libpff, counts in a PST: `lspst` of Debian's pst-utils, beside `readpst`.

It writes no file, which `readpst` cannot be kept from. Its opinion is told, never obeyed.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from tempfile import TemporaryFile
from typing import IO

_NAME = "lspst"
_MAIL = b"Email\t"
_BOUNDED = ("prlimit", f"--as={4 * 1024**3}", f"--fsize={64 * 1024**2}", "--cpu=3600", "--core=0")
_MORTAL = ("setpriv", "--pdeathsig", "KILL")
"""Both of util-linux. It ends with who asks; and unlike code between fork and exec they are safe beside threads."""


class Witness:
    """Counts while others read. Says nothing where the program is not installed or cannot be run."""

    def __init__(self, path: bytes) -> None:
        self._out: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        mortal, bounded, program = (shutil.which(name) for name in (_MORTAL[0], _BOUNDED[0], _NAME))
        if mortal is None or bounded is None or program is None:
            return
        with contextlib.suppress(OSError):
            self._out = TemporaryFile()  # noqa: SIM115 closed by `count` or `dismiss`
            self._process = subprocess.Popen(  # noqa: S603 the path is an argument of its own, and is absolute
                [mortal, *_MORTAL[1:], bounded, *_BOUNDED[1:], program, path],
                stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"},
            )  # fmt: skip

    def count(self, limit_s: float) -> int | None:
        """How many messages it lists; None where it fails or is not done in that time."""
        try:
            if self._process is None or self._out is None or self._process.wait(limit_s):
                return None
            self._out.seek(0)
            return sum(line.startswith(_MAIL) for line in self._out)
        except (subprocess.TimeoutExpired, OSError):
            return None
        finally:
            self.dismiss()

    def dismiss(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._out is not None:
            self._out.close()
