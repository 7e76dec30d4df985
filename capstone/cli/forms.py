"""What an approved form NA-1005 says, checked and counted. Nothing is stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from capstone.cli.options import AsJson, opened
from capstone.cli.output import print_json, print_table, say
from capstone.domain.errors import BadForm
from capstone.domain.forms import Form, form_as_dict, positions_csv


def form(
    file: Annotated[Path, typer.Argument(help="The PDF of a form NA-1005.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Only its positions, in the order of its tables, as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a form NA-1005 and check its sums. Nothing is stored: 'officials import' takes it into the register.

    What cannot be read for certain is said and never guessed; a sum that does not add up is reported, never mended, and gives
    the exit code 1.

    Example: capstone officials form GRS-6.1-form.pdf
    """
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise BadForm(f"{file} cannot be read: {exc.strerror}.", "Check the name and permissions of the file.") from exc
    found = opened().read_form(data)
    if as_json:
        print_json(form_as_dict(found))
    elif as_csv:
        sys.stdout.write(positions_csv(found))
    else:
        _print(found)
    raise typer.Exit(1 if any(one.counted is not None for one in found.findings) else 0)


def _print(found: Form) -> None:
    approved = f"approved {found.approved}" if found.approved else "not approved on the form"
    number = found.number or f"Number not read: {found.number_text}"
    say(f"{number}   {found.agency}   record group {found.record_group or 'not read'}")
    say(f"{approved}; received {found.received or 'not read'}; items {', '.join(found.items) or 'none ticked'}")
    say(f"Cutoff: {found.cutoff.rule or 'not read'}. Transfer: {found.transfer.years or 'not read'} years after it.")
    rows = [
        [one.number, len(one.positions), one.counted_total, "" if one.stated_total is None else one.stated_total, one.reason]
        for one in found.categories
    ]
    print_table("Categories", ["category", "positions", "accounts added up", "accounts stated", "why empty"], rows)
    counted = sum(one.counted_total for one in found.categories)
    say(f"Accounts: {counted} added up, {found.total_accounts if found.total_accounts is not None else 'none'} stated.")
    for one in found.findings:
        say(f"Note ({one.code}, {one.where}): {one.message}", "yellow")
