"""Who asks: the people of roles.toml."""

from __future__ import annotations

import getpass
import json
import tomllib

from capstone import settings as config
from capstone.domain.access import Person, read_people
from capstone.domain.errors import BadSettings, NotAllowed


def make_roles() -> bool:
    """Name the caller as records officer where there is no roles.toml yet; whether it did. Raises NotAllowed, BadSettings."""
    file = config.roles_file()
    if file.exists():
        return False
    caller = _caller()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'[people]\n{json.dumps(caller)} = ["records_officer"]\n', "utf-8")
    except OSError as exc:
        raise BadSettings(f"{file} cannot be written: {exc.strerror}.") from exc
    return True


def named_person(name: str | None) -> Person:
    """The person, or the operating system's user. Raises NotAllowed where roles.toml does not name them, BadSettings."""
    wanted, file = name or _caller(), config.roles_file()
    try:
        people = read_people(tomllib.loads(file.read_text("utf-8")), str(file))
    except FileNotFoundError as exc:
        raise NotAllowed(f"There is no {file}, so nobody may read.", "Run 'capstone init'.") from exc
    except OSError as exc:
        raise NotAllowed(f"{file} cannot be read: {exc.strerror}.", "Check its owner and permissions.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSettings(f"{file} is no TOML: {exc}") from exc
    if wanted not in people:
        raise NotAllowed(f"{file} does not name {wanted}.")
    return people[wanted]


def _caller() -> str:
    """The operating system's user. A container may run under a number that has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as exc:
        raise NotAllowed(
            "The operating system has no name for who runs this.", "Set LOGNAME, or name a person with --as."
        ) from exc
