"""Commands of the demonstration: an invented agency's mailboxes, and what a Records Officer wants to see of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capstone.bootstrap import App, demo_summary, generate_demo
from capstone.cli.capturing import STATES
from capstone.cli.options import AsJson, Viewer, opened
from capstone.cli.output import print_json, print_table, say
from capstone.cli.reading import hit_as_dict, print_hits
from capstone.settings import home
from capstone.usecases.status import Overview

demo = typer.Typer(help="An invented agency to try everything on.")

Folder = Annotated[Path | None, typer.Option("--in", help="The demonstration's folder; default: the archive's home.")]


@demo.command("generate")
def generate(folder: Folder = None, seed: int = 1, as_json: AsJson = False) -> None:
    """Write mailboxes, register and settings of an invented agency; the same bytes every time.

    Example: capstone demo generate --in /tmp/demo
    """
    target = folder or home()
    summary = generate_demo(target, seed)
    if as_json:
        print_json(summary.as_counts())
        return
    rows = [[box.account, box.kind, box.items, box.path] for box in summary.mailboxes]
    print_table("Mailboxes of an invented agency", ["account", "kind", "items", "below " + str(target)], rows)
    say(f"Settings: {target / summary.settings}   Officials: {target / summary.officials}")


@demo.command("report")
def report(folder: Folder = None, viewer: Viewer = None, as_json: AsJson = False) -> None:
    """What was offered and what became of it, classes and dates, three searches, one explanation, and what to do next.

    Example: capstone demo report
    """
    app, summary = opened(), demo_summary(folder or home())
    person = app.person(viewer)
    found = app.overview()
    answers = [(query, meaning, app.search(person, query, 3)) for query, meaning in summary.searches]
    _, sentences = app.explain(person, summary.explain)
    if as_json:
        searches = [{"query": q, "total": a.page.total, "hits": [hit_as_dict(hit) for hit in a.page.hits]} for q, _, a in answers]
        print_json({**found.status.as_dict(), "classes": _classes(found), "searches": searches, "why": sentences})
        return
    print_overview(app, found)
    for query, meaning, answer in answers:
        say()
        say(f"{meaning}:  capstone search '{query}'", "bold cyan")
        print_hits(answer)
    say()
    say(f"Why is this record kept as it is?  capstone why {summary.explain}", "bold cyan")
    for sentence in sentences:
        say(f"  {sentence}")
    _print_next()


def print_overview(app: App, found: Overview) -> None:
    """Per account what was offered and what became of it; by class and item with cutoff and eligibility."""
    say(f"{app.settings.agency.name}: the archive of its email", "bold")
    rows: list[list[object]] = [
        [run.account, sum(run.counts.get(name, 0) for name in STATES), *(run.counts.get(name, 0) for name in STATES), run.outcome]
        for run in found.latest
    ]
    print_table(
        "What the latest run of each account was offered, and what became of it", ["account", "offered", *STATES, "outcome"], rows
    )
    refused: list[list[object]] = [
        [account, item.state.value, item.code, item.place.folder, item.place.item_id.rpartition("/")[2]]
        for account, item in found.refused
    ]
    print_table("Items that are not in the archive, and why", ["account", "state", "why", "folder", "item"], _summed(refused))
    held = [
        [one.account, one.messages, one.permanent, one.temporary, one.unscheduled, one.quarantined]
        for one in found.status.accounts
    ]
    print_table("What the archive holds", ["account", "records", "permanent", "temporary", "unscheduled", "quarantined"], held)
    columns = ["account", "class", "item", "cutoff", "eligible from", "records"]
    print_table("By class and item", columns, _by_year(found))


def _summed(rows: list[list[object]]) -> list[list[object]]:
    """At most three items of one account and reason in full, the rest as a number."""
    shown: list[list[object]] = []
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        key = tuple(row[:3])
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= 3:
            shown.append(row)
    more = [[*key, "", f"and {count - 3} more"] for key, count in seen.items() if count > 3]
    return sorted([*shown, *more], key=lambda row: [str(cell) for cell in row[:3]])


def _by_year(found: Overview) -> list[list[object]]:
    """Temporary records become eligible day by day: they are summed by year."""
    sums: dict[tuple[str, str, str, str, str], int] = {}
    for line in found.classes:
        cutoff = str(line.cutoff or ("by message date" if line.record_class == "temporary" else "not known yet"))
        eligible = str(line.eligible or "not known yet")
        if line.record_class == "temporary" and line.eligible:
            eligible = f"{line.eligible.year}"
        if line.record_class == "unscheduled":
            cutoff = eligible = "never while unscheduled"
        key = (line.account, line.record_class, line.item or "none", cutoff, eligible)
        sums[key] = sums.get(key, 0) + line.records
    return [[*key, count] for key, count in sorted(sums.items())]


def _classes(found: Overview) -> list[dict[str, object]]:
    return [
        {
            "account": line.account,
            "record_class": line.record_class,
            "schedule_item": line.item,
            "cutoff": str(line.cutoff) if line.cutoff else None,
            "eligible": str(line.eligible) if line.eligible else None,
            "records": line.records,
        }
        for line in found.classes
    ]


def _print_next() -> None:
    say()
    say("What to do next with your own mail", "bold cyan")
    for line in (
        "  1. export CAPSTONE_HOME=/path/to/a/new/folder && capstone init",
        "  2. Write officials.csv (columns: capstone officials import --help), then: capstone officials import officials.csv",
        "  3. capstone import /path/to/mail --account ID   (EML, MBOX, Maildir, PST, MSG, folders and archives of them)",
        "  4. capstone search 'your words'   and   capstone verify",
    ):
        say(line)
