"""Batches, records and designations for tests of the ledger. All invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from capstone.domain.culling import Proposal
from capstone.domain.culling_reviews import CullingReview, Verdict
from capstone.domain.fixity import digest_of
from capstone.domain.message import CompanionKind, ItemState, Occurrence, Place
from capstone.domain.officials import CutoffRule, Designation, Form
from capstone.domain.records import Classification, KeptBeside, Learned, RecordClass, RecordEntry
from capstone.domain.register_facts import AddressFact, RegisterDecision
from capstone.ports import CaptureBatch, ItemOutcome, ManifestRef, Reclassification, Run

NOON = datetime(2031, 5, 6, 12, 0, 0, tzinfo=UTC)
ACCOUNT, SOURCE, RUN = "chief-of-staff", "export", "run-1"


def after(seconds: float) -> datetime:
    """An instant so long after noon."""
    return NOON + timedelta(seconds=seconds)


def digest(name: object) -> str:
    """A digest of its own for each name."""
    return digest_of(str(name).encode())


def place(name: object, folder: str = "Inbox/2031") -> Place:
    return Place(SOURCE, folder, f"message-{name}.eml")


def permanent(**changes: object) -> Classification:
    """A class with every field set."""
    fields: dict[str, object] = {
        "record_class": RecordClass.PERMANENT,
        "reason": "capstone_official",
        "rule_version": "rules-1",
        "item": "010",
        "authority": "DAA-0000-2031-0001-0001",
        "designation_id": "0123456789ab",
        "form": "NC-31-001",
        "category": "1",
        "message_date": after(-86400.123456),
        "date_source": "header",
        "cutoff": date(2031, 12, 31),
        "eligible": date(2056, 12, 31),
        "flags": ("dates_disagree",),
    }
    return Classification(**{**fields, **changes})  # type: ignore[arg-type]


UNSCHEDULED = Classification(RecordClass.UNSCHEDULED, "no_role", "rules-1")
TEMPORARY = Classification(RecordClass.TEMPORARY, "no_capstone_role", "rules-1", item="011", cutoff=date(2031, 12, 31))


def entry(name: object, classification: Classification = UNSCHEDULED, account: str = ACCOUNT, size: int = 100) -> RecordEntry:
    """A record without occurrences, as capture hands it in."""
    return RecordEntry(
        account, digest(name), f"v-{name}", size, after(1), RUN, digest(f"content {name}"), classification, ("E112_no_date",)
    )


def archived(name: object, occurrence: Occurrence | None = None) -> ItemOutcome:
    occurrence = occurrence or Occurrence(place(name))
    return ItemOutcome(occurrence.place, ItemState.ARCHIVED, digest=digest(name), occurrence=occurrence)


def seen_again(name: object, occurrence: Occurrence) -> ItemOutcome:
    return ItemOutcome(occurrence.place, ItemState.ALREADY_HELD, digest=digest(name), occurrence=occurrence)


NATIVE = KeptBeside(CompanionKind.NATIVE, "msg", digest("native"), 12, "v-native")
REPORT = KeptBeside(CompanionKind.ENVELOPE, "eml", digest("report"), 3_000_000_000, "v-report")


def beside(name: object, *kept: KeptBeside) -> ItemOutcome:
    """A message met again that brought something to be kept beside it."""
    return ItemOutcome(place(name), ItemState.ALREADY_HELD, digest=digest(name), beside=kept)


def manifest(number: int = 1, account: str = ACCOUNT, content: str = "") -> ManifestRef:
    return ManifestRef(account, f"manifests/{account}/2031/05/{RUN}-{number:06}.jsonl", digest(f"manifest {number}{content}"))


def batch(
    number: int = 1,
    outcomes: Sequence[ItemOutcome] = (),
    records: Sequence[RecordEntry] = (),
    account: str = ACCOUNT,
    **more: object,
) -> CaptureBatch:
    """A batch with a manifest of its own for each number and account."""
    fields: dict[str, object] = {"run_id": RUN, "at": after(number), "manifest": manifest(number, account), **more}
    return CaptureBatch(outcomes=tuple(outcomes), records=tuple(records), **fields)  # type: ignore[arg-type]


def batch_of(names: Sequence[object], number: int = 1, account: str = ACCOUNT, **more: object) -> CaptureBatch:
    """A batch that archives one new message for each name."""
    records = [entry(name, account=account) for name in names]
    return batch(number, [archived(name) for name in names], records, account, **more)


def reclassified(name: object, classification: Classification) -> Reclassification:
    return Reclassification(ACCOUNT, digest(name), classification)


def run(run_id: str = RUN, account: str = ACCOUNT, source: str = SOURCE, started_at: datetime = NOON) -> Run:
    return Run(run_id, account, source, started_at)


def decision(
    number: int,
    designations: Sequence[Designation] = (),
    superseded: Mapping[str, str] | None = None,
    at: datetime = NOON,
    actor: str = "robin",
    **more: Any,
) -> RegisterDecision:
    """A decision; `more` are its other fields."""
    return RegisterDecision(number, at, actor, designations=tuple(designations), superseded=superseded or {}, **more)


def designation(
    designation_id: str, account: str = ACCOUNT, starts: date = date(2030, 1, 1), ends: date | None = None
) -> Designation:
    form = Form("NC-31-001", "0999", date(2029, 6, 1), frozenset({"010", "012"}), CutoffRule.FISCAL, 15, date(2020, 1, 1))
    return Designation(
        designation_id,
        "Robin Example",
        "Office of Examples",
        "Chief",
        "1",
        account,
        ("chief@agency.example",),
        starts,
        ends,
        True,
        form,
    )


def fill(ledger: Any) -> None:
    """Something in every table."""
    ledger.capture.take_lease(ACCOUNT, "me", NOON, 60)
    ledger.capture.start_run(run())
    records = [entry("a", permanent()), entry("b")]
    first, *others = batch_of("ab").outcomes
    outcomes = [replace(first, beside=(NATIVE,)), *others]
    ledger.capture.commit(batch(1, outcomes, records, cursors={"Inbox": "1"}, learned={digest("a"): Learned(NOON)}))
    ledger.capture.finish_run(RUN, after(9), "complete", None)
    facts = (AddressFact("chief@agency.example", ACCOUNT, date(2030, 1, 1)),)
    ledger.register.apply(decision(1, [designation("a")], {"x": "a"}, facts=facts))
    odd = Proposal(entry("b").record_id, "spam", "culling 1", 75, ("junk_folder", "spam_header"))
    ledger.culling.take_in(CullingReview(2, NOON, "robin", "seen", Verdict.ACCEPT, (odd,)))
    ledger.audit.append(NOON, "robin", "search", {"query": "budget"})
