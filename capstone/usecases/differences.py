"""What a reconciliation finds, and how two sorted streams of ids are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Difference:
    """One id that is not where it should be, or was not: `where` is source, store, index or ledger."""

    where: str
    what: str
    id: str

    def as_dict(self) -> dict[str, str]:
        """As `--json` prints it."""
        return {"where": self.where, "what": self.what, "id": self.id}


@dataclass(slots=True)
class ReconcileReport:
    """All differences. `mended` ones need no more work but for a run of the index where they say so."""

    missing: list[Difference] = field(default_factory=list)
    unexpected: list[Difference] = field(default_factory=list)
    mended: list[Difference] = field(default_factory=list)
    compared: int = 0

    def counts(self) -> dict[str, object]:
        """Counts only: what the audit chain keeps."""
        found = {"missing": self.missing, "unexpected": self.unexpected, "mended": self.mended}
        return {"compared": self.compared, **{name: len(items) for name, items in found.items()}}

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        lists = {"missing": self.missing, "unexpected": self.unexpected, "mended": self.mended}
        return {"compared": self.compared, **{name: [one.as_dict() for one in found] for name, found in lists.items()}}


def paired(ours: Iterable[tuple[str, T]], theirs: Iterable[tuple[str, U]]) -> Iterator[tuple[str, T | None, U | None]]:
    """(id, our value or None, their value or None) of two streams sorted by id. Memory does not grow with them."""
    left, right = iter(ours), iter(theirs)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one is None or (other is not None and other[0] < one[0]):
            assert other is not None  # noqa: S101  (for the reader of types: one of the two is there)
            yield other[0], None, other[1]
            other = next(right, None)
        elif other is None or one[0] < other[0]:
            yield one[0], one[1], None
            one = next(left, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(left, None), next(right, None)
