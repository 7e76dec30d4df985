"""Addresses: compared in one form, checked only for the roster."""

from __future__ import annotations

import pytest

from capstone.domain.addresses import normal_form, roster_problem

LOCAL = frozenset({"local"})


def test_addresses_compare_without_case_and_outer_blanks() -> None:
    assert normal_form("  Ana.Ruiz@Agency.Example ") == "ana.ruiz@agency.example"


def test_composed_and_decomposed_letters_compare_alike() -> None:
    assert normal_form("rene\u0301@agency.example") == normal_form("ren\u00e9@agency.example")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ('"ana"@agency.example', "ana@agency.example"),
        ('"Ana.\\Ruiz"@agency.example', "ana.ruiz@agency.example"),
        ('"ana ruiz"@agency.example', '"ana ruiz"@agency.example'),
        ('"ana..ruiz"@agency.example', '"ana..ruiz"@agency.example'),
        ('"ana@b"@agency.example', '"ana@b"@agency.example'),
        ('""@agency.example', '""@agency.example'),
        ("'ana@agency.example'", "ana@agency.example"),
        ('"ana@agency.example"', "ana@agency.example"),
        ("'o'brien@agency.example'", "o'brien@agency.example"),
        ("'ana'@agency.example", "'ana'@agency.example"),
        ("ana@agency.example.", "ana@agency.example"),
        ("ana@XN--MNCHEN-3YA.example", "ana@m\u00fcnchen.example"),
        ("ana@sub.xn--mnchen-3ya.example", "ana@sub.M\u00dcNCHEN.example"),
        ("ana@xn--agency-.example", "ana@xn--agency-.example"),
        ("ana@xn--999999999.example", "ana@xn--999999999.example"),
        ("ana@xn--.example", "ana@xn--.example"),
        ("ana@xn--\u00e9.example", "ana@xn--\u00e9.example"),
        ("ana@xn--" + "a" * 100_000, "ana@xn--" + "a" * 100_000),
        ("xn--mnchen-3ya", "xn--mnchen-3ya"),
        ("ana@agency.example. .", "ana@agency.example"),
        ("'" * 9 + "ana@agency.example" + "'" * 9, "'" * 9 + "ana@agency.example" + "'" * 9),
        ("'", "'"),
        (".", "."),
    ],
)
def test_spellings_of_one_address_compare_alike_and_others_do_not(written: str, plain: str) -> None:
    assert normal_form(written) == normal_form(plain)
    assert normal_form(normal_form(written)) == normal_form(written)


def test_no_ascii_form_stands_for_ascii() -> None:
    assert normal_form("ana@xn--agency-.example") != normal_form("ana@agency.example")
    assert normal_form("ana@xn--agency-.example") == "ana@xn--agency-.example"


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
