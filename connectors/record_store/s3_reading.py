"""Many objects read at once and given in order, with a bounded number of bytes on their way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future

from capstone.domain.errors import CapstoneError, ObjectMissing, StoreUnavailable, StoreUnfit
from capstone.domain.records import ObjectState
from capstone.ports import ObjectRef
from connectors.record_store.s3_errors import vendor_errors
from connectors.record_store.s3_lock import check_key
from connectors.record_store.s3_place import Link
from connectors.record_store.s3_signature import quoted
from connectors.record_store.s3_state import States
from connectors.record_store.s3_versions import pinned
from connectors.record_store.s3_wire import Ask

SMALL_BYTES = 2 << 20
"""Larger objects are not read ahead: each is read alone, when its turn comes."""

_Found = bytes | CapstoneError | None


class Reader:
    """Reads objects of one bucket."""

    def __init__(self, link: Link, states: States, ahead: int) -> None:
        """`ahead`: how many objects are asked for before the first is taken."""
        self._link, self._states, self._ahead = link, states, ahead

    def get(self, ref: ObjectRef) -> bytes:
        """See RecordStore."""
        return self._read(ref, None) or b""

    def get_all(self, wanted: Sequence[ObjectRef], threads: Executor) -> Iterator[bytes | CapstoneError]:
        """See RecordStore. At most `ahead` small objects and one large one are in memory at a time."""
        begun: deque[Future[_Found]] = deque()
        try:
            for place, ref in enumerate(wanted):
                while len(begun) < self._ahead and place + len(begun) < len(wanted):
                    begun.append(threads.submit(self._tried, wanted[place + len(begun)], SMALL_BYTES))
                found = begun.popleft().result()
                if found is None:
                    found = self._tried(ref, None) or b""
                if isinstance(found, StoreUnavailable | StoreUnfit):
                    self.require_answer()  # where the whole store is away, no single object is to blame
                yield found
        finally:
            for future in begun:
                future.cancel()

    def states(self, wanted: Sequence[ObjectRef], threads: Executor) -> list[ObjectState | None]:
        """See RecordStore."""
        return list(threads.map(self._state, wanted))

    def require_answer(self) -> None:
        """Raise StoreUnavailable or StoreUnfit unless the bucket answers us."""
        with vendor_errors():
            self._link.client.get_bucket_versioning(Bucket=self._link.bucket)

    def _tried(self, ref: ObjectRef, at_most: int | None) -> _Found:
        try:
            return self._read(ref, at_most)
        except CapstoneError as exc:
            return exc

    def _read(self, ref: ObjectRef, at_most: int | None) -> bytes | None:
        """None where it has more bytes than `at_most`."""
        with vendor_errors(ref.key, asks_version=True):
            check_key(ref.key)
            query = f"versionId={quoted(pinned(self._link, ref))}"
            return self._link.wire.ask(Ask("GET", ref.key, query, at_most=at_most)).raw

    def _state(self, ref: ObjectRef) -> ObjectState | None:
        try:
            with vendor_errors(ref.key, asks_version=True):
                check_key(ref.key)
                return self._states.state(ref.key, pinned(self._link, ref))
        except ObjectMissing:
            return None
