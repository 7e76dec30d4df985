"""Commands that keep the archive true: reconcile, verify, rebuild."""

from __future__ import annotations

from typing import Annotated

import typer

from capstone.cli.options import AsJson, Viewer, archive
from capstone.cli.output import print_json, print_table, say


def reconcile(as_json: AsJson = False) -> None:
    """Compare source, ledger, store and index by id, and mend what needs no decision.

    Example: capstone reconcile
    """
    with archive("Reconciling", is_quiet=as_json) as app:
        report = app.reconcile()
    if as_json:
        print_json(report.as_dict())
    else:
        for title, found in (("Missing", report.missing), ("Unexpected", report.unexpected), ("Mended", report.mended)):
            rows = [[one.where, one.what, one.id] for one in found]
            print_table(title, ["where", "what", "id"], rows)
        say(f"Compared {report.compared:,} ids.")
    raise typer.Exit(1 if report.missing or report.unexpected else 0)


def verify(
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="About so many records, chosen by chance; default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read records back and compare them with their digests; check manifests and the audit chain.

    Example: capstone verify --sample 1000
    """
    with archive("Verifying", is_quiet=as_json) as app:
        report = app.verify(sample)
    if as_json:
        print_json(report.as_dict())
    else:
        print_table("Damaged", ["record"], [[one] for one in report.damaged])
        print_table("Missing", ["record"], [[one] for one in report.missing])
        broken = "whole" if report.audit_break is None else f"broken at entry {report.audit_break}"
        chain = f"{report.audit_entries:,} entries, {broken}"
        say(f"Checked {report.checked:,} records and {report.manifests:,} manifests. Audit chain: {chain}.")
    raise typer.Exit(0 if report.is_sound else 1)


def rebuild(
    index: Annotated[bool, typer.Option("--index", help="Make the index anew.")] = False,
    ledger: Annotated[bool, typer.Option("--ledger", help="Make the ledger anew; the old file is moved aside.")] = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Make ledger, index or (without an option) both anew from the store alone.

    Example: capstone rebuild --index
    """
    told: dict[str, object] = {}
    with archive("Rebuilding", is_quiet=as_json) as app:
        if ledger or not index:
            told = app.rebuild_ledger(app.person(viewer)).as_dict()
    with archive("Indexing", is_quiet=as_json) as app:
        if index or not ledger:
            told["documents_due"] = app.rebuild_index().documents_due
            told.update(app.index_pending().as_counts())
    if as_json:
        print_json(told)
    else:
        say("Rebuilt from the store: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items()) + ".")
    raise typer.Exit(1 if told.get("failed") else 0)
