"""Commands of those who read: search, show, why, export."""

from __future__ import annotations

import dataclasses
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from capstone.cli.options import AsJson, Viewer, archive, opened
from capstone.cli.output import print_json, print_table, say, size_text
from capstone.domain.envelopes import Recipient
from capstone.domain.manifest import classification_as_dict
from capstone.domain.message import Address
from capstone.domain.query import Hit
from capstone.usecases.search import Answer, Explained, Shown

_MOST = 10**9
"""More is a slip of the hand, and beyond the numbers of some index."""
_MOST_GAPS = 10
"""So many lines below the hits are read; more hide them."""

RecordId = Annotated[str, typer.Argument(help="As search prints it: <account>/<sha256>.")]


def search(
    query: Annotated[str, typer.Argument(help="Words, phrases, fields; '*' finds all.")],
    limit: Annotated[int, typer.Option("--limit", min=0, max=_MOST, help="How many hits to show.")] = 20,
    offset: Annotated[int, typer.Option("--offset", min=0, max=_MOST, help="How many to pass over.")] = 0,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Search the archive, newest first. Literal: no stemming; accents and case do not matter.

    words, "a phrase", budg* (prefix), AND OR NOT, ( ), and the fields from: to: cc: bcc: subject: body: attachment: account:
    class: item: after: before: has:attachment. Days are agency days; after: includes its day, before: does not.

    Example: capstone search 'subject:budget from:director@agency.example after:2024-01-01 NOT class:temporary'
    """
    app = opened()
    answer = app.search(app.person(viewer), query, limit, offset)
    if as_json:
        hits = [hit_as_dict(hit) for hit in answer.page.hits]
        print_json({"total": answer.page.total, "hits": hits, "coverage": answer.coverage()})
    else:
        print_hits(answer)


def print_hits(answer: Answer) -> None:
    """Hits as people read them, and what the search could not see."""
    for hit in answer.page.hits:
        day = f"{hit.message_date:%Y-%m-%d}" if hit.message_date else "undated   "
        of_class = " ".join(part for part in (hit.record_class, hit.schedule_item) if part)
        say(f"{day}  {hit.from_}  {hit.subject or '(no subject)'}  [{of_class}]", "bold")
        say(f"    {hit.snippet}")
        say(f"    {hit.record_id}", "dim")
    page = answer.page
    partly = ", ".join(f"{code}: {count:,}" for code, count in sorted(page.unsearchable.items()))
    say(f"{page.total:,} found, {len(page.hits)} shown; searched {page.indexed:,} records, {answer.pending:,} not yet indexed.")
    if partly:
        say(f"Not fully searchable: {partly}.", "dim")
    for gap in answer.gaps[:_MOST_GAPS]:
        times = f", {gap.places:,} times" if gap.places > 1 else ""
        say(f"Not in the archive: {gap.account}: {gap.where}{times} (source {gap.source})", "yellow")
    if more := answer.gaps[_MOST_GAPS:]:
        say(f"Not in the archive: {len(more):,} more; 'capstone search --json' names them all.", "yellow")


def hit_as_dict(hit: Hit) -> dict[str, object]:
    """A hit as `--json` prints it."""
    told = dataclasses.asdict(hit)
    told["date"] = _iso(told.pop("message_date"))
    told["from"] = told.pop("from_")
    return told


def show(
    record_id: RecordId,
    raw: Annotated[bool, typer.Option("--raw", help="The stored bytes, unchanged.")] = False,
    beside: Annotated[str | None, typer.Option("--beside", metavar="DIGEST", help="The bytes of what is kept beside it.")] = None,
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Show a record: facts, class, envelope, where it was found, what is kept beside it; or exact bytes.

    Example: capstone show director/4f2a... --raw > message.eml
    """
    app = opened()
    if beside is not None:
        sys.stdout.buffer.write(app.show_beside(app.person(viewer), record_id, beside))
        return
    shown = app.show(app.person(viewer), record_id)
    if raw:
        sys.stdout.buffer.write(shown.raw)
        return
    told = _shown_as_dict(shown)
    if as_json:
        print_json(told)
    else:
        _print_shown(shown, told)


def _shown_as_dict(shown: Shown) -> dict[str, object]:
    entry = shown.entry
    facts = _plain(dataclasses.asdict(shown.facts))
    facts["from"] = facts.pop("from_")
    return {
        "record_id": entry.record_id,
        "account": entry.account,
        "sha256": entry.digest,
        "size_bytes": entry.size_bytes,
        "captured_at": entry.captured_at.isoformat(),
        "classification": classification_as_dict(entry.classification),
        "facts": facts,
        "occurrences": [_plain(dataclasses.asdict(occurrence)) for occurrence in entry.occurrences],
        "envelope": _plain(dataclasses.asdict(shown.envelope)) if shown.envelope else None,
        "envelopes_unread": shown.envelopes_unread,
        "twins": list(shown.twins),
        "beside": [
            {"kind": one.kind.value, "sha256": one.digest, "suffix": one.suffix, "size_bytes": one.size_bytes}
            for one in shown.beside
        ],
    }


def _plain(value: dict[str, object]) -> dict[str, object]:
    plain: dict[str, object] = {}
    for name, one in value.items():
        if isinstance(one, date):
            plain[name] = one.isoformat()
        elif isinstance(one, dict):
            plain[name] = _plain(one)
        elif isinstance(one, (list, tuple)):
            plain[name] = [_plain(part) if isinstance(part, dict) else part for part in one]
        else:
            plain[name] = one
    return plain


def _print_shown(shown: Shown, told: dict[str, object]) -> None:
    facts, entry = shown.facts, shown.entry
    said = shown.envelope.properties if shown.envelope else {}
    lines: list[tuple[str, object]] = [
        ("Record", entry.record_id),
        ("Class", f"{entry.classification.record_class.value} {entry.classification.item or ''}".strip()),
        ("Date", _iso(entry.classification.message_date) or "none that can be believed"),
        ("From", _names(facts.from_)),
        ("Sender", _names(facts.sender)),
        ("To", _names(facts.to)),
        ("Cc", _names(facts.cc)),
        ("Bcc", _names(facts.bcc)),
        ("Subject", facts.subject),
        ("Report on", said.get("of_message") or facts.of_message or ""),
        ("Attachments", ", ".join(f"{one.name or one.declared_type} ({size_text(one.size_bytes)})" for one in facts.attachments)),
        ("Markings", ", ".join(facts.markings)),
        ("Problems", ", ".join(problem.code for problem in facts.problems)),
        ("Received by", ", ".join(map(_recipient, shown.envelope.recipients)) if shown.envelope else ""),
        ("Envelopes not read", shown.envelopes_unread or ""),
        ("Same content", ", ".join(shown.twins)),
        ("Found in", "; ".join(f"{one.place.source}: {one.place.folder or '(top)'}" for one in entry.occurrences)),
        ("Kept beside it", ", ".join(f"{one.suffix} {one.digest}" for one in shown.beside)),
    ]
    print_table("Record", ["", ""], [line for line in lines if line[1]])
    for line in facts.body_text.splitlines()[:200]:
        say(line)


def _recipient(one: Recipient) -> str:
    through = f" through {one.through}" if one.through else ""
    forwarded = f" forwarded by {one.forwarded_by}" if one.forwarded_by else ""
    return f"{one.address} ({one.received_as.value}{through}{forwarded})"


def _names(addresses: tuple[Address, ...]) -> str:
    return ", ".join(f"{one.name} <{one.address}>" if one.name else one.address for one in addresses)


def why(record_id: RecordId, viewer: Viewer = None, as_json: AsJson = False) -> None:
    """The chain of reasons behind a record's class and dates.

    With --json also `check`: all that the class follows from, so that any later version can decide again.

    Example: capstone why director/4f2a...
    """
    app = opened()
    found, told = app.explain(app.person(viewer), record_id)
    if as_json:
        print_json(_explained_as_dict(found, told))
        return
    for sentence in told:
        say(sentence)


def _explained_as_dict(found: Explained, told: list[str]) -> dict[str, object]:
    row, entered = found.designation, found.entered
    return {
        "record_id": found.entry.record_id,
        **classification_as_dict(found.entry.classification),
        "official": row.official if row else None,
        "position": row.position if row else None,
        "decided": row.decided if row else None,
        "decided_by": row.decided_by if row else None,
        "evidence": row.evidence if row else None,
        "entered_by": entered.actor if entered else None,
        "decision": entered.number if entered else None,
        "holds": [],
        "sentences": told,
        "history": [{"at": at.isoformat(), **classification_as_dict(one)} for at, one in found.history],
        "now": classification_as_dict(found.now) if found.now else None,
        "check": found.case,
        "rechecked": classification_as_dict(found.rechecked),
    }


def export(
    query: Annotated[str, typer.Argument(help="As for search.")],
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.")],
    file_format: Annotated[
        Literal["eml", "mbox"], typer.Option("--format", help="eml: exact bytes; mbox: one file an account.")
    ] = "eml",
    viewer: Viewer = None,
    as_json: AsJson = False,
) -> None:
    """Write what a query finds to a folder, with a list of every file and its SHA-256.

    Example: capstone export 'account:director after:2024-01-01' --to /mnt/out --format eml
    """
    with archive("Exporting", is_quiet=as_json) as app:
        report = app.export(app.person(viewer), query, to, file_format)
    if as_json:
        print_json({**report.as_dict(), "manifest": str(to / report.manifest)})
    else:
        say(f"Exported {report.exported:,} records, {size_text(report.bytes)}; list of files: {to / report.manifest}")


def _iso(instant: date | None) -> str | None:
    return None if instant is None else instant.isoformat()
