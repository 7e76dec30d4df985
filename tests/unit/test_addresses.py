"""Addresses: compared in one form, checked only for the roster."""

from __future__ import annotations

import pytest

from capstone.domain.addresses import normal_form, roster_problem

LOCAL = frozenset({"local"})


def test_addresses_compare_without_case_and_outer_blanks() -> None:
    assert normal_form("  Ana.Ruiz@Agency.Example ") == "ana.ruiz@agency.example"


def test_composed_and_decomposed_letters_compare_alike() -> None:
    assert normal_form("rene\u0301@agency.example") == normal_form("ren\u00e9@agency.example")


@pytest.mark.parametrize("address", ["ana@agency.example", "a.b+c@sub.agency.example", "ren\u00e9@agency.example"])
def test_a_plain_address_may_stand_in_the_roster(address: str) -> None:
    assert roster_problem(address) is None


@pytest.mark.parametrize("address", ["", "ana", "@agency.example", "a b@agency.example", "ana@agency..example", "ana@host.local"])
def test_what_is_no_address_may_not(address: str) -> None:
    assert roster_problem(address) is not None


def test_an_internal_domain_is_accepted_by_a_setting_but_still_checked() -> None:
    assert roster_problem("ana@host.local", LOCAL) is None
    assert roster_problem("ana@local", LOCAL) is None
    assert roster_problem("a b@host.local", LOCAL) is not None
    assert roster_problem("@host.local", LOCAL) is not None
