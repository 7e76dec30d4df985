"""Who may do what: roles of a person, and the scope of what a viewer may see. Deny by default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from capstone.domain.errors import BadSettings, NotAllowed
from capstone.domain.officials import Designation
from capstone.domain.query import Scope

AGENCY_ROLES = frozenset(
    {
        "records_officer",
        "records_staff",
        "essential_records_manager",
        "general_counsel",
        "opr_headquarters",
        "opr_director",
        "opla",
        "elmr",
        "information_disclosure",
        "privacy_office",
        "auditor",
        "system_operator",
    }
)
OFFICE_ROLES = frozenset({"records_liaison_officer", "records_assistant", "responsible_official", "opr_local_office"})
"""Roles that are held for one office each."""

_BOUND = re.compile(r"([a-z_]+)\((.+)\)")
_READ_ALL = frozenset({"records_officer", "records_staff"})
_READ_OFFICE = frozenset({"records_liaison_officer", "records_assistant", "responsible_official"})
_KEEP_REGISTER = frozenset({"records_officer"})


@dataclass(frozen=True, slots=True)
class Person:
    """A person with roles; `offices` are those of the office-bound roles, as (role, office)."""

    name: str
    roles: frozenset[str] = frozenset()
    offices: frozenset[tuple[str, str]] = frozenset()


def read_people(told: Mapping[str, object], where: str) -> dict[str, Person]:
    """The people of a roles file: `[people] name = ["records_officer", "records_assistant(Office of X)"]`. Raises BadSettings."""
    people = told.get("people", {})
    if set(told) - {"people"} or not isinstance(people, dict):
        raise BadSettings(f"{where} may hold one table, [people], and nothing else.")
    return {name: _person(name, roles, where) for name, roles in people.items()}


def _person(name: str, told: object, where: str) -> Person:
    if not isinstance(told, list) or not all(isinstance(role, str) for role in told):
        raise BadSettings(f"{where}: the roles of {name} must be a list of texts.")
    roles: set[str] = set()
    offices: set[tuple[str, str]] = set()
    for text in told:
        bound = _BOUND.fullmatch(text)
        if bound and bound[1] in OFFICE_ROLES and bound[2].strip():
            offices.add((bound[1], bound[2].strip()))
        elif text in AGENCY_ROLES:
            roles.add(text)
        else:
            raise BadSettings(f"{where}: {name} has no possible role {text!r}.", _ROLE_HELP)
    return Person(name, frozenset(roles), frozenset(offices))


_ROLE_HELP = f"Roles: {', '.join(sorted(AGENCY_ROLES))}; with an office in parentheses: {', '.join(sorted(OFFICE_ROLES))}."


def viewing_scope(person: Person, register: Iterable[Designation]) -> Scope:
    """What the person may see. Raises NotAllowed where it is nothing at all; the operator reads no mail."""
    if person.roles & _READ_ALL:
        return Scope(None)
    offices = {office for role, office in person.offices if role in _READ_OFFICE}
    if not offices:
        raise NotAllowed(f"{person.name} has no role that reads records.")
    return Scope(frozenset(row.account for row in register if row.office in offices))


def require_register_keeper(person: Person) -> None:
    """Raise NotAllowed unless the person keeps the register of officials."""
    if not person.roles & _KEEP_REGISTER:
        raise NotAllowed(f"{person.name} may not change the register of officials.")


def may_see(scope: Scope, account: str) -> bool:
    """Whether the account is within the scope."""
    return scope.accounts is None or account in scope.accounts
