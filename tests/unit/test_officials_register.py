"""What an officials file changes in the register, and what it may not."""

from __future__ import annotations

import pytest

from capstone.domain.errors import BadOfficialsFile
from capstone.domain.register import diff_register
from tests.builders import a_designation, a_form

IN_OFFICE = a_designation(starts="2010-01-01")
LEFT = a_designation(starts="2010-01-01", ends="2014-12-31")
SUCCESSOR = a_designation(starts="2015-01-01", official="Ben Carver")
CLERK = a_designation("support", account="clerk")


def test_a_first_import_adds_every_row() -> None:
    change = diff_register([], [IN_OFFICE, CLERK])
    assert change.added == change.new_rows == (IN_OFFICE, CLERK)
    assert (change.replacing, change.unchanged, change.superseded, change.warnings) == ((), (), {}, ())


def test_the_same_file_again_changes_nothing() -> None:
    change = diff_register([IN_OFFICE, CLERK], [CLERK, IN_OFFICE])
    assert change.unchanged == (CLERK, IN_OFFICE)
    assert change.new_rows == ()
    assert change.superseded == {}


def test_an_end_that_becomes_known_supersedes_the_open_row_and_a_successor_is_added() -> None:
    change = diff_register([IN_OFFICE, CLERK], [LEFT, SUCCESSOR])
    assert change.superseded == {IN_OFFICE.designation_id: LEFT.designation_id}
    assert (change.added, change.replacing, change.unchanged) == ((SUCCESSOR,), (LEFT,), ())
    assert change.new_rows == (SUCCESSOR, LEFT)


def test_an_import_never_removes_a_row_that_the_file_does_not_name() -> None:
    change = diff_register([IN_OFFICE, CLERK], [])
    assert (change.new_rows, change.superseded, change.unchanged) == ((), {}, ())


def test_a_second_open_interval_beside_the_register_is_refused() -> None:
    with pytest.raises(BadOfficialsFile, match="two intervals without an end, from 2010-01-01 and 2012-01-01"):
        diff_register([IN_OFFICE], [a_designation(starts="2012-01-01")])
    change = diff_register([IN_OFFICE], [LEFT, a_designation(starts="2016-01-01")])
    assert len(change.added) == len(change.replacing) == 1


def test_an_address_that_another_account_of_the_register_has_is_refused() -> None:
    taken = a_designation(account="deputy", addresses=("director@agency.example",))
    with pytest.raises(BadOfficialsFile, match="belongs to two accounts at once"):
        diff_register([IN_OFFICE], [taken])
    later = a_designation(account="deputy", starts="2015-01-01", addresses=("director@agency.example",))
    assert diff_register([IN_OFFICE], [LEFT, later]).added == (later,)


def test_a_form_that_the_register_describes_otherwise_is_pointed_out() -> None:
    renewed = a_designation("support", account="clerk", form=a_form(approved="2023-05-01"))
    change = diff_register([IN_OFFICE, CLERK], [renewed])
    (notice,) = change.warnings
    assert notice.message == "form F-1 is described in two ways (approved)"
    assert notice.ids == (IN_OFFICE.designation_id, renewed.designation_id)
    assert str(notice).endswith(f"(in the register: {IN_OFFICE.designation_id}, {renewed.designation_id})")
