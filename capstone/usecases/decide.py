"""What becomes of a batch of offered items: pure decisions, before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from capstone.domain.classification import Rules, classify, evidence_of, learned_of
from capstone.domain.effects import Keeping, is_changed, keeping_change
from capstone.domain.errors import FixityMismatch
from capstone.domain.facts import capture_facts
from capstone.domain.layout import quarantine_key, record_key
from capstone.domain.manifest import Line, ManifestLine, ReplayLine
from capstone.domain.message import CaptureFacts, ItemState, Occurrence, OfferedItem, OfferedMessage, RefusedItem
from capstone.domain.records import Classification, Learned, Lock, RecordEntry
from capstone.domain.retention import lock_for, tags_for
from capstone.ports import CaptureBatch, ItemOutcome, ManifestRef, PutRequest, Quarantined, Reclassification


@dataclass(frozen=True, slots=True)
class Guarding:
    """What locks depend on besides the class."""

    zone: tzinfo
    minimum_days: int
    now: datetime


@dataclass(frozen=True, slots=True)
class LockChange:
    """A known record's lock and tags after its class changed."""

    key: str
    version_id: str
    lock: Lock
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Decided:
    """A batch's objects to put, its manifest lines, and the changes of known records."""

    account: str
    puts: list[PutRequest] = field(default_factory=list)
    lines: list[ManifestLine] = field(default_factory=list)
    changes: list[LockChange] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)

    def with_versions(self, versions: Mapping[str, str]) -> Decided:
        """The same once the store has said which version holds which object."""
        lines = [
            replace(line, version_id=versions[record_key(self.account, line.digest)]) if line.is_new and line.digest else line
            for line in self.lines
        ]
        return replace(self, lines=lines)

    def as_batch(self, run_id: str, at: datetime, manifest: ManifestRef) -> CaptureBatch:
        """What the ledger takes in."""
        return replace(batch_of(run_id, at, manifest, self.lines), cursors=self.cursors, learned=self.learned)


def decide_batch(
    account: str,
    items: Sequence[OfferedItem],
    digests: Sequence[str],
    facts: Mapping[str, CaptureFacts],
    known: Mapping[str, RecordEntry],
    rules: Rules,
    guarding: Guarding,
) -> Decided:
    """Give every item its one final state. A class is taken from all occurrences, those of this batch included."""
    seen: dict[str, list[Occurrence]] = {digest: list(record.occurrences) for digest, record in known.items()}
    for item, digest in zip(items, digests, strict=True):
        if isinstance(item, OfferedMessage) and item.raw:
            seen.setdefault(digest, []).append(item.occurrence)
    deciding = _Deciding(account, facts, known, seen, rules, guarding)
    for item, digest in zip(items, digests, strict=True):
        deciding.take(item, digest)
    return deciding.decided


