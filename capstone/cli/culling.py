"""Commands about mail that may be non-record or personal: propose, list, accept, refuse, take back. None changes a record."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from capstone.cli.options import AsJson, Viewer, archive, opened
from capstone.cli.output import print_json, print_table, say
from capstone.domain.culling import SIGNS
from capstone.domain.culling_policy import RULES
from capstone.domain.culling_reviews import Reviewed, State, Verdict
from capstone.domain.errors import CapstoneError
from capstone.usecases.culling import ProposeReport
from capstone.usecases.culling_reviews import ReviewReport, Wanted, status_as_dict

cull = typer.Typer(help="Mail that may be non-record: rules only propose it, two people accept, and the record stays locked.")

Named = Annotated[list[str], typer.Argument(metavar="RULE|ID...", help="A rule (all it proposes), or ids of proposals.")]
Account = Annotated[str | None, typer.Option("--account", metavar="ID", help="Only of this account.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without being asked; without it the count is shown first.")]


@cull.command("propose")
def propose(
    account: Annotated[list[str] | None, typer.Option("--account", help="Only this account; may be repeated.")] = None,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Look through the stored mail and note what the rules propose. Nothing is changed but the list of proposals.

    Example: capstone cull propose --account director
    """
    with archive("Looking", is_quiet=as_json) as app:
        person = app.person(viewer)
        accounts = account or app.accounts_to_review(person)
        reports, errors = list[ProposeReport](), dict[str, CapstoneError]()
        for one in accounts:
            try:
                reports.append(app.propose_culling(person, one))
            except CapstoneError as exc:
                if len(accounts) == 1:
                    raise
                errors[one] = exc
    if as_json:
        told = {name: {"code": exc.code, "message": exc.message} for name, exc in errors.items()}
        print_json({"accounts": [one.as_dict() for one in reports], "errors": told})
    else:
        _print_reports(reports, errors)
    raise typer.Exit(1 if errors or any(one.unreadable for one in reports) else 0)


@cull.command("list")
def list_(
    named: Annotated[list[str] | None, typer.Argument(metavar="RULE|ID...", help="A rule, or ids; none: all.")] = None,
    account: Account = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many one by one; all are counted.")] = 50,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """What is proposed, by which rule and signs, and what became of it.

    Example: capstone cull list list_mail --account director --state proposed
    """
    app = opened()
    found = app.culling_proposals(app.person(viewer), _wanted(named or [], account), state)
    counts: Counter[tuple[str, str, str]] = Counter()
    shown: list[Reviewed] = []
    for one in found:
        counts[one.proposal.account, one.proposal.rule, one.state.value] += 1
        if len(shown) < limit:
            shown.append(one)
    rows = [[*key, number] for key, number in sorted(counts.items())]
    if as_json:
        names = ("account", "rule", "state", "proposals")
        print_json(
            {"counts": [dict(zip(names, row, strict=True)) for row in rows], "proposals": list(map(status_as_dict, shown))}
        )
        return
    print_table("Proposals", ["account", "rule", "state", "proposals"], rows, empty="nothing is proposed")
    _print_proposals(shown, sum(counts.values()))


@cull.command("accept")
def accept(
    named: Named, reason: Reason, account: Account = None, yes: Yes = False, viewer: Viewer = None, as_json: AsJson = False
) -> None:
    """Accept proposals as one of two people, until the cutoff of the record. Then they are noted; the records stay as they are.

    Example: capstone cull accept list_mail --account director --reason "looked at fifty of them" --as ann
    """
    _review(Verdict.ACCEPT, _wanted(named, account), reason, yes=yes, viewer=viewer, as_json=as_json)


@cull.command("refuse")
def refuse(
    named: Named, reason: Reason, account: Account = None, yes: Yes = False, viewer: Viewer = None, as_json: AsJson = False
) -> None:
    """Refuse proposals: they are records. One person is enough.

    Example: capstone cull refuse 0123456789abcdef --reason "it approves a contract"
    """
    _review(Verdict.REFUSE, _wanted(named, account), reason, yes=yes, viewer=viewer, as_json=as_json)


@cull.command("take-back")
def take_back(
    named: Named, reason: Reason, account: Account = None, yes: Yes = False, viewer: Viewer = None, as_json: AsJson = False
) -> None:
    """Take back what was accepted or refused, so that it is open again: until the cutoff, or while a second person is missing.

    Example: capstone cull take-back spam --account director --reason "the filter was wrong that month"
    """
    _review(Verdict.TAKE_BACK, _wanted(named, account), reason, yes=yes, viewer=viewer, as_json=as_json)


def _review(verdict: Verdict, wanted: Wanted, reason: str, *, yes: bool, viewer: str | None, as_json: bool) -> None:
    app = opened()
    person = app.person(viewer)
    if not yes and not _is_confirmed(app.count_culling(person, wanted, verdict), as_json=as_json):
        return
    report = app.review_culling(person, wanted, verdict, reason)
    if as_json:
        print_json({"applied": True, **report.as_dict()})
        return
    _print_review(report, "Given")
    if report.states.get(State.SECOND_NEEDED.value):
        say("Next: a second person runs the same command with --as.")


def _is_confirmed(report: ReviewReport, *, as_json: bool) -> bool:
    """Whether the person wants it, with the count before their eyes. Machines are only told the count."""
    if as_json:
        print_json({"applied": False, **report.as_dict()})
        return False
    _print_review(report, "Would be given")
    if typer.confirm(f"{report.verdict.value.replace('_', ' ')} {report.given:,}?"):
        return True
    say("Nothing was changed.")
    return False


def _print_review(report: ReviewReport, said: str) -> None:
    states = ", ".join(f"{number:,} then {state.replace('_', ' ')}" for state, number in sorted(report.states.items()))
    say(f"{said}: {report.verdict.value.replace('_', ' ')} on {report.given:,} ({states}).")
    for why, number in sorted(report.hindered.items()):
        say(f"Not on {number:,}: {why}.", "yellow")


def _print_reports(reports: list[ProposeReport], errors: dict[str, CapstoneError]) -> None:
    columns = ["account", "checked", "new", "withdrawn", "unreadable", *(rule.replace("_", " ") for rule in RULES)]
    rows = [
        [one.account, one.checked, one.proposed, one.withdrawn, one.unreadable, *(one.by_rule.get(rule, 0) for rule in RULES)]
        for one in reports
    ]
    print_table("Proposed", columns, rows, empty="the archive holds no records")
    for account, exc in sorted(errors.items()):
        say(f"{account}: {exc.code} {exc.message} Next: {exc.next_step}", "red")
    if any(one.by_rule for one in reports):
        say("Next: capstone cull list; nothing happens to these before two people accept.")


def _print_proposals(shown: list[Reviewed], total: int) -> None:
    rows = [
        [
            one.proposal.proposal_id,
            one.proposal.record_id,
            f"{one.proposal.rule} {one.proposal.confidence} %",
            "; ".join(SIGNS.get(sign, sign) for sign in one.proposal.signs),
            one.state.value.replace("_", " "),
        ]
        for one in shown
    ]
    if rows:
        print_table(f"{len(rows):,} of {total:,}", ["id", "record", "rule", "because", "state"], rows)


def _wanted(named: list[str], account: str | None) -> Wanted:
    """Raises typer.BadParameter where a rule stands beside anything else."""
    rules = [one for one in named if one in RULES]
    if not rules:
        return Wanted(tuple(named), account=account)
    if len(named) > 1:
        raise typer.BadParameter("Name one rule, or ids of proposals.")
    return Wanted(rule=rules[0], account=account)
