"""Forms NA-1005 of an invented agency, as XML and as PDF files, for tests that need one with a certain fault."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

import pypdf
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, StreamObject, TextStringObject

from capstone.domain.forms import Form, FormFile, FormRules, Window, read_form
from capstone.domain.forms.values import CutoffChoice
from connectors.forms.xml import tree_of

Rows = Sequence[tuple[str, str]]

RULES = FormRules(
    transfer_years=(15, 20, 25, 30),
    annual=CutoffChoice.CALENDAR,
    revisions=("08-15", "03-16", "09-16"),
    windows=(
        Window(date(2023, 1, 31), date(2023, 4, 30), is_verified=True),
        Window(date(2027, 1, 31), date(2027, 4, 30), is_verified=False),
    ),
)

NONE_HERE = "Not applicable; no positions in this category exist."

FIELDS: dict[str, str | None] = {
    "number": "GRS 6.1-0999-2018-0001",
    "received": "2018-01-25",
    "total": "6.00000000",
    "agency": "Agency for Example Affairs",
    "record_group": "0999",
    "supersedes": "0",
    "supersedes_not": "1",
    "previous": "",
    "all": "0",
    "010": "1",
    "011": "1",
    "012": "0",
    "agency_wide": "1",
    "component": "0",
    "comments": "Covers headquarters.",
    "cutoff": "Cutoff of email will be by employee tenure",
    "transfer": "Transfer 15 years after cutoff.",
    "legacy": "Agency will be including legacy email, dating back to approximately 2010.",
    "classified": "0",
    "classified_not": "1",
    "officer_approves": "1",
    "officer_on": "2017-09-20",
    "senior_approves": "1",
    "senior_on": "2017-09-21",
    "approved": "1",
    "denied": "0",
    "decided_on": "2018-04-01",
    "denial": "",
}
"""What the form says; None leaves the field out, as older printings do with cutoff and transfer."""

ROWS: dict[str, Rows] = {
    "1": [("Director", "2.00000000")],
    "2": [("Associate Director, Operations ", "1.00000000"), ("Associate Director, Research", "1.00000000")],
    "5": [("Chief Information Officer", "2.00000000")],
}
"""The tables; a category not named here holds the reason why it is empty."""


def a_form(rows: Mapping[str, Rows] | None = None, totals: Mapping[str, str] | None = None, **changes: str | None) -> Form:
    """The form as the program reads it from the XML of these changes."""
    return read_form(a_file(rows, totals, **changes), RULES)


def a_file(rows: Mapping[str, Rows] | None = None, totals: Mapping[str, str] | None = None, **changes: str | None) -> FormFile:
    return FormFile(tree_of(answers(rows, totals, **changes), "data"), tree_of(template(), "pages"), "ab" * 32)


def answers(rows: Mapping[str, Rows] | None = None, totals: Mapping[str, str] | None = None, **changes: str | None) -> bytes:
    """The XML of the answers, in the order and nesting of real forms."""
    said = {**FIELDS, **changes}
    assert said.keys() == FIELDS.keys(), "unknown field"
    tables = "".join(_table(number, (ROWS if rows is None else rows), totals or {}) for number in map(str, range(1, 11)))
    return f"""<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><form1>
