"""Commands about the sources of mail that the settings name: list, check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from capstone.cli.options import AsJson, opened
from capstone.cli.output import print_json, print_table, say, size_text
from capstone.usecases.source_checks import CheckedSource

sources = typer.Typer(help="The sources of mail that the settings name: what each would give, before it is captured.")


@sources.command("list")
def list_(as_json: AsJson = False) -> None:
    """The configured sources; nothing is connected.

    Example: capstone sources list
    """
    rows = [one.as_dict() for one in opened().configured_sources()]
    if as_json:
        print_json({"sources": rows})
    else:
        names = ("source", "account", "kind", "where")
        print_table("Sources", names, [[row[name] for name in names] for row in rows], empty="the settings name none")


@sources.command("check")
def check(
    account: Annotated[list[str] | None, typer.Option("--account", help="Only sources of this account; may be repeated.")] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in to sources, count folders and messages, say what is left out and what is not permitted. Changes nothing.

    Example: capstone sources check --account director
    """
    found = list(opened().check_sources(account or (), source or ()))
    if as_json:
        print_json({"sources": [one.as_dict() for one in found]})
    else:
        _print(found)
    raise typer.Exit(0 if all(one.is_ready for one in found) else 1)


def _print(found: Sequence[CheckedSource]) -> None:
    for one in found:
        rows = [[folder.path, folder.messages, _size(folder.size_bytes), folder.left_out_by] for folder in one.folders]
        if rows:
            title = f"{one.configured.source} ({one.configured.kind}, {one.configured.account})"
            print_table(title, ["folder", "messages", "size", "left out by"], rows)
    columns = ["source", "account", "kind", "folders", "messages", "left out", "size", "time", "outcome"]
    print_table("Sources", columns, [_row(one) for one in found], empty="the settings name none")
    for one in found:
        _say_what_is_wrong(one)


def _row(one: CheckedSource) -> list[object]:
    outcome = one.error.code if one.error else "ready" if one.is_ready else "lacks rights"
    counts = [len(one.folders), one.messages, one.left_out, _size(one.size_bytes) if one.seen else ""]
    return [one.configured.source, one.configured.account, one.configured.kind, *counts, _time(one), outcome]


def _say_what_is_wrong(one: CheckedSource) -> None:
    name = one.configured.source
    if one.error is not None:
        say(f"{name}: {one.error.code} {one.error.message} Next: {one.error.next_step}", "red")
    for right in one.seen.missing_rights if one.seen else ():
        say(f"{name}: {right}", "red")
    for note in one.seen.notes if one.seen else ():
        counts = ", ".join(f"{what} {number:,}" for what, number in note.counts.items())
        said = "; ".join(part for part in (note.reason, counts) if part)
        say(f"{name}: {note.code} at {note.where or name}: {said}", "yellow" if note.is_gap else "")


def _size(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else size_text(size_bytes)


def _time(one: CheckedSource) -> str:
    if one.seen is None:
        return ""
    if one.seconds is None:
        return "unknown"
    minutes, seconds = divmod(one.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    told = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return told if one.seconds_from == "earlier runs" else f"roughly {told}"
