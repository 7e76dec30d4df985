"""Who asks: the people of roles.toml."""

from __future__ import annotations

import getpass
import json
import tomllib

from capstone import settings as config
from capstone.domain.access import Person, read_people
from capstone.domain.errors import BadSettings, NotAllowed


def make_roles() -> bool:
    """Name the caller as records officer where there is no roles.toml yet. Says whether it did."""
    file = config.roles_file()
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[people]\n{json.dumps(getpass.getuser())} = ["records_officer"]\n')
    return True


def named_person(name: str | None) -> Person:
    """The person, or the operating system's user. Raises NotAllowed where roles.toml does not name them."""
    wanted, file = name or getpass.getuser(), config.roles_file()
    try:
        people = read_people(tomllib.loads(file.read_text()), str(file))
    except FileNotFoundError as exc:
        raise NotAllowed(f"There is no {file}, so nobody may read.", "Run 'capstone init'.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSettings(f"{file} is no TOML: {exc}") from exc
    if wanted not in people:
        raise NotAllowed(f"{file} does not name {wanted}.")
    return people[wanted]
