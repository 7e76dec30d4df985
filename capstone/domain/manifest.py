"""A manifest: what one batch did, in JSON lines, from which the ledger can be made anew.

First line: account, run, number, instant and the digest of the account's previous manifest, so that a missing one shows.
Then a line an item; in the manifest of a replay, a line a record whose class it changed. No subject, body or address of a
message stands here: a manifest outlives the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from capstone.domain.errors import FixityMismatch
from capstone.domain.message import CompanionKind, ItemState, Occurrence, Place
from capstone.domain.records import Classification, KeptBeside, RecordClass

FORMAT, WITH_REPLAY, WITH_COMPANIONS = 1, 2, 3
"""What an earlier version can read keeps the number that it knows."""


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """The first line."""

    account: str
    run_id: str
    number: int
    source: str
    at: datetime
    previous: str | None
    """Digest of the same account's previous manifest; None for its first."""


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """One item: what became of it, and where its bytes lie."""

    place: Place
    state: ItemState
    code: str = ""
    reason: str = ""
    digest: str | None = None
    version_id: str | None = None
    size_bytes: int = 0
    content_key: str = ""
    problems: tuple[str, ...] = ()
    occurrence: Occurrence | None = None
    classification: Classification | None = None
    """Given where the item made a record or changed the class of one."""
    is_new: bool = False
    """Whether this line made the record."""
    beside: tuple[KeptBeside, ...] = ()
    """What this item brought to be kept beside the record."""


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """A record whose class a replay changed. No source offered it, so it is no item."""

    digest: str
    classification: Classification


Line = ManifestLine | ReplayLine


def write_manifest(head: ManifestHead, lines: Iterable[Line]) -> bytes:
    """The manifest's bytes, the same for the same content."""
    told: list[dict[str, Any]] = [
        _replay_as_dict(line) if isinstance(line, ReplayLine) else _line_as_dict(line) for line in lines
    ]
    number = WITH_REPLAY if any("replayed" in line for line in told) else FORMAT
    if any("beside" in line or "identity" in line.get("occurrence", {}) for line in told):
        number = WITH_COMPANIONS
    first: dict[str, object] = {"format": number, "account": head.account, "run_id": head.run_id, "number": head.number}
    first |= {"source": head.source, "at": head.at.isoformat(), "previous": head.previous}
    return "".join(_as_json(one) + "\n" for one in (first, *told)).encode()


_as_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def read_manifest(raw: bytes) -> tuple[ManifestHead, list[Line]]:
    """The opposite of `write_manifest`. Raises FixityMismatch where the bytes are no manifest of this format."""
    try:
        first, *rest = (json.loads(line) for line in raw.splitlines())
        if first.pop("format") not in (FORMAT, WITH_REPLAY, WITH_COMPANIONS):
            raise FixityMismatch("A manifest is of another format.", "Use the version of this program that wrote it.")
        head = ManifestHead(**{**first, "at": datetime.fromisoformat(first["at"])})
        return head, [_line_from_dict(line) for line in rest]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise FixityMismatch("A manifest is damaged.") from exc


def classification_as_dict(classification: Classification) -> dict[str, object]:
    """JSON-ready; what is None or empty is left out."""
    told: dict[str, object] = {}
    for name in _CLASS_FIELDS:
        value = getattr(classification, name)
        if value is not None and value != ():
            told[name] = value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
    return told


_CLASS_FIELDS = tuple(field.name for field in fields(Classification))


def classification_from_dict(told: Mapping[str, object]) -> Classification:
    """The opposite of `classification_as_dict`."""
    values: dict[str, Any] = dict(told)
    values["record_class"] = RecordClass(str(values["record_class"]))
    values["flags"] = tuple(_strings(values.get("flags")))
    if "message_date" in values:
        values["message_date"] = datetime.fromisoformat(str(values["message_date"]))
    for name in ("cutoff", "eligible"):
        if name in values:
            values[name] = date.fromisoformat(str(values[name]))
    return Classification(**values)


def _line_as_dict(line: ManifestLine) -> dict[str, object]:
    told: dict[str, object] = {"place": _place_as_dict(line.place), "state": line.state.value}
    for name in ("code", "reason", "digest", "version_id", "size_bytes", "content_key", "problems", "is_new"):
        if value := getattr(line, name):
            told[name] = value
    if line.classification is not None:
        told["classification"] = classification_as_dict(line.classification)
    if line.occurrence is not None:
        told["occurrence"] = _occurrence_as_dict(line.occurrence)
    if line.beside:
        told["beside"] = [{name: getattr(one, name) for name in _BESIDE_FIELDS} for one in line.beside]
    return told


_BESIDE_FIELDS = tuple(field.name for field in fields(KeptBeside))


def _place_as_dict(place: Place) -> dict[str, str]:
    return {"source": place.source, "folder": place.folder, "item_id": place.item_id}


def _occurrence_as_dict(seen: Occurrence) -> dict[str, object]:
    """Without the place: that of the line is the same."""
    told: dict[str, object] = {
        "flags": seen.flags,
        "received_at": seen.received_at and seen.received_at.isoformat(),
        "from_line_at": seen.from_line_at and seen.from_line_at.isoformat(),
        "is_sent": seen.is_sent,
        "envelope": seen.envelope,
    }
    return told | {name: value for name in _SINCE_3 if (value := getattr(seen, name)) is not None}


_SINCE_3 = ("identity", "differs")
"""Fields of an occurrence that are left out where they say nothing, so that most manifests stay what they were."""


def _replay_as_dict(line: ReplayLine) -> dict[str, object]:
    return {"replayed": line.digest, "classification": classification_as_dict(line.classification)}


def _line_from_dict(told: dict[str, Any]) -> Line:
    if "replayed" in told:
        return ReplayLine(str(told["replayed"]), classification_from_dict(told["classification"]))
    place = Place(**told.pop("place"))
    seen, classified = told.pop("occurrence", None), told.pop("classification", None)
    return ManifestLine(
        place,
        ItemState(str(told.pop("state"))),
        problems=tuple(_strings(told.pop("problems", []))),
        occurrence=_occurrence(place, seen) if isinstance(seen, dict) else None,
        classification=classification_from_dict(classified) if isinstance(classified, dict) else None,
        beside=tuple(KeptBeside(**{**one, "kind": CompanionKind(one["kind"])}) for one in told.pop("beside", ())),
        **told,
    )


def _occurrence(place: Place, seen: dict[str, object]) -> Occurrence:
    times = {name: datetime.fromisoformat(str(seen[name])) for name in ("received_at", "from_line_at") if seen[name] is not None}
    envelope = seen["envelope"]
    return Occurrence(
        place,
        flags=tuple(_strings(seen["flags"])),
        received_at=times.get("received_at"),
        from_line_at=times.get("from_line_at"),
        is_sent=bool(seen["is_sent"]),
        envelope=str(envelope) if envelope is not None else None,
        **{name: str(seen[name]) for name in _SINCE_3 if name in seen},
    )


def _strings(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []
