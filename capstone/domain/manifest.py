"""A manifest: what one batch did, in JSON lines, from which the ledger can be made anew.

First line: account, run, number, instant and the digest of the account's previous manifest, so that a missing one shows.
Then a line an item. No subject, body or address of a message stands here: a manifest outlives the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from capstone.domain.errors import FixityMismatch
from capstone.domain.message import ItemState, Occurrence, Place
from capstone.domain.records import Classification, RecordClass

FORMAT = 1


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


def write_manifest(head: ManifestHead, lines: Iterable[ManifestLine]) -> bytes:
    """The manifest's bytes, the same for the same content."""
    told = [{"format": FORMAT, **_plain(asdict(head))}, *(_line_as_dict(line) for line in lines)]
    return "".join(json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in told).encode()


def read_manifest(raw: bytes) -> tuple[ManifestHead, list[ManifestLine]]:
    """The opposite of `write_manifest`. Raises FixityMismatch where the bytes are no manifest of this format."""
    try:
        first, *rest = (json.loads(line) for line in raw.splitlines())
        if first.pop("format") != FORMAT:
            raise FixityMismatch("A manifest is of another format.", "Use the version of this program that wrote it.")
        head = ManifestHead(**{**first, "at": datetime.fromisoformat(first["at"])})
        return head, [_line_from_dict(line) for line in rest]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise FixityMismatch("A manifest is damaged.") from exc


def classification_as_dict(classification: Classification) -> dict[str, object]:
    """JSON-ready; what is None or empty is left out."""
    return {name: value for name, value in _plain(asdict(classification)).items() if value not in (None, [])}


def classification_from_dict(told: Mapping[str, object]) -> Classification:
    """The opposite of `classification_as_dict`."""
    values: dict[str, object] = dict(told)
    values["record_class"] = RecordClass(str(values["record_class"]))
    values["flags"] = tuple(_strings(values.get("flags")))
    if "message_date" in values:
        values["message_date"] = datetime.fromisoformat(str(values["message_date"]))
    for name in ("cutoff", "eligible"):
        if name in values:
            values[name] = date.fromisoformat(str(values[name]))
    return Classification(**values)  # type: ignore[arg-type]


def _line_as_dict(line: ManifestLine) -> dict[str, object]:
    told = {name: value for name, value in _plain(asdict(line)).items() if value not in (None, "", [], 0, False)}
    if line.classification is not None:
        told["classification"] = classification_as_dict(line.classification)
    if line.occurrence is not None:
        seen = _plain(asdict(line.occurrence))
        del seen["place"]
        told["occurrence"] = seen
    return told


def _line_from_dict(told: dict[str, object]) -> ManifestLine:
    place = Place(**told.pop("place"))  # type: ignore[arg-type]
    seen, classified = told.pop("occurrence", None), told.pop("classification", None)
    return ManifestLine(
        place,
        ItemState(str(told.pop("state"))),
        problems=tuple(_strings(told.pop("problems", []))),
        occurrence=_occurrence(place, seen) if isinstance(seen, dict) else None,
        classification=classification_from_dict(classified) if isinstance(classified, dict) else None,
        **told,  # type: ignore[arg-type]
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
    )


def _strings(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Dates as ISO text, tuples as lists, so that JSON gives back what was written."""
    plain: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, date):
            plain[name] = value.isoformat()
        elif isinstance(value, tuple):
            plain[name] = list(value)
        else:
            plain[name] = value
    return plain