@dataclass(slots=True)
class _Deciding:
    """A batch half decided: `classes` holds what this batch classified already."""

    account: str
    facts: Mapping[str, CaptureFacts]
    known: Mapping[str, RecordEntry]
    seen: Mapping[str, list[Occurrence]]
    rules: Rules
    guarding: Guarding
    classes: set[str] = field(default_factory=set)
    decided: Decided = field(init=False)

    def __post_init__(self) -> None:
        self.decided = Decided(self.account)

    def take(self, item: OfferedItem, digest: str) -> None:
        if item.cursor is not None:
            self.decided.cursors[item.cursor[0]] = item.cursor[1]
        if isinstance(item, RefusedItem):
            self._refuse(item, digest)
        elif not item.raw:
            place = item.occurrence.place
            self._refuse(RefusedItem(place, ItemState.QUARANTINED, "empty_item", "The item has no bytes.", item.raw), digest)
        elif digest in self.known or digest in self.classes:
            self._hold_already(item, digest)
        else:
            self._archive(item, digest)

    def _refuse(self, item: RefusedItem, digest: str) -> None:
        line = ManifestLine(item.place, item.state, item.code, item.reason)
        if item.state is ItemState.QUARANTINED and item.raw is not None:
            line = replace(line, digest=digest, size_bytes=len(item.raw))
            key, tags = quarantine_key(item.place.source, digest), {"account": self.account}
            self.decided.puts.append(PutRequest(key, item.raw, digest, Lock(hold=True), tags))
        self.decided.lines.append(line)

    def _archive(self, item: OfferedMessage, digest: str) -> None:
        facts, classification = self._facts_of(item, digest), self._class_of(item, digest)
        lock = lock_for(classification, self.guarding.now, self.guarding.zone, self.guarding.minimum_days)
        tags = tags_for(classification, self.account)
        self.decided.puts.append(PutRequest(record_key(self.account, digest), item.raw, digest, lock, tags))
        self.classes.add(digest)
        self.decided.learned[digest] = learned_of(facts)
        self.decided.lines.append(
            ManifestLine(
                item.occurrence.place,
                ItemState.ARCHIVED,
                digest=digest,
                size_bytes=facts.size_bytes,
                content_key=facts.content_key,
                problems=tuple(dict.fromkeys(problem.code for problem in facts.problems)),
                occurrence=item.occurrence,
                classification=classification,
                is_new=True,
            )
        )

    def _hold_already(self, item: OfferedMessage, digest: str) -> None:
        line = ManifestLine(item.occurrence.place, ItemState.ALREADY_HELD, digest=digest)
        record = self.known.get(digest)
        if record is None or item.occurrence not in record.occurrences:
            line = replace(line, occurrence=item.occurrence)
        if record is not None and digest in self.facts and digest not in self.classes:
            self.classes.add(digest)
            line = replace(line, classification=self._changed_class(record, item, digest))
        self.decided.lines.append(line)

    def _changed_class(self, record: RecordEntry, item: OfferedMessage, digest: str) -> Classification | None:
        """None too where it would be kept for a shorter time: that is left to a replay, which asks for a second person."""
        classification = self._class_of(item, digest)
        if not is_changed(record.classification, classification):
            return None
        if keeping_change(record.classification, classification) is Keeping.SHORTER:
            return None
        lock = lock_for(classification, self.guarding.now, self.guarding.zone, self.guarding.minimum_days)
        key, tags = record_key(self.account, digest), tags_for(classification, self.account)
        self.decided.changes.append(LockChange(key, record.version_id, lock, tags))
        return classification

    def _class_of(self, item: OfferedMessage, digest: str) -> Classification:
        return classify(evidence_of(self.account, self._facts_of(item, digest), self.seen[digest]), self.rules)

    def _facts_of(self, item: OfferedMessage, digest: str) -> CaptureFacts:
        """Begun ahead for what was new then; read here for the rare record that was disposed of since."""
        return self.facts.get(digest) or capture_facts(item.raw)


def batch_of(run_id: str, at: datetime, manifest: ManifestRef, every: Sequence[Line]) -> CaptureBatch:
    """The ledger's batch that a manifest's lines stand for: capture, replay, adoption and rebuild all come through here."""
    account = manifest.account
    lines = [line for line in every if isinstance(line, ManifestLine)]
    return CaptureBatch(
        run_id,
        at,
        manifest,
        outcomes=tuple(ItemOutcome(one.place, one.state, one.code, one.reason, one.digest, one.occurrence) for one in lines),
        records=tuple(_entry(account, run_id, at, line) for line in lines if line.is_new),
        reclassified=tuple(
            Reclassification(account, line.digest, line.classification)
            for line in every
            if line.classification is not None and line.digest is not None
            if isinstance(line, ReplayLine) or not line.is_new
        ),
        quarantined=tuple(
            Quarantined(line.digest, line.place.source, account, line.place.item_id, line.code, line.reason, line.size_bytes)
            for line in lines
            if line.state is ItemState.QUARANTINED and line.digest is not None
        ),
    )


def _entry(account: str, run_id: str, at: datetime, line: ManifestLine) -> RecordEntry:
    if line.digest is None or line.version_id is None or line.classification is None:
        raise FixityMismatch("A manifest line that made a record lacks its digest, version or class.")
    return RecordEntry(
        account, line.digest, line.version_id, line.size_bytes, at, run_id, line.content_key, line.classification, line.problems
    )
