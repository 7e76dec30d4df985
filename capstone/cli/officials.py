"""Commands of the Records Officer: the register of officials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capstone.bootstrap import build_app
from capstone.bootstrap.forms import Asking
from capstone.cli.officials_forms import Accepts, CoversFrom, OnlyPreview, import_forms
from capstone.cli.options import AsJson, Viewer
from capstone.cli.output import print_json, print_table, say
from capstone.cli.replaying import preview
from capstone.domain.errors import BadOfficialsFile
from capstone.domain.officials import Designation, designation_as_dict
from capstone.domain.positions_csv import is_pdf, is_positions_table

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

    Columns: official,office,position,category,account,addresses,from,until,acting,form,approved; optional record_group, items,
    cutoff (calendar, fiscal, tenure, administration), transfer_years, covers_from. category: 1 to 10, support or none.

    Example: capstone officials import officials.csv
    """
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise BadOfficialsFile(f"{file} cannot be read: {exc.strerror}.", "Check the name and permissions of the file.") from exc
    app = build_app()
    if is_pdf(data, file.name) or is_positions_table(data):
        asking = Asking(app.person(viewer), reason or f"import of {file.name}", only_preview)
        day = None if covers_from is None else covers_from.date()
        import_forms(app, data, file, asking, accepts=accepts, covers_from=day, as_json=as_json)
        return
    if only_preview:
        preview(file, as_json)
        return
    report = app.import_officials(data, app.person(viewer))
    if as_json:
        print_json(report.as_dict())
        return
    for warning in report.warnings:
        say(f"Note: {warning}", "yellow")
    say(f"{report.rows} rows: {report.added} added, {report.superseded} superseded, {report.unchanged} unchanged.")
    say("Next: capstone import PATH --account ID, or name [[sources]] in the settings and run capstone capture.")


@officials.command("list")
def list_(as_json: AsJson = False) -> None:
    """The register as it stands.

    Example: capstone officials list
    """
    rows = build_app().designations()
    if as_json:
        print_json({"officials": [designation_as_dict(row) for row in rows]})
        return
    columns = ["account", "official", "position", "office", "category", "from", "until", "acting", "form", "approved"]
    print_table(
        "Register of officials", columns, [_line(row) for row in rows], empty="empty; see 'capstone officials import --help'"
    )


@officials.command("history")
def history(as_json: AsJson = False) -> None:
    """Every row ever taken in, by whom and when, and what superseded it.

    Example: capstone officials history
    """
    entries = build_app().designation_history()
    told = [
        {**one, "designation": designation_as_dict(one["designation"])}
        for one in entries
        if isinstance(one["designation"], Designation)
    ]
    if as_json:
        print_json({"history": told})
        return
    rows = [
        [one["decision"], str(one["at"])[:19], one["actor"], *_line(row)[:7], str(one["superseded_by"] or "")]
        for one in entries
        if isinstance(row := one["designation"], Designation)
    ]
    columns = [
        "decision",
        "at (UTC)",
        "by",
        "account",
        "official",
        "position",
        "office",
        "category",
        "from",
        "until",
        "superseded by",
    ]
    print_table("History of the register", columns, rows)


def _line(row: Designation) -> list[object]:
    form = (row.form.number, row.form.approved or "not approved")
    acting = "acting" if row.acting else ""
    return [row.account, row.official, row.position, row.office, row.category, row.starts, row.ends or "in office", acting, *form]
