"""Facts of the register as JSON and back: the same fact has the same id everywhere, and nothing else is taken for one."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.register_facts import (
    AccountFact,
    AccountKind,
    AddressFact,
    FormPosition,
    RegisteredForm,
    RegisterFact,
    SendingRight,
    SeriesAssignment,
    fact_as_dict,
    fact_from_dict,
    fact_id,
    kind_of,
    subject_of,
)
from tests.builders import a_form

DAY, LATER = date(2012, 1, 1), date(2013, 1, 1)
POSITIONS = (FormPosition("1", "Director", 2), FormPosition("5", "CIO", None))
FORM = RegisteredForm(
    a_form(), "Agency", POSITIONS, 2, "d" * 64, "at the end", "after 15", DAY, "F-0", resubmitted=(DAY, LATER)
)  # fmt: skip
FACTS: list[RegisterFact] = [
    FORM,
    RegisteredForm(a_form("F-2", None)),
    AccountFact("director", AccountKind.OTHER_NETWORK, "Front Office", "closed"),
    AddressFact("a@agency.example", "director", DAY, LATER),
    SendingRight("aide", "director", DAY),
    SeriesAssignment("opr", "director", DAY, LATER, "Cases"),
]


@pytest.mark.parametrize("fact", FACTS, ids=kind_of)
def test_a_fact_survives_json_and_keeps_its_id(fact: RegisterFact) -> None:
    again = fact_from_dict(json.loads(json.dumps(fact_as_dict(fact))))
    assert again == fact
    assert fact_id(again) == fact_id(fact)
    assert len(fact_id(fact)) == 12


def test_facts_about_different_things_have_different_subjects_and_ids() -> None:
    assert len({subject_of(fact) for fact in FACTS}) == len({fact_id(fact) for fact in FACTS}) == len(FACTS)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "rumour"}, {"kind": None}, {"form": "F-1"}, {"form": {}}, {"positions": {}}, {"positions": [1]},
        {"positions": [["1", "x"]]}, {"positions": [["1", "x", "2"]]}, {"positions": [[1, "x", 2]]}, {"total_accounts": "2"},
        {"total_accounts": True}, {"submitted": "soon"}, {"submitted": 2012}, {"resubmitted": "2012-01-01"}, {"agency": 1},
        {"unheard_of": "x"},
    ],
)  # fmt: skip
def test_what_is_no_fact_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fact_from_dict({**fact_as_dict(FORM), **change})


@pytest.mark.parametrize("missing", ["kind", "form"])
def test_a_fact_without_what_it_needs_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match="not a fact of the register"):
        fact_from_dict({name: value for name, value in fact_as_dict(FORM).items() if name != missing})


@given(
    st.dictionaries(st.sampled_from(["kind", "account", "starts", "form", "x"]), st.one_of(st.none(), st.text(), st.integers()))
)
def test_whatever_is_given_is_a_fact_or_a_value_error(told: dict[str, object]) -> None:
    with contextlib.suppress(ValueError):
        assert kind_of(fact_from_dict(told)) == told["kind"]
