"""Programs that tests compare with and this project does not need."""

from __future__ import annotations

from shutil import which

from servers.errors import ProgramMissing
from tests.services import needed_programs


def needed(program: str, package: str) -> None:
    """Skip the test where the program is missing, or fail it where CAPSTONE_SERVICES says that nothing may be."""
    with needed_programs():
        if which(program) is None:
            raise ProgramMissing(f"{program} is missing: install {package}.")
