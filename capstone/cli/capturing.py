"""Commands that bring mail in: init, import, capture, status, quarantine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from capstone.bootstrap import App
from capstone.cli.options import AsJson, Viewer, archive, opened
from capstone.cli.output import print_json, print_table, say, size_text
from capstone.domain.coverage import what_is_lacking
from capstone.domain.errors import CapstoneError
from capstone.domain.message import ItemState
from capstone.usecases.capture import RunReport
from capstone.usecases.index import IndexReport
from capstone.usecases.status import Status

STATES = tuple(state.value for state in ItemState)

quarantine = typer.Typer(help="Bytes kept without being a record: empty items, containers that could not be split.")


def init(as_json: AsJson = False) -> None:
    """Create ledger, store and index; safe to repeat.

    Example: CAPSTONE_HOME=/srv/capstone capstone init
    """
    told = opened().init()
    if as_json:
        print_json(told)
        return
    say(f"The archive is ready. Store: {told['store']}")
    say(f"Ledger: {told['ledger']}   Index: {told['index']}   Roles: {told['roles']}")
    if not told["worm"]:
        say("This store is a local folder: it refuses deletions in software only, it is not WORM storage.", "yellow")
    say("Next: capstone officials import officials.csv")


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: EML, MBOX, Maildir, PST, MSG, ZIP, TAR.")],
    account: Annotated[str, typer.Option("--account", help="The register's id of the account.")],
    as_json: AsJson = False,
) -> None:
    """Import EML, MBOX, Maildir, PST and MSG files, folders of them, and ZIP and TAR files of these, into an account.

    Example: capstone import /mnt/export/director.mbox --account director
    """
    with archive("Importing", is_quiet=as_json) as app:
        report, indexed = app.indexing_while(lambda: app.import_files(paths, account))
    if report.error is not None:
        raise report.error
    index = index_as_dict(indexed)
    if as_json:
        print_json({**report.as_counts(), "index": index})
    else:
        _print_runs([report], index)
    raise typer.Exit(_exit_code([report], index))


def capture(
    account: Annotated[list[str] | None, typer.Option("--account", help="Only this account; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Capture from the sources that the settings name.

    Example: capstone capture --account director
    """
    with archive("Capturing", is_quiet=as_json) as app:
        accounts = account or app.accounts_with_source()
        runs, indexed = app.indexing_while(lambda: [_capture_one(app, one, is_only=len(accounts) == 1) for one in accounts])
    reports, index = [report for several in runs for report in several], index_as_dict(indexed)
    if as_json:
        print_json({"runs": [report.as_counts() for report in reports], "index": index})
    else:
        _print_runs(reports, index)
    raise typer.Exit(_exit_code(reports, index))


def _capture_one(app: App, account: str, *, is_only: bool) -> list[RunReport]:
    """Every source of the account. What concerns one account does not stop the others."""
    try:
        return app.capture(account)
    except CapstoneError as exc:
        if is_only:
            raise
        return [RunReport("", account, "-", "failed", {}, error=exc)]


def index_as_dict(indexed: IndexReport | CapstoneError) -> dict[str, object]:
    """What became of the index, or the error that kept it from being brought in line."""
    if isinstance(indexed, IndexReport):
        return indexed.as_counts()
    return {"error": indexed.as_dict()}


def _exit_code(reports: Sequence[RunReport], index: dict[str, object]) -> int:
    is_clean = all(report.is_clean for report in reports) and "error" not in index and not index["failed"]
    return 0 if is_clean else 1


def _print_runs(reports: Sequence[RunReport], index: dict[str, object], empty: str = "no account has a source") -> None:
    rows = [
        [report.account, report.source, *(report.as_counts()[name] for name in ("offered", *STATES)), report.outcome]
        for report in reports
    ]
    print_table("Captured", ["account", "source", "offered", *STATES, "outcome"], rows, empty=empty)
    for report in reports:
        if report.error is not None:
            say(f"{report.account}: {report.error.code} {report.error.message} Next: {report.error.next_step}", "red")
        elif not report.is_clean:
            say(
                f"{report.account}: some items are not in the archive; see 'capstone quarantine list' and 'capstone status'.",
                "yellow",
            )
        for note in report.notes:
            counted = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in note.counts.items())
            say(f"{report.account}: {note.where}: {note.reason or note.code} {counted}".rstrip(), "yellow" if note.is_gap else "")
    error = index.get("error")
    if isinstance(error, dict):
        say(f"Not indexed: {error['code']} {error['message']} Next: {error['next']}", "yellow")
    else:
        say(f"Indexed {index['indexed']} records, {index['pending']} still due.")


