"""Old PST files of an account: one that is named twice, or lies there again under another name, and its mail in a mailbox too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.message import OfferedMessage
from connectors.mailboxes.files.source import FileSource
from tests.adapters.ews_boxes import PASSWORD, Box, watched
from tests.contracts.mail_source import letter
from tests.corpus import corpus_root
from tests.e2e.conftest import CommandLine
from tests.servers.ews_server import EwsState

SAMPLE, ITEMS = "tika/microsoft/testPST.pst", 7
FILES = '[[sources]]\nname = "{name}"\nkind = "files"\naccount = "{account}"\npath = "{path}"\n'
EWS = (
    '[[sources]]\nname = "mail"\nkind = "ews"\naccount = "director"\nmailbox = "{mailbox}"\nurl = "{url}"\n'
    'sign_in = "basic"\nuser = "service"\npassword_env = "EXCHANGE_PASSWORD"\n'
)


@pytest.fixture
def exchange() -> Iterator[EwsState]:
    with watched() as state:
        yield state


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """An empty home with two copies of a PST; commands run in this process."""
    made = CommandLine(tmp_path / "home", here=True)
    (made.home / "copy").mkdir(parents=True)
    copy(corpus_root() / SAMPLE, made.home / "old.pst")
    copy(corpus_root() / SAMPLE, made.home / "copy" / "backup of old.pst")
    return made


def prepared(line: CommandLine, *sources: str) -> CommandLine:
    (line.home / "capstone.toml").write_text('[agency]\nname = "Agency"\n' + "".join(sources))
    line.environment |= {"CAPSTONE_CONFIG": str(line.home / "capstone.toml"), "EXCHANGE_PASSWORD": PASSWORD}
    return line.prepare()


def runs(line: CommandLine, account: str) -> dict[str, tuple[int, int]]:
    """Of each source: archived, already held."""
    told = line.json("capture", "--account", account)["runs"]
    assert all(run["offered"] == run["archived"] + run["already_held"] for run in told)
    return {run["source"]: (run["archived"], run["already_held"]) for run in told}


def held(line: CommandLine, account: str = "director") -> int:
    found: list[int] = [one["messages"] for one in line.json("status")["accounts"] if one["account"] == account]
    return sum(found)


def occurrences(line: CommandLine, raw: bytes) -> set[tuple[str, str]]:
    shown: dict[str, Any] = line.json("show", f"director/{digest_of(raw)}")
    return {(one["place"]["source"], one["place"]["folder"]) for one in shown["occurrences"]}


def raws_in(path: Path) -> list[bytes]:
    return [item.raw for item in FileSource("disk", [path]).items({}) if isinstance(item, OfferedMessage)]


def test_a_pst_that_two_sources_name_under_two_names_doubles_nothing(line: CommandLine) -> None:
    two = [FILES.format(name=name, account="director", path=path) for name, path in (("old", "old.pst"), ("usb", "copy"))]
    prepared(line, *two)
    assert runs(line, "director") == {"old": (ITEMS, 0), "usb": (0, ITEMS)}
    assert held(line) == ITEMS
    assert runs(line, "director") == {"old": (0, ITEMS), "usb": (0, ITEMS)}
    assert held(line) == ITEMS
    assert occurrences(line, raws_in(line.home / "old.pst")[0]) == {("old", "old.pst"), ("usb", "backup of old.pst")}


def test_an_old_pst_and_the_mailbox_meet_in_their_account(line: CommandLine, exchange: EwsState) -> None:
    """A letter that was exported and put back is one record; of one whose bytes are others, two, which status counts as twins."""
    box, (put_back, original) = Box(exchange), raws_in(line.home / "old.pst")[:2]
    mark, _, other_bytes = original.partition(b"\r\n")
    assert mark.startswith(b"X-Capstone-Generated:")
    for raw in (letter(1), put_back, other_bytes):
        box.mailbox.put("Inbox", raw)
    mailbox = EWS.format(mailbox=box.mailbox.address, url=exchange.url)
    prepared(line, mailbox, FILES.format(name="old", account="director", path="old.pst"))
    assert runs(line, "director") == {"mail": (3, 0), "old": (ITEMS - 1, 1)}
    assert occurrences(line, put_back) == {("mail", "Inbox"), ("old", "old.pst")}
    assert runs(line, "director") == {"mail": (0, 0), "old": (0, ITEMS)}
    totals = line.json("status")["totals"]
    assert (held(line), totals["messages"], totals["twins"]) == (2 + ITEMS, 2 + ITEMS, 2)


def test_the_same_pst_in_another_account_is_that_accounts_own(line: CommandLine) -> None:
    both = [FILES.format(name=name, account=name, path="old.pst") for name in ("director", "analyst")]
    prepared(line, *both)
    for account in ("director", "analyst"):
        assert runs(line, account) == {account: (ITEMS, 0)}
        assert held(line, account) == ITEMS
