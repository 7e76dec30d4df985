"""Commands on forms NA-1005 in the register: taken in, withdrawn, sent in anew, listed, exported; and what the register lacks."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from capstone.bootstrap.forms import Asking, FormsApp
from capstone.cli.options import AsJson, KnownOn, Viewer, opened
from capstone.cli.output import print_json, print_table, say
from capstone.cli.replaying import print_preview
from capstone.domain.forms import listing_csv
from capstone.domain.forms.listing import ListedPosition
from capstone.domain.forms.registering import FormChange, Outcome
from capstone.domain.register_facts import RegisteredForm, fact_id
from capstone.usecases.forms import FormPlan, ReadForm, sentence
from capstone.usecases.preview import Preview

Number = Annotated[str, typer.Argument(metavar="FORM", help="The form's number.")]
OnDay = Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DATE", help="The day it took effect.")]
OnOrUndo = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DATE", help="The day from which it no longer stands.")
]
Undo = Annotated[bool, typer.Option("--undo", help="It was entered by mistake; a new fact says so.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]
OnlyPreview = Annotated[bool, typer.Option("--preview", help="Only say what it would do to the archive; change nothing.")]
Accepts = Annotated[bool, typer.Option("--accept-findings", help="Take a form in whose findings hold it back.")]
CoversFrom = Annotated[
    datetime | None,
    typer.Option("--covers-from", formats=["%Y-%m-%d"], metavar="DATE", help="A form: mail before this day is not covered."),
]

_TAKEN = {
    Outcome.ADDED: "taken into the register",
    Outcome.REPLACED: "taken into the register in place of its earlier state",
    Outcome.UNCHANGED: "in the register already: unchanged",
    Outcome.OLDER: "not taken in: the register holds a later state of it",
    Outcome.HELD_BACK: "held back: nothing was taken in. Look at the notes; --accept-findings takes it in all the same",
}


def import_forms(
    app: FormsApp, data: bytes, file: Path, asking: Asking, *, accepts: bool, covers_from: date | None, as_json: bool
) -> None:
    """The part of `officials import` that is about forms: the PDF of one, or a CSV of positions. Exit code 1: not taken in."""
    plan, effect = app.import_forms(data, file.name, asking, accepts=accepts, covers_from=covers_from)
    if as_json:
        print_json(plan.as_dict() | ({} if effect is None else {"preview": effect.as_dict()}))
    else:
        _print_plan(plan, effect)
    raise typer.Exit(1 if any(one.change.outcome in {Outcome.OLDER, Outcome.HELD_BACK} for one in plan.forms) else 0)


def forms(known_on: KnownOn = None, as_json: AsJson = False) -> None:
    """Every form in the register: its state today, when it expires, the window in which it must be sent in anew.

    Example: capstone officials forms --as-known-on 2025-01-31
    """
    lines = opened().forms(None if known_on is None else known_on.date())
    if as_json:
        print_json({"forms": [one.as_dict() for one in lines]})
        return
    rows = [
        [
            fact_id(one.fact),
            one.fact.form.number,
            one.fact.form.record_group,
            one.fact.agency,
            one.state,
            one.fact.form.approved,
            one.fact.form.superseded,
            one.fact.form.expires,
            "" if one.window is None else f"{one.window.opens} to {one.window.closes}",
            len(one.fact.positions),
            sum(position.accounts or 0 for position in one.fact.positions),
            one.in_register,
        ]
        for one in lines
    ]
    columns = [
        "id",
        "form",
        "group",
        "agency",
        "state",
        "approved",
        "superseded",
        "expires",
        "due",
        "positions",
        "accounts",
        "in use",
    ]
    print_table("Forms", columns, rows, empty="none; see 'capstone officials import --help'")


def withdraw(
    number: Number,
    reason: Reason,
    on: OnOrUndo = None,
    undo: Undo = False,
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """The National Archives take the approval of a form back: from that day all mail under it is unscheduled.

    Example: capstone officials withdraw "GRS 6.1-0900-2020-0001" --on 2026-03-01 --reason "letter of 2026-02-20"
    """
    if undo == (on is not None):
        raise typer.BadParameter("Give the day with --on, or --undo where it was entered by mistake.")
    app = opened()
    asking = Asking(app.person(viewer), reason, only_preview)
    _tell_change(number, *app.withdraw_form(number, None if on is None else on.date(), asking), as_json=as_json)


def resubmitted(
    number: Number,
    on: OnDay,
    reason: Reason,
    undo: Undo = False,
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """The agency sent a form in anew: it does not expire with the window that this day answers.

    Example: capstone officials resubmitted "GRS 6.1-0900-2020-0001" --on 2027-02-15 --reason "sent with memo 12"
    """
    app = opened()
    asking = Asking(app.person(viewer), reason, only_preview)
    _tell_change(number, *app.resubmit_form(number, on.date(), asking, is_undone=undo), as_json=as_json)


def export(
    number: Annotated[str | None, typer.Argument(metavar="FORM", help="Default: every form not superseded or denied.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, for the next submission.")] = False,
    as_json: AsJson = False,
) -> None:
    """The positions in the order of the form's tables, with their accounts on the form and in the register today.

    Behind each category stand positions that somebody is designated in and the form lacks. The CSV can be imported again.

    Example: capstone officials export --csv > positions.csv
    """
    lists = opened().positions(number)
    if as_json:
        print_json({"forms": [_list_as_dict(fact, listed) for fact, listed in lists]})
    elif as_csv:
        sys.stdout.write(listing_csv(lists))
    else:
        columns = ["category", "position", "on the form", "in the register", "note"]
        for fact, listed in lists:
            rows = [[one.category, one.position, one.on_form, one.in_register, one.note] for one in listed]
            print_table(f"{fact.form.number}   {fact.agency}", columns, rows)


def gaps(as_json: AsJson = False) -> None:
    """What the register lacks: positions, accounts and days that nobody holds, what was not captured, what ends or is due.

    Example: capstone officials gaps
    """
    found = opened().gaps()
    if as_json:
        print_json({"gaps": [one.as_dict() for one in found]})
        return
    rows = [[one.code, one.what, " ".join(one.ids)] for one in found]
    print_table("Gaps", ["code", "what", "ids"], rows, empty="none")
    for code in dict.fromkeys(one.code for one in found):
        say(f"{code}: {next(one.next_step for one in found if one.code == code)}")


def _tell_change(number: str, change: FormChange, decision: int | None, effect: Preview | None, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, object] = {"form": number, "outcome": change.outcome, "differences": list(change.differences)}
        told["warnings"] = [sentence(found) for found in change.findings]
        print_json({**told, "decision": decision} | ({} if effect is None else {"preview": effect.as_dict()}))
        return
    for line in change.differences:
        say(line)
    for found in change.findings:
        say(f"Note: {sentence(found)}", "yellow")
    if effect is not None:
        print_preview(effect)
    elif decision is None:
        say("The register says so already: unchanged.")
    else:
        say(f"Decision {decision}. Next: capstone replay")


def _print_plan(plan: FormPlan, effect: Preview | None) -> None:
    for warning in plan.warnings:
        say(f"Note: {warning}", "yellow")
    for one in plan.forms:
        _print_form(one, is_preview=effect is not None)
    if effect is not None:
        print_preview(effect)
    elif plan.decision is not None:
        say(f"Decision {plan.decision}. Next: capstone replay")


def _print_form(one: ReadForm, *, is_preview: bool) -> None:
    told = one.told
    say(f"{told['form'] or 'A form without a number'}   {told['agency']}   record group {told['record_group'] or 'not read'}")
    expires = f"; expires {one.expires}" if one.expires else ""
    cutoff, years = told["cutoff"] or "not parsed", told["transfer_years"] or "not parsed"
    say(f"{one.state or 'no state'}{expires}; {told['total_accounts']} accounts; cutoff {cutoff}; transfer years {years}.")
    for line in one.change.differences:
        say(f"Differs: {line}")
    for found in one.findings:
        say(f"Note: {sentence(found)}", "yellow")
    say(f"{'Would be ' if is_preview and one.change.facts else ''}{_TAKEN[one.change.outcome]}.")


def _list_as_dict(fact: RegisteredForm, listed: list[ListedPosition]) -> dict[str, object]:
    positions = [
        {
            "category": one.category,
            "position": one.position,
            "accounts": one.accounts,
            "accounts_on_form": one.on_form,
            "accounts_in_register": one.in_register,
            "note": one.note,
        }
        for one in listed
    ]
    head = {"form": fact.form.number, "record_group": fact.form.record_group, "agency": fact.agency}
    return {**head, "positions": positions}
