"""What must hold of the officials file for any bytes and any rows."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import designation_as_dict, designation_from_dict
from capstone.domain.officials_csv import OPTIONAL, REQUIRED, OfficialsFile, read_officials
from capstone.domain.register import diff_register

COLUMNS = (*REQUIRED, *OPTIONAL)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STARTS = st.one_of(st.dates(date(2000, 1, 1), date(2014, 1, 1)).map(str), st.just("0001-01-01"))
ENDS = st.one_of(st.dates(date(2013, 6, 1), date(2030, 1, 1)).map(str), st.sampled_from(["9999-12-31", "", "2010-01-01"]))
GOOD: dict[str, st.SearchStrategy[str]] = {
    "official": st.sampled_from(["Ada Brook", "Ben Carver"]),
    "office": TEXT,
    "position": st.sampled_from(["Director", "Adviser", "Zo\u00eb's aide"]),
    "category": st.sampled_from(["1", "10", "support", "none"]),
    "account": st.sampled_from(["director", "deputy"]),
    "addresses": st.sampled_from(["", "", "", "a@agency.example", "b@agency.example c@agency.example"]),
    "from": STARTS,
    "until": ENDS,
    "acting": st.sampled_from(["", "yes", "no"]),
    "form": st.sampled_from(["F-1", "F-2"]),
    "approved": st.sampled_from(["2019-04-01"] * 9 + [""]),
    "record_group": st.just(""),
    "items": st.sampled_from(["", "", "010 011"]),
    "cutoff": st.sampled_from(["", "tenure", "tenure", "tenure", "fiscal"]),
    "transfer_years": st.sampled_from(["", "15"]),
    "covers_from": st.just(""),
}
CELLS = st.fixed_dictionaries({name: st.one_of(good, good, good, TEXT) for name, good in GOOD.items()})


def as_file(rows: list[dict[str, str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def read(data: bytes) -> OfficialsFile | None:
    try:
        return read_officials(data, frozenset(), date(2026, 6, 1))
    except BadOfficialsFile:
        return None


@given(st.one_of(st.binary(max_size=300), st.lists(CELLS, max_size=5).map(as_file)))
def test_any_file_is_taken_whole_or_refused_by_name(data: bytes) -> None:
    found = read(data)
    if found is not None:
        assert found.designations == read(data).designations  # type: ignore[union-attr]


@given(st.lists(st.fixed_dictionaries(GOOD), min_size=1, max_size=4))
def test_a_readable_file_survives_json_and_its_second_import_changes_nothing(rows: list[dict[str, str]]) -> None:
    found = read(as_file(rows))
    if found is not None:
        stored = [designation_from_dict(json.loads(json.dumps(designation_as_dict(row)))) for row in found.designations]
        assert tuple(stored) == found.designations
        change = diff_register(stored, found.designations)
        assert (change.new_rows, change.superseded) == ((), {})


@given(st.lists(st.fixed_dictionaries(GOOD), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows: list[dict[str, str]], random) -> None:  # type: ignore[no-untyped-def]
    found, again = read(as_file(rows)), read(as_file(random.sample(rows, len(rows))))
    assert (found is None) is (again is None)
    if found is not None and again is not None:
        assert set(found.designations) == set(again.designations)
