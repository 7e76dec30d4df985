"""An archive of three records to be cared for, one made anew from its store, and a store with a bad sector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from capstone.domain.errors import CapstoneError, StoreUnavailable
from capstone.domain.fixity import digest_of
from capstone.domain.layout import record_key
from capstone.domain.message import ItemState
from capstone.ports import ObjectRef
from capstone.usecases.rebuild import RebuildParts, rebuild_ledger
from tests.fakes.archive import OFFICER, MemoryArchive, Wrapped, a_message
from tests.fakes.ledger import FakeLedger
from tests.fakes.list_source import ListSource, offered, refused
from tests.fakes.record_store import MemoryRecordStore

ONE, TWO, THREE = a_message("Budget"), a_message("Travel"), a_message("Hiring")
SOURCE = ListSource(offered(ONE), offered(TWO, "2"), refused(ItemState.QUARANTINED, b"box"), refused(ItemState.EXCLUDED))
KEY = record_key("director", digest_of(ONE))
RECORD = f"director/{digest_of(ONE)}"
CSV = (
    b"official,office,position,category,account,addresses,from,until,acting,form,approved\n"
    b"Ada Brook,Office of the Director,Director,1,director,director@agency.example,2010-01-01,,no,F-1,2019-04-01\n"
)


def three_records() -> MemoryArchive:
    made = MemoryArchive()
    made.capture(SOURCE)
    made.capture(ListSource(offered(THREE, "3")))
    made.index_pending()
    return made


def without_officials() -> MemoryArchive:
    made = MemoryArchive()
    made.ledger, made.store = FakeLedger(), MemoryRecordStore()
    return made


def rebuilt(archive: MemoryArchive) -> MemoryArchive:
    other = MemoryArchive()
    other.store, other.ledger, other.clock = archive.store, FakeLedger(), archive.clock
    ledger = other.ledger
    rebuild_ledger(RebuildParts(other.store, ledger.capture, other.registering, ledger.audit, other.clock), OFFICER.name)
    return other


class Unreadable(Wrapped):
    """A store that cannot read one object."""

    def __init__(self, inner: Any, key: str) -> None:
        super().__init__(inner)
        self._key = key

    def get(self, key: str, version_id: str | None = None) -> bytes:
        (found,) = self.get_all([ObjectRef(key, version_id)])
        if isinstance(found, CapstoneError):
            raise found
        return found

    def get_all(self, wanted: Sequence[ObjectRef]) -> Iterator[bytes | CapstoneError]:
        for ref, found in zip(wanted, self._inner.get_all(wanted), strict=True):
            yield StoreUnavailable("bad sector") if ref.key == self._key else found
