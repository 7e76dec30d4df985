"""Commands of the Records Officer: the register of officials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capstone.bootstrap.forms import Asking
from capstone.cli.officials_forms import Accepts, CoversFrom, OnlyPreview, import_forms
from capstone.cli.options import AsJson, KnownOn, Viewer, opened
from capstone.cli.output import print_json, print_table, say
from capstone.cli.replaying import preview
from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import Designation, designation_as_dict
from capstone.domain.positions_csv import is_pdf, is_positions_table
from capstone.domain.register_facts import RegisteredForm, fact_as_dict, fact_id

officials = typer.Typer(help="The register of Capstone officials: who held which role with which account, from when to when.")


@officials.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The PDF of a form NA-1005, a CSV of officials, or a CSV of a form's positions.")],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; default: the import of this file.")] = None,
    only_preview: OnlyPreview = False,
    accepts: Accepts = False,
    covers_from: CoversFrom = None,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Take a form NA-1005 or a CSV of officials into the register: all of it or, where something is wrong, nothing.

    Columns of officials: official,office,position,category,account,addresses,from,until,acting,form,approved; optional
    record_group, items, cutoff (calendar, fiscal, tenure, administration), transfer_years, covers_from, decided, decided_by,
    evidence. category: 1 to 10, support or none. Columns of a form's positions: those of 'capstone officials export --csv'.

    Example: capstone officials import officials.csv
    """
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise BadOfficialsFile(f"{file} cannot be read: {exc.strerror}.", "Check the name and permissions of the file.") from exc
    app = opened()
    if covers_from is not None and not is_pdf(data, file.name):
        raise typer.BadParameter("--covers-from goes with the PDF of a form; a CSV has a column of that name.")
    if is_pdf(data, file.name) or is_positions_table(data):
        asking = Asking(app.person(viewer), reason or f"import of {file.name}", only_preview)
        day = None if covers_from is None else covers_from.date()
        import_forms(app, data, file, asking, accepts=accepts, covers_from=day, as_json=as_json)
        return
    if only_preview:
        preview(file, as_json)
        return
    report = app.import_officials(data, app.person(viewer), reason or f"import of {file.name}")
    if as_json:
        print_json(report.as_dict())
        return
    for warning in report.warnings:
        say(f"Note: {warning}", "yellow")
    say(f"{report.rows} rows: {report.added} added, {report.superseded} superseded, {report.unchanged} unchanged.")
    say("Next: capstone import PATH --account ID, or name [[sources]] in the settings and run capstone capture.")


@officials.command("list")
def list_(known_on: KnownOn = None, as_json: AsJson = False) -> None:
    """The register as it stands, or as it stood at the end of a day.

    Example: capstone officials list --as-known-on 2025-01-31
    """
    state = opened().register(None if known_on is None else known_on.date())
    facts = [{"fact_id": fact_id(fact), **fact_as_dict(fact)} for fact in state.facts if not isinstance(fact, RegisteredForm)]
    if as_json:
        print_json({"officials": [designation_as_dict(row) for row in state.designations], "facts": facts})
        return
    columns = ["id", "account", "official", "position", "office", "category", "from", "until", "acting", "form", "approved"]
    rows = [[row.designation_id, *_line(row)] for row in state.designations]
    print_table("Register of officials", columns, rows, empty="empty; see 'capstone officials import --help'")
    if facts:
        print_table("Accounts, addresses, rights and series", ["id", "kind", "says"], [_fact_line(fact) for fact in facts])


@officials.command("history")
def history(known_on: KnownOn = None, as_json: AsJson = False) -> None:
    """Everything ever taken in: by whom, when and why, and what superseded it.

    Example: capstone officials history
    """
    told = opened().register_history(None if known_on is None else known_on.date())
    if as_json:
        print_json({"history": told})
        return
    rows = [[one["decision"], str(one["at"])[:19], one["actor"], one["reason"], *_said(one), _superseded(one)] for one in told]
    columns = ["decision", "at (UTC)", "by", "reason", "id", "what", "superseded by"]
    print_table("History of the register", columns, rows)


def _line(row: Designation) -> list[object]:
    form = (row.form.number, row.form.approved or "not approved")
    acting = "acting" if row.acting else ""
    return [row.account, row.official, row.position, row.office, row.category, row.starts, row.ends or "in office", acting, *form]


def _fact_line(told: dict[str, object]) -> list[object]:
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items() if name not in {"fact_id", "kind"})
    return [told["fact_id"], str(told["kind"]).replace("_", " "), said]


def _said(entry: dict[str, object]) -> tuple[object, object]:
    """The id of a line of the history, and what it says."""
    row, fact = entry.get("designation"), entry.get("fact")
    if isinstance(row, dict):
        days = f"from {row['from']} until {row['until'] or '(in office)'}"
        role = f"{row['official']} as {row['position']} in {row['account']}, category {row['category']}"
        return row["designation_id"], f"{role}, {days}"
    if isinstance(fact, dict) and fact["kind"] == "form":
        return entry["fact_id"], f"form {fact['form']['number']}"
    if isinstance(fact, dict):
        _, kind, said = _fact_line({"fact_id": entry["fact_id"], **fact})
        return entry["fact_id"], f"{kind}: {said}"
    if "removed" in entry:
        return entry["removed"], "was entered by mistake"
    return "", f"approves the register up to decision {entry['approves']}"


def _superseded(entry: dict[str, object]) -> str:
    by = entry.get("superseded_by")
    return "(removed)" if by == "" else str(by or "")
