"""PDF files given as form NA-1005: real ones against figures taken by other hands, hostile ones against a named error."""

from __future__ import annotations

import hashlib
import html
import io
import os
import re
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

from capstone.domain.errors import BadForm
from capstone.domain.forms import Form, read_form
from capstone.domain.forms.values import CutoffChoice
from connectors.forms import PdfForms
from connectors.forms.file import MAX_PDF_BYTES, put_together
from connectors.forms.packets import read_packets
from connectors.forms.xml import tree_of
from tests.na1005 import FIELDS, RULES, answers, pdf, template, written

PUBLISHED = Path(__file__).parents[1] / "fixtures" / "na1005" / "published.toml"
FIGURES: list[dict[str, Any]] = tomllib.loads(PUBLISHED.read_text())["forms"]

WHOLE = pdf()
EXPECTED = 6


def opened(data: bytes) -> Form:
    """The form, read in this process: starting another for every test would take a second each."""
    return read_form(put_together(*read_packets(data), "ab"), RULES)


def refused(data: bytes) -> str:
    with pytest.raises(BadForm) as met:
        opened(data)
    assert (met.value.code, met.value.retryable) == ("E008", False)
    return met.value.message


# --- the real forms --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_forms(corpus: Path) -> dict[str, tuple[bytes, Form]]:
    """The forms beside the corpus by their number; CAPSTONE_FORMS names another folder of the same ones."""
    folder = Path(os.environ.get("CAPSTONE_FORMS", corpus.parent / "na1005"))
    read = {}
    for path in sorted(folder.glob("*.pdf")):
        data = path.read_bytes()
        form = read_form(PdfForms().open(data), RULES)
        assert form.number
        read[form.number] = (data, form)
    return read


@pytest.mark.corpus
@pytest.mark.slow
def test_the_folder_holds_the_forms_of_the_table(real_forms: dict[str, tuple[bytes, Form]]) -> None:
    assert sorted(real_forms) == sorted(figures["number"] for figures in FIGURES)


def test_the_table_itself_adds_up() -> None:
    assert len(FIGURES) == 18
    for figures in FIGURES:
        sums = [sum(_expanded(text)) for text in figures["accounts"]]
        assert [int(text.replace("-", "0")) for text in figures["totals"].split()] == sums
        assert sum(sums) == figures["total"]


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize("figures", FIGURES, ids=lambda figures: figures["number"])
def test_every_number_is_the_published_one(real_forms: dict[str, tuple[bytes, Form]], figures: dict[str, Any]) -> None:
    _, form = real_forms[figures["number"]]

    assert [[position.accounts for position in category.positions] for category in form.categories] == [
        list(_expanded(text)) for text in figures["accounts"]
    ]
    assert [category.stated_total for category in form.categories] == [
        None if text == "-" else int(text) for text in figures["totals"].split()
    ]
    assert (form.total_accounts, form.received, form.approved) == (figures["total"], figures["received"], figures.get("approved"))
    assert (list(form.items), form.has_classified_accounts) == (figures["items"], figures["classified"])
    is_annual = figures.get("cutoff") == "annual"
    assert form.cutoff.rule == (CutoffChoice.CALENDAR if is_annual else figures.get("cutoff"))
    assert form.transfer.years == figures.get("transfer_years")
    codes = {one.code for one in form.findings}
    assert ("cutoff_annual" in codes) == is_annual
    assert not codes & {"count_not_read", "total_not_read", "category_sum", "form_sum", "positions_sum", "date_not_read"}


@pytest.mark.corpus
@pytest.mark.slow
def test_titles_and_counts_are_those_of_the_bytes(real_forms: dict[str, tuple[bytes, Form]]) -> None:
    for data, form in real_forms.values():
        raw = list(_rows_by_pattern(data))
        reasons = {category.number: category.reason for category in form.categories if category.reason}
        read = [(position.category, position.title, position.accounts_text) for position in form.positions()]

        assert [row for row in raw if (row[1] or row[2]) and row[1] != reasons.get(row[0])] == read
        assert sum(float(count) for _, _, count in raw if count) == form.total_accounts


