"""Commands that say what a change of the register does to the archive, and do it: preview, approve, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capstone.bootstrap import App
from capstone.cli.capturing import index_as_dict
from capstone.cli.options import AsJson, Viewer, archive
from capstone.cli.output import print_json, print_table, say
from capstone.domain.errors import BadOfficialsFile, CapstoneError
from capstone.domain.rules import REASONS
from capstone.usecases.preview import Preview
from capstone.usecases.replay import COUNTED, AccountReplay, totals

_MOST_LINES = 60
"""Lines of a preview that a person reads; `--json` has them all."""


def preview(
    file: Annotated[Path | None, typer.Argument(help="A CSV of officials, or a form NA-1005 as PDF.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a change of the register would do to the archive; nothing is changed. Without FILE: what a replay would do now.

    Example: capstone officials preview officials.csv
    """
    with archive("Previewing", is_quiet=as_json) as app:
        found = app.preview_change() if file is None else app.preview_file(_read(file))
    if as_json:
        print_json(found.as_dict())
    else:
        print_preview(found)


def print_preview(found: Preview) -> None:
    """A preview as a person reads it; for every command that has `--preview`."""
    rows = [
        [
            shift.account,
            _class(shift.old_class.value, shift.old_item),
            _class(shift.new_class.value, shift.new_item) if shift.is_of_class else "the same; its dates or reasons change",
            REASONS.get(shift.reason, shift.reason),
            number,
        ]
        for shift, number in found.sorted_shifts()
    ]
    print_table("Preview", ["account", "from", "to", "because", "messages"], rows[:_MOST_LINES], empty="no message changes")
    if len(rows) > _MOST_LINES:
        say(f"{len(rows) - _MOST_LINES:,} more lines; --json shows them all.")
    other = found.total("changed") - found.reclassified
    shorter, waiting = found.total("shorter"), ", ".join(map(str, found.waiting))
    checked = found.total("checked")
    say(f"Of {checked:,} messages {found.reclassified:,} change class; {other:,} more change dates or reasons only.")
    say(f"{found.total('longer'):,} are kept longer, {shorter:,} shorter: these need a second person.")
    say(f"Under hold: {found.total('under_hold'):,}. Disposed of already: {found.total('disposed'):,}.")
    if found.total("unreadable"):
        say(f"{found.total('unreadable'):,} cannot be judged: their bytes are missing or damaged. Run 'capstone verify'.", "red")
    if waiting:
        say(f"Decisions that wait for a second person: {waiting}.", "yellow")
    if found.newest_decision is not None:
        say(f"The newest change of the register is decision {found.newest_decision}.")
    if found.next_step:
        say(f"Next, by a second person: {found.next_step}")


def approve(
    decision: Annotated[
        int, typer.Option("--decision", help="The newest change of the register, as 'capstone officials preview' names it.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")],
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Approve the register up to a decision, as a second person: a replay may then shorten locks.

    Example: capstone officials approve --decision 2 --reason "compared with the signed form"
    """
    with archive("Approving", is_quiet=as_json) as app:
        made = app.approve_register(app.person(viewer), reason, decision)
    if as_json:
        print_json({"decision": made.number, "approves": made.approves, "actor": made.actor})
    else:
        say(f"Decision {made.number}: {made.actor} approves the register up to decision {made.approves}.")
        say("Next: capstone replay")


def replay(
    account: Annotated[list[str] | None, typer.Option("--account", help="Only this account; may be repeated.")] = None,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Bring classes, locks, tags and index in line with the register. See 'capstone officials preview' before.

    Example: capstone replay --account director
    """
    with archive("Replaying", is_quiet=as_json) as app:
        person = app.person(viewer)
        accounts = account or app.accounts_to_replay()

        def work() -> list[AccountReplay]:
            return [_replay_one(app, one, person.name, is_only=len(accounts) == 1) for one in accounts]

        reports, indexed = app.indexing_while(work)
    index = index_as_dict(indexed)
    if as_json:
        print_json({"accounts": [one.as_counts() for one in reports], "totals": totals(reports), "index": index})
    else:
        _print_replay(reports, index)
    is_clean = all(one.is_clean for one in reports) and "error" not in index and not index["failed"]
    raise typer.Exit(0 if is_clean else 1)


def _replay_one(app: App, account: str, viewer: str, *, is_only: bool) -> AccountReplay:
    """What concerns one account does not stop the others."""
    try:
        return app.replay(account, app.person(viewer))
    except CapstoneError as exc:
        if is_only:
            raise
        return AccountReplay(account, error=exc)


def _print_replay(reports: list[AccountReplay], index: dict[str, object]) -> None:
    rows = [[one.account, *(getattr(one, name) for name in COUNTED)] for one in reports]
    columns = ["account", *(name.replace("_", " ") for name in COUNTED)]
    print_table("Replayed", columns, rows, empty="the archive holds no records")
    for one in reports:
        if one.error is not None:
            say(f"{one.account}: {one.error.code} {one.error.message} Next: {one.error.next_step}", "red")
        elif one.failed:
            told = ", ".join(f"{number:,} {code}" for code, number in sorted(one.failures.items()))
            say(f"{one.account}: {told}; these keep their class, the next replay takes them up.", "red")
    waiting = totals(reports)["waiting_for_approval"]
    if waiting:
        say(f"{waiting:,} would be kept shorter and wait for a second person: 'capstone officials preview' says more.", "yellow")
    error = index.get("error")
    if isinstance(error, dict):
        say(f"Not indexed: {error['code']} {error['message']} Next: {error['next']}", "yellow")
    else:
        say(f"Indexed {index['indexed']} records, {index['pending']} still due.")


def _class(record_class: str, item: str | None) -> str:
    return f"{record_class} {item}" if item else record_class


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise BadOfficialsFile(f"{file} cannot be read: {exc.strerror}.", "Check the name and permissions of the file.") from exc
