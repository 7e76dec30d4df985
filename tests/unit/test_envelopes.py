"""What envelopes say: who received a message is found and shown by them, and altered ones say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from capstone.domain.envelopes import Envelope, ListMembers, ReceivedAs, Recipient, read_envelope, write_envelope
from capstone.domain.errors import CapstoneError, FixityMismatch, ObjectMissing, StoreUnavailable, UnknownRecord
from capstone.domain.facts import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.message import Companion, CompanionKind
from capstone.usecases.search import search, show, show_beside
from tests.fakes.archive import OFFICER, MemoryArchive, Wrapped
from tests.unit.companions import NATIVE, ONE, TWO, capture, key_of, offered


def envelope(*recipients: Recipient, **more: Any) -> Companion:
    return Companion(
        CompanionKind.ENVELOPE, "json", write_envelope(Envelope("ews", recipients=recipients, **more), digest_of(ONE))
    )


BLIND = Recipient("blind@agency.example", ReceivedAs.BCC)
LISTED = Recipient("listed@agency.example", ReceivedAs.TO, through="all@agency.example")
QUIET = Recipient("quiet@agency.example")


def found(archive: MemoryArchive, query: str) -> int:
    archive.index_pending()
    return search(archive.reading, OFFICER, query, 10).page.total


def test_who_received_it_is_found_by_the_envelope_also_when_that_comes_later() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE))
    assert found(archive, "bcc:blind@agency.example") == 0
    members = (ListMembers("all@agency.example", "2026-03-02T15:00:00+00:00", ("member@agency.example",)),)
    capture(archive, offered(ONE, envelope(BLIND, LISTED, QUIET, lists=members, sender="clerk@agency.example"), item_id="2"))
    for query in ("bcc:blind@agency.example", "to:listed@agency.example", "bcc:quiet@agency.example", "to:member@agency.example"):
        assert found(archive, query) == 1, query
    assert found(archive, "from:clerk@agency.example") == 1


def test_a_recipient_whom_the_headers_name_is_not_called_blind() -> None:
    archive = MemoryArchive()
    [shown] = [address for address in read_facts(ONE).to][:1]
    capture(archive, offered(ONE, envelope(Recipient(shown.address.upper()), on_behalf_of="chief@agency.example")))
    assert found(archive, f"bcc:{shown.address}") == 0
    assert found(archive, f"to:{shown.address}") == 1
    assert found(archive, "from:chief@agency.example") == 1


def test_a_record_is_shown_with_what_all_its_envelopes_say() -> None:
    archive = MemoryArchive()
    capture(archive, offered(ONE, NATIVE, envelope(BLIND)), offered(ONE, envelope(QUIET), item_id="2"))
    record_id = f"director/{digest_of(ONE)}"
    shown = show(archive.reading, OFFICER, record_id)
    assert shown.envelope is not None
    assert {one.address for one in shown.envelope.recipients} == {BLIND.address, QUIET.address}
    assert [one.suffix for one in shown.beside] == ["msg", "json", "json"]
    assert show_beside(archive.reading, OFFICER, record_id, digest_of(NATIVE.raw)) == NATIVE.raw
    with pytest.raises(UnknownRecord):
        show_beside(archive.reading, OFFICER, record_id, "0" * 64)


def test_a_record_is_shown_with_its_twins_and_what_their_envelopes_say() -> None:
    """A message that forks on its way may come in other bytes, each with a part of the recipients."""
    archive = MemoryArchive()
    fork = b"X-Fork: yes\r\n" + ONE
    about_fork = Companion(CompanionKind.ENVELOPE, "json", write_envelope(Envelope("ews", recipients=(QUIET,)), digest_of(fork)))
    capture(archive, offered(ONE, envelope(BLIND)), offered(fork, about_fork, item_id="2"), offered(TWO, item_id="3"))
    ids = [f"director/{digest_of(raw)}" for raw in (ONE, fork)]
    for record_id, twin in (ids, ids[::-1]):
        shown = show(archive.reading, OFFICER, record_id)
        assert shown.twins == (twin,)
        assert shown.envelope is not None
        assert {one.address for one in shown.envelope.recipients} == {BLIND.address, QUIET.address}
    assert show(archive.reading, OFFICER, f"director/{digest_of(TWO)}").twins == ()


def test_what_was_altered_beside_a_record_is_not_used() -> None:
    archive = MemoryArchive()
    said = envelope(BLIND)
    capture(archive, offered(ONE, NATIVE, said))
    archive.store.raw[key_of(NATIVE)] = archive.store.raw[key_of(said)] = b"{}"
    record_id = f"director/{digest_of(ONE)}"
    assert show(archive.reading, OFFICER, record_id).envelope is None
    with pytest.raises(FixityMismatch):
        show_beside(archive.reading, OFFICER, record_id, digest_of(NATIVE.raw))


class NotNow(Wrapped):
    """A store that does not give some objects for a while."""

    def __init__(self, inner: Any, key: str, error: CapstoneError) -> None:
        super().__init__(inner)
        self._key, self._error = key, error

    def get_all(self, wanted: Any) -> Any:
        for ref, found in zip(wanted, self._inner.get_all(wanted), strict=True):
            yield self._error if ref.key == self._key else found


@pytest.mark.parametrize(("error", "failed"), [(StoreUnavailable("slow"), 1), (ObjectMissing("gone"), 0)])
def test_a_document_is_not_called_done_while_an_envelope_may_yet_be_read(error: CapstoneError, failed: int) -> None:
    archive = MemoryArchive()
    said = envelope(BLIND)
    capture(archive, offered(ONE, said))
    whole = archive.store
    archive.store = NotNow(whole, key_of(said), error)
    report = archive.index_pending()
    assert (report.failed, report.indexed, report.pending) == (failed, 1 - failed, failed)
    shown = show(archive.reading, OFFICER, f"director/{digest_of(ONE)}")
    assert (shown.envelope, shown.envelopes_unread) == (None, 1)
    archive.store = whole
    archive.index_pending()
    assert found(archive, "bcc:blind@agency.example") == failed, "what is missing for good is named by verify"


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"format":1}', b'{"format":2}', b"\xff", b'{"format":1,"said_by":"x","lists":[1]}']
)
def test_what_is_no_envelope_says_nothing(raw: bytes) -> None:
    assert read_envelope(raw) is None


def test_an_envelope_is_read_as_it_was_written() -> None:
    members = (ListMembers("all@agency.example", "2026-03-02T15:00:00+00:00", ("a@agency.example",), is_whole=False),)
    whole = Envelope(
        "graph",
        "s@agency.example",
        "o@agency.example",
        (BLIND, LISTED, QUIET),
        members,
        "<1@agency.example>",
        {"importance": "high"},
    )
    assert read_envelope(write_envelope(whole, "ab")) == whole
    assert read_envelope(write_envelope(Envelope("smtp"), "ab")) == Envelope("smtp")
    assert read_envelope(write_envelope(whole, "ab").replace(b'["a@agency.example"]', b'"a"')) is None
