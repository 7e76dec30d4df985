"""Commands that change the register by single facts. Each is a decision under a name and a reason, or only its preview."""

from __future__ import annotations

from typing import Annotated

import typer

from capstone.bootstrap import App
from capstone.bootstrap.forms import Asking
from capstone.bootstrap.register import Changed
from capstone.cli.options import AsJson, Viewer, opened
from capstone.cli.output import print_json, say
from capstone.cli.replaying import print_preview
from capstone.domain.register_facts import AccountKind, fact_id

Named = Annotated[str, typer.Argument(metavar="ID", help="The id that 'officials list' shows.")]
Account = Annotated[str, typer.Option("--account", metavar="ID", help="The account.")]
From = Annotated[str, typer.Option("--from", metavar="DATE", help="First day, such as 2024-01-31.")]
Until = Annotated[str, typer.Option("--until", metavar="DATE", help="Last day, inclusive; default: without end.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]
OnlyPreview = Annotated[bool, typer.Option("--preview", help="Only say what it would do to the archive; change nothing.")]
Official = Annotated[str | None, typer.Option("--official", help="The person's name.")]
Position = Annotated[str | None, typer.Option("--position", help="The position as on the form.")]
Category = Annotated[str | None, typer.Option("--category", help="1 to 10 as on the form, support or none.")]
Office = Annotated[str | None, typer.Option("--office", help="The office, written the same everywhere.")]
FormNumber = Annotated[str | None, typer.Option("--form", metavar="FORM", help="Number of the NA-1005 that it stands on.")]
Acting = Annotated[bool | None, typer.Option("--acting/--permanent", help="In an acting capacity, or not.")]
Addresses = Annotated[list[str] | None, typer.Option("--address", help="An address of the account; may be repeated.")]
Decided = Annotated[str | None, typer.Option("--decided", help="How it was decided: an order, a memorandum ...")]
DecidedBy = Annotated[str | None, typer.Option("--decided-by", help="Who decided it.")]
Evidence = Annotated[str | None, typer.Option("--evidence", help="Where the paper that says so can be found.")]


def designate(  # noqa: PLR0913 - one option each
    official: Annotated[str, typer.Option("--official", help="The person's name.")],
    position: Annotated[str, typer.Option("--position", help="The position as on the form.")],
    category: Annotated[str, typer.Option("--category", help="1 to 10 as on the form, support or none.")],
    account: Account,
    starts: From,
    reason: Reason,
    ends: Until = "",
    acting: Acting = None,
    office: Office = None,
    form: FormNumber = None,
    addresses: Addresses = None,
    decided: Decided = None,
    decided_by: DecidedBy = None,
    evidence: Evidence = None,
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """An official holds a position with an account, from a day until a day.

    Example: capstone officials designate --official "Ann Example" --position Director --category 1 --account director
    --from 2025-01-20 --form "GRS 6.1-0900-2018-0001" --reason "sworn in"
    """
    told = {"official": official, "position": position, "category": category, "account": account, "from": starts, "until": ends}
    told |= _said(office, acting, form, addresses, decided, decided_by, evidence)
    app = opened()
    _tell(app.designate(told, _asking(app, viewer, reason, only_preview)), as_json)


def correct(  # noqa: PLR0913 - one option each
    named: Named,
    reason: Reason,
    official: Official = None,
    position: Position = None,
    category: Category = None,
    account: Annotated[str | None, typer.Option("--account", metavar="ID", help="The account.")] = None,
    starts: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, also one that lies back.")] = None,
    ends: Annotated[str | None, typer.Option("--until", metavar="DATE", help='Last day, inclusive; "" for none.')] = None,
    acting: Acting = None,
    office: Office = None,
    form: FormNumber = None,
    addresses: Addresses = None,
    decided: Decided = None,
    decided_by: DecidedBy = None,
    evidence: Evidence = None,
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """A designation, an address or a right was otherwise. A new fact supersedes it; the old one stays in the history.

    Example: capstone officials correct 0123456789ab --from 2024-11-01 --reason "the order was found"
    """
    own = {"official": official, "position": position, "category": category, "account": account, "from": starts, "until": ends}
    told = {name: text for name, text in own.items() if text is not None}
    told |= _said(office, acting, form, addresses, decided, decided_by, evidence)
    if not told:
        raise typer.BadParameter("Say what was otherwise: --from, --until, --category ...")
    app = opened()
    _tell(app.correct_fact(named, told, _asking(app, viewer, reason, only_preview)), as_json)


def end(
    named: Named,
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="Last day, inclusive, such as 2024-01-31.")],
    reason: Reason,
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """A designation, an address or a right ends.

    Example: capstone officials end 0123456789ab --on 2025-01-20 --reason "left office"
    """
    app = opened()
    _tell(app.end_fact(named, on, _asking(app, viewer, reason, only_preview)), as_json)


def remove(
    named: Named, reason: Reason, only_preview: OnlyPreview = False, viewer: Viewer = None, as_json: AsJson = False
) -> None:
    """A designation, an address or a right was entered by mistake and never was. It stays in the history.

    Example: capstone officials remove 0123456789ab --reason "another person of that name"
    """
    app = opened()
    _tell(app.remove_fact(named, _asking(app, viewer, reason, only_preview)), as_json)


def account(  # noqa: PLR0913 - one option each
    named: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The stable id of the account.")],
    kind: Annotated[str, typer.Option("--kind", help=f"{', '.join(AccountKind)}.")],
    reason: Reason,
    office: Annotated[str, typer.Option("--office", help="The office that it belongs to.")] = "",
    network: Annotated[str, typer.Option("--network", help="The network it is on, where that is not the agency's own.")] = "",
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """What an account is to its holder. An account stands in the register from then on, with or without a designation.

    Example: capstone officials account director-2 --kind secondary --reason "inventory of accounts"
    """
    app = opened()
    _tell(app.describe_account(named, kind, office, network, _asking(app, viewer, reason, only_preview)), as_json)


def address(  # noqa: PLR0913 - one option each
    text: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address.")],
    account: Account,
    starts: From,
    reason: Reason,
    ends: Until = "",
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """An address belongs to an account from a day until a day: aliases change hands.

    Example: capstone officials address director@agency.example --account director --from 2025-01-20 --reason "handed over"
    """
    app = opened()
    _tell(app.give_address(text, account, starts, ends, _asking(app, viewer, reason, only_preview)), as_json)


def right(  # noqa: PLR0913 - one option each
    named: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account that may send.")],
    on_behalf_of: Annotated[str, typer.Option("--on-behalf-of", metavar="ACCOUNT", help="In the name of its holder.")],
    starts: From,
    reason: Reason,
    ends: Until = "",
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """An account may send on behalf of another account's holder, from a day until a day.

    Example: capstone officials right aide --on-behalf-of director --from 2025-01-20 --reason "delegation of 2025-01-18"
    """
    app = opened()
    _tell(app.give_right(named, on_behalf_of, starts, ends, _asking(app, viewer, reason, only_preview)), as_json)


def series(  # noqa: PLR0913 - one option each
    named: Annotated[str, typer.Argument(metavar="SERIES", help="Id of a series in config/schedules/series.toml.")],
    account: Account,
    starts: From,
    reason: Reason,
    ends: Until = "",
    folder: Annotated[str, typer.Option("--folder", help="Only mail in this folder and below.")] = "",
    only_preview: OnlyPreview = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Mail of an account belongs to a series of another schedule as well; the longer keeping wins.

    Example: capstone officials series opr-cases --account director --from 2025-01-20 --folder Cases --reason "memo 12"
    """
    app = opened()
    _tell(app.assign_series(named, account, folder, (starts, ends), _asking(app, viewer, reason, only_preview)), as_json)


def check(as_json: AsJson = False) -> None:
    """What is wrong with the whole register, and what is worth a look: overlaps, gaps, addresses in two hands, unknown forms.

    Exit code 1: something cannot be true.

    Example: capstone officials check
    """
    found = opened().check_register()
    if as_json:
        print_json(found.as_dict())
    else:
        for error in found.errors:
            say(f"Error: {error}", "red")
        for warning in found.warnings:
            say(f"Note: {warning}", "yellow")
        say(f"{len(found.errors)} errors, {len(found.warnings)} notes.")
    raise typer.Exit(1 if found.errors else 0)


def _said(
    office: str | None,
    acting: bool | None,
    form: str | None,
    addresses: list[str] | None,
    decided: str | None,
    decided_by: str | None,
    evidence: str | None,
) -> dict[str, str]:
    """By the column names of an officials file; what was not said is left out."""
    said = {
        "office": office,
        "acting": None if acting is None else ("yes" if acting else "no"),
        "form": form,
        "addresses": None if addresses is None else " ".join(addresses),
        "decided": decided,
        "decided_by": decided_by,
        "evidence": evidence,
    }
    return {name: text for name, text in said.items() if text is not None}


def _asking(app: App, viewer: str | None, reason: str, only_preview: bool) -> Asking:
    return Asking(app.person(viewer), reason, only_preview)


def _tell(changed: Changed, as_json: bool) -> None:
    report, effect = changed
    if as_json:
        print_json(report.as_dict() | ({} if effect is None else {"preview": effect.as_dict()}))
        return
    for warning in report.warnings:
        say(f"Note: {warning}", "yellow")
    if effect is not None:
        print_preview(effect)
        return
    if report.decision is None:
        say("The register says so already: unchanged.")
        return
    change = report.change
    new = [*(row.designation_id for row in change.designations), *map(fact_id, change.facts)]
    ended = ", ".join(change.superseded) or "nothing"
    say(f"Decision {report.decision}: added {', '.join(new) or 'nothing'}; ended {ended}.")
    say("Next: capstone replay brings classes and locks in line; 'capstone officials preview' says what it will do.")
