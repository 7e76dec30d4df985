"""What becomes of a batch of offered items: pure decisions, before anything is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from capstone.domain.classification import Rules, classify, evidence_of, learned_of
from capstone.domain.effects import Keeping, is_changed, keeping_change
from capstone.domain.errors import CapstoneError, FixityMismatch
from capstone.domain.facts import capture_facts
from capstone.domain.fixity import digest_of
from capstone.domain.layout import companion_key, quarantine_key, record_key
from capstone.domain.manifest import Line, ManifestLine, ReplayLine
from capstone.domain.message import CaptureFacts, HeldItem, ItemState, Occurrence, OfferedItem, OfferedMessage, RefusedItem
from capstone.domain.records import Classification, KeptBeside, Learned, Lock, RecordEntry
from capstone.domain.retention import lock_for, tags_for
from capstone.ports import CaptureBatch, ItemOutcome, ManifestRef, PutRequest, Quarantined, Reclassification


@dataclass(frozen=True, slots=True)
class Guarding:
    """What locks depend on besides the class."""

    zone: tzinfo
    minimum_days: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Offered:
    """A batch of what a source offered. `digests` has for each item the digest of its bytes, or of the record that it names;
    "" for an item without bytes."""

    items: list[OfferedItem]
    digests: list[str]

    @classmethod
    def of(cls, items: list[OfferedItem]) -> Offered:
        """With the digests of these items."""
        return cls(items, [_digest(item) for item in items])

    def messages(self) -> Iterator[tuple[OfferedMessage, str]]:
        """The messages that have bytes, each with its digest."""
        for item, digest in zip(self.items, self.digests, strict=True):
            if isinstance(item, OfferedMessage) and item.raw:
                yield item, digest

    def named_digests(self) -> set[str]:
        """Every digest that may be a record's."""
        return {digest for digest in self.digests if digest}

    def identities(self) -> list[str]:
        """What the source, or another one, calls those items that it may give other bytes another time."""
        return sorted({identity for item in self.items if isinstance(item, OfferedMessage) for identity in item.identities})


def is_noted(occurrence: Occurrence, noted: Sequence[Occurrence]) -> bool:
    """Whether it tells nothing new. A report that its sender delivers again is the same one, at whatever time it comes; and that
    a place gives other bytes at each fetch is noted once, so that what is fetched every night does not grow for ever."""
    if occurrence in noted:
        return True
    if occurrence.differs is not None:
        told = replace(occurrence, differs=None)
        return any(one.differs is not None and replace(one, differs=None) == told for one in noted)
    timeless = replace(occurrence, received_at=None)
    return occurrence.envelope is not None and any(replace(one, received_at=None) == timeless for one in noted)


def _digest(item: OfferedItem) -> str:
    if isinstance(item, HeldItem):
        return item.digest
    if isinstance(item, OfferedMessage) and item.digest is not None:
        return item.digest
    return digest_of(item.raw) if item.raw is not None else ""


@dataclass(frozen=True, slots=True)
class LockChange:
    """A known record's lock and tags after its class changed."""

    digest: str
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
    lost: tuple[CapstoneError, ...] = ()
    """What the store lacks of known records: these keep their class, until a replay."""

    def without_classes(self, lost: Mapping[str, CapstoneError]) -> Decided:
        """The same where the classes of these known records, by digest, cannot follow what was found."""
        if not lost:
            return self
        lines = [replace(line, classification=None) if line.digest in lost else line for line in self.lines]
        return replace(self, lines=lines, lost=tuple(lost.values()))

    def with_versions(self, versions: Mapping[str, str]) -> Decided:
        """The same once the store has said which version holds which object."""
        return replace(self, lines=[self._with_versions(line, versions) for line in self.lines])

    def _with_versions(self, line: ManifestLine, versions: Mapping[str, str]) -> ManifestLine:
        if line.is_new and line.digest:
            line = replace(line, version_id=versions[record_key(self.account, line.digest)])
        if line.beside:
            kept = (replace(one, version_id=versions[one.key(self.account)]) for one in line.beside)
            line = replace(line, beside=tuple(kept))
        return line

    def as_batch(self, run_id: str, at: datetime, manifest: ManifestRef) -> CaptureBatch:
        """What the ledger takes in."""
        return replace(batch_of(run_id, at, manifest, self.lines), cursors=self.cursors, learned=self.learned)


def decide_batch(
    account: str,
    offered: Offered,
    facts: Mapping[str, CaptureFacts],
    known: Mapping[str, RecordEntry],
    held: Mapping[str, tuple[str, ...]],
    rules: Rules,
    guarding: Guarding,
) -> Decided:
    """Give every item its one final state. A class is taken from all occurrences, those of this batch included.

    `known` holds every record that the batch names, by digest; `held` says under which identities which of them were captured.
    """
    deciding = _Deciding(account, facts, known, rules, guarding)
    items = [deciding.recognised(item, digest, held) for item, digest in zip(offered.items, offered.digests, strict=True)]
    deciding.look(items)
    for item, digest in items:
        deciding.take(item, digest)
    return deciding.decided