@pytest.mark.corpus
@pytest.mark.slow
def test_what_is_odd_about_the_real_forms_is_found(real_forms: dict[str, tuple[bytes, Form]]) -> None:
    odd = {
        number: sorted({one.code for one in form.findings} - {"legacy_not_read", "cutoff_annual", "revision_older"})
        for number, (_, form) in real_forms.items()
    }

    assert {number[8:12]: codes for number, codes in odd.items() if codes} == {
        "0184": ["supersedes_unclear"],
        "0307": ["supersedes_unclear"],
        "0310": ["not_decided"],
        "0334": ["cutoff_in_comments", "transfer_in_comments"],
        "0338": ["cutoff_not_read", "transfer_not_read"],
        "0463": ["duplicate_position", "reason_with_accounts"],
        "0550": ["cutoff_not_read", "transfer_not_read"],
        "0561": ["category_without_reason"],
        "0562": ["cutoff_in_comments", "transfer_not_read"],
        "0563": ["category_without_reason", "supersedes_unclear"],
        "0566": ["duplicate_position"],
    }
    older = {number for number, (_, form) in real_forms.items() if "revision_older" in {one.code for one in form.findings}}
    assert older == {number for number, (_, form) in real_forms.items() if form.revision != RULES.revisions[-1]}
    assert 0 < len(older) < len(real_forms)


