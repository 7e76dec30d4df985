"""Roles: deny by default, offices see their own accounts, the operator reads no mail."""

from __future__ import annotations

from datetime import date

import pytest

from capstone.domain.access import Person, may_see, read_people, require_register_keeper, viewing_scope
from capstone.domain.errors import BadSettings, NotAllowed
from capstone.domain.officials import Designation, Form
from capstone.domain.query import Scope


def row(account: str, office: str) -> Designation:
    return Designation("id", "Ana Ruiz", office, "Chief", "5", account, (), date(2020, 1, 1), None, False, Form("F"))


REGISTER = [row("cio", "Office of Information"), row("cfo", "Office of Finance")]


def person(*roles: str) -> Person:
    return read_people({"people": {"ana": list(roles)}}, "roles.toml")["ana"]


@pytest.mark.parametrize("role", ["records_officer", "records_staff"])
def test_records_people_see_every_account(role: str) -> None:
    assert viewing_scope(person(role), REGISTER) == Scope(None)


def test_office_roles_see_the_accounts_of_their_office_only() -> None:
    scope = viewing_scope(person("records_liaison_officer(Office of Finance)", "auditor"), REGISTER)
    assert scope == Scope(frozenset({"cfo"}))
    assert may_see(scope, "cfo")
    assert not may_see(scope, "cio")
    assert may_see(Scope(None), "cio")


@pytest.mark.parametrize("roles", [[], ["system_operator"], ["auditor"], ["opr_local_office(Office of Finance)"]])
def test_without_a_reading_role_nothing_is_seen(roles: list[str]) -> None:
    with pytest.raises(NotAllowed):
        viewing_scope(person(*roles), REGISTER)


def test_only_the_records_officer_keeps_the_register() -> None:
    require_register_keeper(person("records_officer"))
    with pytest.raises(NotAllowed):
        require_register_keeper(person("records_staff", "system_operator"))


@pytest.mark.parametrize(
    "told",
    [
        {"people": {"ana": ["emperor"]}},
        {"people": {"ana": ["records_officer(Office)"]}},
        {"people": {"ana": ["records_assistant"]}},
        {"people": {"ana": ["records_assistant()"]}},
        {"people": {"ana": ["records_assistant(Office"]}},
        {"people": {"ana": ["records_officer("]}},
        {"people": {"ana": ["records_officer()"]}},
        {"people": {"ana": ["records_officer)"]}},
        {"people": {"ana": "records_officer"}},
        {"people": {"ana": [1]}},
        {"people": []},
        {"persons": {}},
    ],
)
def test_a_roles_file_with_an_impossible_role_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(BadSettings):
        read_people(told, "roles.toml")


def test_an_empty_roles_file_names_nobody() -> None:
    assert read_people({}, "roles.toml") == {}