@dataclass(slots=True)
class _Deciding:
    """A batch half decided: `classes` holds what this batch classified already."""

    account: str
    facts: Mapping[str, CaptureFacts]
    known: Mapping[str, RecordEntry]
    rules: Rules
    guarding: Guarding
    classes: set[str] = field(default_factory=set)
    given: dict[str, Classification] = field(default_factory=dict)
    """The class that each record of this batch has from now on."""
    beside: set[str] = field(default_factory=set)
    seen: dict[str, list[Occurrence]] = field(default_factory=dict)
    met: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each identity of this batch, the digest of its first bytes by content key."""
    decided: Decided = field(init=False)

    def __post_init__(self) -> None:
        self.decided = Decided(self.account)
        self.seen.update((digest, list(record.occurrences)) for digest, record in self.known.items())

    def recognised(self, item: OfferedItem, digest: str, held: Mapping[str, tuple[str, ...]]) -> tuple[OfferedItem, str]:
        """A server may give one item other bytes at each fetch. Where its content is the same, the first capture stands, and
        that the bytes differ is noted at the occurrence; other content is another record."""
        if not isinstance(item, OfferedMessage) or not item.identities or not item.raw:
            return item, digest
        content = self._content_key(digest, item)
        same = self._first_of(content, digest, [self._met_as(one, held) for one in item.identities]) if content else digest
        if same == digest or digest in self.known:
            return item, digest
        seen = replace(item.occurrence, envelope=None, differs=digest)
        return HeldItem(seen, same, item.cursor), same

    def _met_as(self, identity: str, held: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        if identity not in self.met:
            captured = [self.known[one] for one in held.get(identity, ()) if one in self.known]
            self.met[identity] = {entry.content_key: entry.digest for entry in reversed(captured)}
        return self.met[identity]

    @staticmethod
    def _first_of(content: str, digest: str, met: Sequence[dict[str, str]]) -> str:
        """The first bytes of that content under any of an item's identities; from now on, under all of them."""
        same = next((first[content] for first in met if content in first), digest)
        for first in met:
            first.setdefault(content, same)
        return same

    def _content_key(self, digest: str, item: OfferedMessage) -> str:
        return self.known[digest].content_key if digest in self.known else self._facts_of(item, digest).content_key

    def look(self, items: Sequence[tuple[OfferedItem, str]]) -> None:
        """Note every place of the batch before anything is decided."""
        for item, digest in items:
            if isinstance(item, HeldItem) or (isinstance(item, OfferedMessage) and item.raw):
                self.seen.setdefault(digest, []).append(item.occurrence)

    def take(self, item: OfferedItem, digest: str) -> None:
        if item.cursor is not None:
            self.decided.cursors[item.cursor[0]] = item.cursor[1]
        if isinstance(item, RefusedItem):
            self._refuse(item, digest)
        elif isinstance(item, HeldItem):
            self._hold_named(item, digest)
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
        facts, classification = self._facts_of(item, digest), self._class_of(self._facts_of(item, digest), digest)
        lock, tags = self._lock_of(classification), tags_for(classification, self.account)
        self.decided.puts.append(PutRequest(record_key(self.account, digest), item.raw, digest, lock, tags))
        self.classes.add(digest)
        self.given[digest] = classification
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
                beside=self._keep_beside(item, lock, tags),
            )
        )

    def _hold_already(self, item: OfferedMessage, digest: str) -> None:
        self._hold(item.occurrence, digest, self._facts_of(item, digest) if digest in self.facts else None)
        if item.companions:
            classification = self.given.get(digest) or self.known[digest].classification
            beside = self._keep_beside(item, self._lock_of(classification), tags_for(classification, self.account))
            self.decided.lines[-1] = replace(self.decided.lines[-1], beside=beside)

    def _hold_named(self, item: HeldItem, digest: str) -> None:
        if digest in self.known or digest in self.classes:
            self._hold(item.occurrence, digest, self.facts.get(digest))
        else:
            reason = "its source says that the archive holds it, and the archive does not"
            self._refuse(RefusedItem(item.occurrence.place, ItemState.FAILED, "not_held", reason), "")

    def _hold(self, occurrence: Occurrence, digest: str, facts: CaptureFacts | None) -> None:
        line = ManifestLine(occurrence.place, ItemState.ALREADY_HELD, digest=digest)
        record = self.known.get(digest)
        if record is None or not is_noted(occurrence, record.occurrences):
            line = replace(line, occurrence=occurrence)
        if record is not None and facts is not None and digest not in self.classes:
            self.classes.add(digest)
            changed = self._changed_class(record, facts, digest)
            line = replace(line, classification=changed)
            self.given[digest] = changed or record.classification
        self.decided.lines.append(line)

    def _keep_beside(self, item: OfferedMessage, lock: Lock, tags: dict[str, str]) -> tuple[KeptBeside, ...]:
        """What is kept beside a record has its lock and its tags."""
        kept = []
        for one in item.companions:
            digest = digest_of(one.raw)
            key = companion_key(one.kind, self.account, digest, one.suffix)
            if key not in self.beside:
                self.beside.add(key)
                self.decided.puts.append(PutRequest(key, one.raw, digest, lock, tags))
            kept.append(KeptBeside(one.kind, one.suffix, digest, len(one.raw)))
        return tuple(kept)

    def _changed_class(self, record: RecordEntry, facts: CaptureFacts, digest: str) -> Classification | None:
        """None too where it would be kept for a shorter time: that is left to a replay, which asks for a second person."""
        classification = self._class_of(facts, digest)
        if not is_changed(record.classification, classification):
            return None
        if keeping_change(record.classification, classification) is Keeping.SHORTER:
            return None
        key, tags = record_key(self.account, digest), tags_for(classification, self.account)
        self.decided.changes.append(LockChange(digest, key, record.version_id, self._lock_of(classification), tags))
        return classification

    def _lock_of(self, classification: Classification) -> Lock:
        return lock_for(classification, self.guarding.now, self.guarding.zone, self.guarding.minimum_days)

    def _class_of(self, facts: CaptureFacts, digest: str) -> Classification:
        return classify(evidence_of(self.account, facts, self.seen[digest]), self.rules)

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
        outcomes=tuple(
            ItemOutcome(one.place, one.state, one.code, one.reason, one.digest, one.occurrence, one.beside) for one in lines
        ),
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
