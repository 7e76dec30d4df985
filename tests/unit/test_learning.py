"""What the ledger has not noted is read from the stored bytes page by page, however many records cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capstone.usecases import learning
from capstone.usecases.learning import learn_missing
from tests.builders import a_designation
from tests.fakes.archive import MemoryArchive, a_message
from tests.fakes.mail_source import FakeMailSource, Mail


class Asked:
    """The ledger of replays, with every page that was asked for."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self.pages: list[tuple[int, str]] = []

    def unlearned(self, account: str, limit: int, after: str = "") -> list[str]:
        self.pages.append((limit, after))
        found: list[str] = self._whole.unlearned(account, limit, after)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


@pytest.mark.parametrize("readable", [True, False])
def test_each_page_is_asked_for_once_whether_its_records_can_be_read_or_not(
    monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    monkeypatch.setattr(learning, "MOST_RECORDS", 2)
    archive = MemoryArchive(a_designation("1", starts="2015-01-01"))
    mails = [Mail("Inbox", a_message(f"In {year}", f"03 Feb {year} 10:00:00 +0000")) for year in range(2016, 2021)]
    archive.capture(FakeMailSource("box", mails), "director")
    archive.ledger.capture._state.learned.clear()
    if not readable:
        archive.store.raw.clear()
    digests = archive.ledger.replaying.unlearned("director", 100)
    asked = Asked(archive.ledger.replaying)
    assert learn_missing(replace(archive.learning, replays=asked), "director") == (5 if readable else 0)
    assert asked.pages == [(2, after) for after in ("", digests[1], digests[3], digests[4])]
    assert archive.ledger.replaying.unlearned("director", 100) == ([] if readable else digests)