def index_(as_json: AsJson = False) -> None:
    """Index all records that are due; import and capture do it by themselves.

    Example: capstone index
    """
    with archive("Indexing", is_quiet=as_json) as app:
        report: IndexReport = app.index_pending()
    if as_json:
        print_json(report.as_counts())
    else:
        say(f"Indexed {report.indexed} records, {report.failed} failed, {report.pending} still due.")
    raise typer.Exit(1 if report.failed else 0)


def status(as_json: AsJson = False) -> None:
    """How the archive stands, per account, with the latest runs and what no source could reach.

    Example: capstone status --json
    """
    found = opened().status()
    if as_json:
        print_json(found.as_dict())
    else:
        print_status(found)


def print_status(found: Status) -> None:
    """The standing of the archive as people read it."""
    names = ("account", "messages", "bytes", "permanent", "temporary", "unscheduled", "quarantined")
    rows = [
        [*(getattr(one, name) for name in names), found.twins.get(one.account, 0), _minute(one.last_capture)]
        for one in found.accounts
    ]
    print_table("Accounts", [*names, "twins", "last capture (UTC)"], rows, empty="no account is registered")
    runs = [
        [run.run_id, run.account, run.source, run.outcome, run.error or "", *(run.counts.get(name, 0) for name in STATES)]
        for run in found.runs
    ]
    print_table("Latest runs", ["run", "account", "source", "outcome", "error", *STATES], runs)
    gaps = [
        [gap.account, gap.source, what_is_lacking(gap.note.code), gap.note.where, gap.note.reason, gap.run_id]
        for gap in found.gaps
    ]
    print_table("Not in the archive", ["account", "source", "what", "where", "why", "run"], gaps, empty="no gap is known")
    total = sum(one.messages for one in found.accounts)
    say(f"{total:,} records, {size_text(sum(one.bytes for one in found.accounts))}; {found.pending:,} not yet indexed.")


def _minute(instant: object) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "never"


@quarantine.command("list")
def quarantine_list(viewer: Viewer = None, as_json: AsJson = False) -> None:
    """What lies in quarantine, and why.

    Example: capstone quarantine list
    """
    app = opened()
    items = app.quarantine(app.person(viewer))
    if as_json:
        names = ("digest", "source", "account", "item_id", "code", "reason", "size_bytes", "tries")
        print_json({"items": [{name: getattr(item, name) for name in names} for item in items]})
        return
    rows = [
        [item.digest[:12], item.account, item.source, item.item_id, item.reason, item.size_bytes, item.tries] for item in items
    ]
    print_table("Quarantine", ["digest", "account", "source", "item", "reason", "bytes", "tries"], rows, empty="empty")


@quarantine.command("show")
def quarantine_show(
    digest: Annotated[str, typer.Argument(help="The digest, whole, as 'list --json' gives it.")],
    raw: Annotated[bool, typer.Option("--raw", help="The bytes, unchanged.")] = False,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """One quarantined item.

    Example: capstone quarantine show DIGEST --raw > item.bin
    """
    app = opened()
    item, data = app.quarantined(app.person(viewer), digest)
    if raw:
        sys.stdout.buffer.write(data)
        return
    told = {
        name: getattr(item, name) for name in ("digest", "source", "account", "item_id", "code", "reason", "size_bytes", "tries")
    }
    if as_json:
        print_json(told)
    else:
        print_table("Quarantined item", ["what", "value"], list(told.items()))


@quarantine.command("retry")
def quarantine_retry(viewer: Viewer = None, as_json: AsJson = False) -> None:
    """Offer everything in quarantine to the archive again.

    Example: capstone quarantine retry
    """
    with archive("Retrying", is_quiet=as_json) as app:
        reports, indexed = app.indexing_while(lambda: app.retry_quarantine(app.person(viewer)))
    index = index_as_dict(indexed)
    if as_json:
        print_json({"runs": [report.as_counts() for report in reports], "index": index})
    else:
        _print_runs(reports, index, empty="quarantine is empty")
    raise typer.Exit(_exit_code(reports, index))