@pytest.mark.corpus
@pytest.mark.slow
def test_a_real_form_that_was_cut_or_changed_is_refused_or_read_alike(real_forms: dict[str, tuple[bytes, Form]]) -> None:
    for data, form in real_forms.values():
        end_of_blank = data.index(b"%%EOF") + len(b"%%EOF")
        is_updated = len(data) - end_of_blank > 100
        places = [len(data) * share // 100 for share in (1, 10, 50, 90, 99)]
        for place in [*places, len(data) - 7, *([end_of_blank, end_of_blank + 40] if is_updated else [])]:
            assert refused(data[:place])
        assert replace(form, digest="ab") == opened(data)


def _expanded(text: str) -> Iterator[int]:
    for part in text.split():
        count, _, times = part.partition("x")
        yield from [int(count)] * int(times or 1)


def _rows_by_pattern(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Category, title and count of every row, by search in the unpacked bytes: no PDF library, no XML parser."""
    found = b""
    for match in re.finditer(rb"stream\r?\n", data):
        try:
            unpacked = zlib.decompressobj().decompress(data[match.end() : match.end() + 200_000])
        except zlib.error:
            continue
        found = unpacked if b"<xfa:data\n" in unpacked else found
    text = found.decode()
    row = r"<TextField11\n(?:/>|>([^<]*)</TextField11\n>)<NumericField2\n(?:/>|>([^<]*)</NumericField2\n>)"
    for number in range(1, 11):
        table = re.search(rf"<Cat{number}\n>(.*?)</Cat{number}\n>", text, re.DOTALL)
        assert table
        for title, count in re.findall(row, table[1]):
            yield str(number), html.unescape(title).strip(), count


# --- files that are as they should be --------------------------------------------------------------


def test_a_form_in_packets_and_one_in_a_single_document_are_the_same() -> None:
    whole = b'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">' + template() + answers() + b"</xdp:xdp>"

    in_packets, in_one = opened(WHOLE), opened(pdf(xdp=whole))

    assert in_packets.total_accounts == EXPECTED
    assert (in_packets.findings, in_packets.categories, in_packets.revision) == (
        in_one.findings,
        in_one.categories,
        in_one.revision,
    )


def test_a_form_locked_against_changes_only_is_read() -> None:
    assert opened(encrypted("")).total_accounts == EXPECTED


def test_formatted_text_is_read_as_text() -> None:
    rich = b'<body xmlns="http://www.w3.org/1999/xhtml"><p>Cutoff by <b>employee</b> tenure.</p><p>Kept well.</p></body>'
    said = answers(cutoff="PLACE").replace(b"PLACE", rich)

    form = opened(pdf({"template": template(), "datasets": said}))

    assert (form.cutoff.rule, form.cutoff.text) == (CutoffChoice.TENURE, "Cutoff by employee tenure.\nKept well.")


def test_plain_fields_are_read_where_a_tool_dropped_the_xfa_data() -> None:
    form = opened(plain_fields(_paths()))

    assert (form.number, form.total_accounts, form.approved) == ("GRS 6.1-0999-2018-0001", 3, None)
    assert [(one.title, one.accounts) for one in form.positions()] == [("Director", 1), ("Deputy, Office", 2)]
    assert {one.code for one in form.findings} >= {"revision_unknown", "category_missing", "not_decided"}


# --- files that are not ----------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"From: a\n\nb", b"%PDE-1.7 %%EOF", b"\0" * 5000])
def test_what_is_no_pdf(data: bytes) -> None:
    assert refused(data) == "The file is not a PDF."


@pytest.mark.parametrize("data", [WHOLE[:-20], b"%PDF-1.7\n", WHOLE + b"<html>"])
def test_a_pdf_without_its_end(data: bytes) -> None:
    assert "cut off" in refused(data)


def test_answers_saved_behind_a_blank_form_are_not_lost_unseen() -> None:
    blank = pdf({"template": template(), "datasets": answers({str(n): [] for n in range(1, 11)}, number="", agency="", total="")})
    writer = pypdf.PdfWriter(io.BytesIO(blank), incremental=True)
    stream = writer.root_object["/AcroForm"]["/XFA"][3].get_object()
    stream.set_data(answers())
    saved = written(writer)

    assert saved.startswith(blank)
    assert opened(saved).total_accounts == EXPECTED
    assert "blank" in refused(saved[: len(blank)])
    assert "cut off" in refused(saved[: len(blank) + 50])
    assert "cut off" in refused(saved[:-10])


def test_a_pdf_with_a_password() -> None:
    assert "password" in refused(encrypted("secret"))


def test_a_print_of_a_form() -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)

    assert "no form" in refused(written(writer))


def test_a_form_without_data() -> None:
    assert "without any data" in refused(plain_fields({}))
    assert "nobody has filled it in" in refused(pdf({"template": template()}))


def test_a_form_of_another_name() -> None:
    other = b"<xfa:datasets xmlns:xfa='x'><xfa:data><form1><TextField1>SF 115</TextField1></form1></xfa:data></xfa:datasets>"

    with pytest.raises(BadForm, match="not an NA-1005"):
        opened(pdf({"datasets": other}))
    with pytest.raises(BadForm, match="not an NA-1005"):
        opened(plain_fields({"form1[0].Name[0]": "x"}))


def test_two_sets_of_answers_are_not_chosen_between() -> None:
    file = io.BytesIO(WHOLE)
    writer = pypdf.PdfWriter(clone_from=file)
    xfa = writer.root_object["/AcroForm"]["/XFA"]
    xfa.extend(list(xfa[2:4]))

    assert "twice" in refused(written(writer))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<datasets><form1>", "not whole XML"),
        (b"", "not whole XML"),
        (b"\xff\xfe\xfa", "not whole XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not whole XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type or entities"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type or entities"),
        (b"<a>" * 100_000, "more elements"),
        (b"<a>" + b"<b/>" * 300_000 + b"</a>", "more elements"),
        (b"<a>" + b" " * 17_000_000 + b"</a>", "larger than 16 MiB"),
    ],
    ids=["cut", "empty", "bytes", "encoding", "entities", "external", "deep", "many", "large"],
)
def test_hostile_xml(data: bytes, message: str) -> None:
    assert message in refused(pdf({"datasets": data}))


def test_a_stream_that_unpacks_without_end() -> None:
    assert "unpacks to more" in refused(pdf({"datasets": b"\0" * 300_000_000}))


def test_a_file_too_large_is_not_opened() -> None:
    with pytest.raises(BadForm, match="larger than 64 MiB"):
        PdfForms().open(b"%PDF-" + bytes(MAX_PDF_BYTES))


def test_a_file_is_opened_in_a_process_of_its_own() -> None:
    forms = PdfForms()

    assert forms.open(WHOLE).digest == hashlib.sha256(WHOLE).hexdigest()
    assert read_form(forms.open(WHOLE), RULES).total_accounts == EXPECTED
    with pytest.raises(BadForm, match="not a PDF") as met:
        forms.open(b"x")
    assert met.value.next_step == BadForm.default_next_step


LARGE = pdf({"datasets": b"<a>" + b" " * 60_000_000 + b"</a>"})


@pytest.mark.parametrize("limits", [{"limit_s": 0.01}, {"memory_bytes": 150_000_000}])
def test_time_and_memory_have_limits(limits: dict[str, Any]) -> None:
    with pytest.raises(BadForm, match="more time or memory"):
        PdfForms(**limits).open(LARGE)
    with pytest.raises(BadForm, match="larger than 16 MiB"):
        PdfForms().open(LARGE)


def test_fields_without_end_are_not_followed() -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(plain_fields({"a": "b"})))
    field = writer.root_object["/AcroForm"]["/Fields"][0].get_object()
    field[NameObject("/Kids")] = ArrayObject([field.indirect_reference])

    assert "more fields than any form" in refused(written(writer))


@settings(max_examples=150)
@given(st.integers(0, len(WHOLE)), st.binary(max_size=20), st.booleans())
def test_a_damaged_file_gives_the_same_form_or_a_named_error(place: int, damage: bytes, is_cut: bool) -> None:
    data = WHOLE[:place] + damage + b"" if is_cut else WHOLE[:place] + damage + WHOLE[place + len(damage) :]
    try:
        packets, _ = read_packets(data)
        found = tree_of(packets["datasets"], "data")
    except (BadForm, KeyError):
        return
    assert found.value("Table1", "TextField1") is not None or data != WHOLE


def encrypted(password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(WHOLE))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return written(writer)


def _paths() -> dict[str, str]:
    top, one = "form1[0].Subform1[0]", "form1[0].Categories1[0].Cat1[0].Table5[0]"
    return {
        f"{top}.Table1[0].Row1[0].TextField1[0]": FIELDS["number"] or "",
        f"{top}.Table1[0].Row3[0].NumericField1[0]": "3",
        "form1[0].CheckBox3[0]": "1",
        f"{one}.Row1[0].TextField11[0]": "Director",
        f"{one}.Row1[0].NumericField2[0]": "1",
        f"{one}.FooterRow[0].Cat1Total[0]": "3",
        f"{one}.Row1[1].TextField11[0]": "Deputy,\rOffice",
        f"{one}.Row1[1].NumericField2[0]": "2",
    }


def plain_fields(values: dict[str, str]) -> bytes:
    """A PDF with nested plain fields in place of XFA data."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    roots, known = ArrayObject(), {}
    for path, value in values.items():
        siblings: ArrayObject = roots
        for depth, part in enumerate(path.split(".")):
            key = ".".join(path.split(".")[: depth + 1])
            if key not in known:
                known[key] = DictionaryObject({NameObject("/T"): TextStringObject(part)})
                siblings.append(writer._add_object(known[key]))
            if key == path:
                known[key][NameObject("/V")] = TextStringObject(value)
            else:
                siblings = known[key].setdefault(NameObject("/Kids"), ArrayObject())
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): roots})
    return written(writer)