<Subform1><Table1><HeaderRow/><Row1>{_tag("TextField1", said["number"])}</Row1><Row2>{_tag("DateField4", said["received"])}</Row2>
<Row3>{_tag("NumericField1", said["total"])}</Row3></Table1></Subform1>
<Subform2><Table2><Row1>{_tag("TextField4", said["agency"])}</Row1>
<Row2>{_tag("TextField5", said["record_group"])}</Row2></Table2>
{_tag("CheckBox1", said["supersedes"])}{_tag("CheckBox2", said["supersedes_not"])}</Subform2>
{_tag("TextField6", said["previous"])}{_tag("CheckBox3", said["all"])}{_tag("CheckBox4", said["010"])}
{_tag("CheckBox5", said["011"])}
{_tag("CheckBox6", said["012"])}{_tag("CheckBox7", said["agency_wide"])}{_tag("CheckBox8", said["component"])}
<Scopeandcomments><AdditionalScope><Table3><Row2>{_tag("TextField7", said["comments"])}</Row2></Table3></AdditionalScope>
<CutoffInstructions><Table3><Row2>{_tag("Cutoff", said["cutoff"])}</Row2></Table3></CutoffInstructions>
<CutoffInstructions><Table3><Row2>{_tag("Transfer", said["transfer"])}</Row2></Table3></CutoffInstructions>
<LegacyScope><Table4><Row2>{_tag("TextField8", said["legacy"])}</Row2></Table4></LegacyScope>
<Subform6>{_tag("CheckBox10", said["classified_not"])}{_tag("CheckBox9", said["classified"])}</Subform6>
<URL><Table4><Row2><TextField8>https://agency.example/chart</TextField8></Row2></Table4></URL></Scopeandcomments>
<Categories1>{tables}
<Subform29><Table6><HeaderRow/><Row1><TextField12>R. Officer</TextField12>{_tag("CheckBox11", said["officer_approves"])}
{_tag("DateField1", said["officer_on"])}</Row1><Row2><TextField13>S. Official</TextField13>
{_tag("CheckBox11", said["senior_approves"])}{_tag("DateField2", said["senior_on"])}</Row2></Table6></Subform29>
<Subform30><Table9><HeaderRow/><Row1><TextField16>C. Archivist</TextField16>{_tag("CheckBox12", said["approved"])}
{_tag("CheckBox12", said["denied"])}{_tag("DateField5", said["decided_on"])}</Row1></Table9></Subform30></Categories1>
<Table8><Row1/><Row2>{_tag("TextField20", said["denial"])}</Row2></Table8>
</form1></xfa:data></xfa:datasets>""".encode()


def template(revision: str = "09-16", title: str = "NA Form 1005") -> bytes:
    """The printed form as far as its revision; its tooltip still names the first printing, as real ones do."""
    return f"""<template xmlns="http://www.xfa.org/schema/xfa-template/2.8/"><subform name="form1"><pageSet><pageArea>
<draw name="Text18"/><draw name="Text19"><value><text>{title} ({revision})</text></value><assist>
<toolTip>NA Form 1005 (08-15)</toolTip></assist></draw></pageArea></pageSet></subform></template>""".encode()


def pdf(packets: Mapping[str, bytes] | None = None, xdp: bytes | None = None) -> bytes:
    """A PDF with these XFA packets (by default a whole form), or with one whole document."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    if xdp is not None:
        xfa: ArrayObject | DictionaryObject = writer._add_object(_stream(xdp))  # type: ignore[assignment]
    else:
        xfa = ArrayObject()
        for name, data in (packets if packets is not None else {"template": template(), "datasets": answers()}).items():
            xfa += [TextStringObject(name), writer._add_object(_stream(data))]
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject(
        {NameObject("/XFA"): xfa, NameObject("/Fields"): ArrayObject()}
    )
    return written(writer)


def written(writer: pypdf.PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def _stream(data: bytes) -> StreamObject:
    stream = DecodedStreamObject()
    stream.set_data(data)
    return stream.flate_encode()


def _table(number: str, rows: Mapping[str, Rows], totals: Mapping[str, str]) -> str:
    """A category's table. Real files put the total behind the first row, whichever rows follow."""
    lines = rows.get(number, [(NONE_HERE, "")])
    cells = [
        f"<Row1><Table1{number}><Row1/></Table1{number}>{_tag('TextField11', t)}{_tag('NumericField2', n)}</Row1>"
        for t, n in lines
    ]
    total = totals.get(number, _total(lines))
    return (
        f"<Cat{number}><Table5><HeaderRow/>{cells[0] if cells else ''}<FooterRow>{_tag(f'Cat{number}Total', total)}</FooterRow>"
        + (f"{''.join(cells[1:])}</Table5></Cat{number}>")
    )


def _total(lines: Rows) -> str:
    counts = [int(float(count)) for _, count in lines if count.replace(".", "").isdigit()]
    return f"{sum(counts)}.00000000" if counts else ""


def _tag(name: str, text: str | None) -> str:
    return "" if text is None else f"<{name}\n>{escape(text)}</{name}\n>"
