"""Which folders are left out is a choice of each source: made in its settings, counted, shown by a check, and it may change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capstone.bootstrap.sources import open_source
from capstone.domain.message import OfferedItem, RefusedItem
from capstone.ports import CheckableSource
from capstone.settings import read_settings
from servers.dovecot import Dovecot
from tests.adapters import ews_boxes, imap_boxes
from tests.adapters.imap_boxes import cursors_of, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer

DEFAULT = ""
CHOSEN = 'leave_out = ["folder_outbox"]\nleave_out_folders = ["Newsletters"]\n'
FOLDERS = ("Drafts", "Inbox", "Newsletters", "Newsletters/2020", "Newsletters2", "Outbox")


class Settled(ABC):
    """A mailbox, and our source over it as a settings file names it."""

    entry = ""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "capstone.toml"

    def source(self, choice: str) -> CheckableSource:
        self._file.write_text(f'[[sources]]\nname = "mail"\naccount = "a"\n{self.entry}{choice}')
        return open_source(read_settings().sources[0])

    @abstractmethod
    def put(self, folder: str, raw: bytes) -> None: ...


class Imap(Settled):
    def __init__(self, folder: Path, dovecot: Dovecot) -> None:
        super().__init__(folder)
        self._box = imap_boxes.Box(dovecot)
        where = f'kind = "imap"\nhost = "127.0.0.1"\nport = {dovecot.port}\ntls = "none"\n'
        self.entry = f'{where}user = "{self._box.user}"\npassword_env = "THE_SECRET"\n'

    def put(self, folder: str, raw: bytes) -> None:
        self._box.put("INBOX" if folder == "Inbox" else folder, raw)


class Ews(Settled):
    def __init__(self, folder: Path, box: ews_boxes.Box) -> None:
        super().__init__(folder)
        self._box = box
        where = f'kind = "ews"\nurl = "{box.state.url}"\nmailbox = "{box.mailbox.address}"\n'
        self.entry = f'{where}sign_in = "basic"\nuser = "service"\npassword_env = "THE_SECRET"\n'

    def put(self, folder: str, raw: bytes) -> None:
        self._box.fill([Mail(folder, raw)])


class Graph(Settled):
    def __init__(self, folder: Path, server: GraphServer) -> None:
        super().__init__(folder)
        self._mailbox = server.mailbox("ada@agency.example")
        where = f'kind = "graph"\nurl = "{server.url}"\nauthority = "{server.url}"\nca_file = "{server.ca_file}"\n'
        who = f'mailbox = "ada@agency.example"\ntenant = "{TENANT}"\nclient_id = "our-application"\n'
        self.entry = f'{where}{who}client_secret_env = "THE_SECRET"\narchive = false\n'

    def put(self, folder: str, raw: bytes) -> None:
        self._mailbox.add(folder, raw)


class Files(Settled):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mail = folder / "mail"
        self.entry = f'kind = "files"\npath = "{self._mail}"\n'

    def put(self, folder: str, raw: bytes) -> None:
        into = self._mail / folder
        into.mkdir(parents=True, exist_ok=True)
        (into / f"{len(list(into.iterdir()))}.eml").write_bytes(raw)


@pytest.fixture
def mailbox_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Settled]]:
    """A mailbox of a kind with one letter in each of `FOLDERS`."""
    monkeypatch.setenv("CAPSTONE_CONFIG", str(tmp_path / "capstone.toml"))
    with ews_boxes.watched() as exchange:

        def made(kind: str) -> Settled:
            box: Settled
            match kind:
                case "imap":
                    dovecot = request.getfixturevalue("dovecot")
                    secret, box = dovecot.password, Imap(tmp_path, dovecot)
                case "ews":
                    secret, box = ews_boxes.PASSWORD, Ews(tmp_path, ews_boxes.Box(exchange))
                case "graph":
                    secret, box = "right", Graph(tmp_path, request.getfixturevalue("graph"))
                case _:
                    secret, box = "", Files(tmp_path)
            monkeypatch.setenv("THE_SECRET", secret)
            for number, folder in enumerate(FOLDERS, 1):
                box.put(folder, letter(number))
            return box

        yield made


IMAP = pytest.param("imap", marks=pytest.mark.service)
every_kind = pytest.mark.parametrize("kind", [IMAP, "ews", "graph", "files"])
every_server = pytest.mark.parametrize("kind", [IMAP, "ews", "graph"])


def taken(items: list[OfferedItem]) -> list[str]:
    return sorted(item.occurrence.place.folder.title() for item in messages_in(items))


def counted(items: list[OfferedItem]) -> list[tuple[str, str]]:
    assert all(not isinstance(item, RefusedItem) or item.state.value == "excluded" for item in items)
    return sorted((item.place.folder, item.code) for item in refused_in(items))


@every_kind
def test_a_source_takes_drafts_and_leaves_out_a_folder_with_all_below_where_it_is_told_so(
    mailbox_of: Callable[[str], Settled], kind: str
) -> None:
    items = list(mailbox_of(kind).source(CHOSEN).items({}))
    assert taken(items) == ["Drafts", "Inbox", "Newsletters2"]
    assert counted(items) == [
        ("Newsletters", "folder_left_out"), ("Newsletters/2020", "folder_left_out"), ("Outbox", "folder_outbox"),
    ]  # fmt: skip


@every_kind
def test_without_a_choice_the_built_in_policies_leave_out_what_they_did(mailbox_of: Callable[[str], Settled], kind: str) -> None:
    items = list(mailbox_of(kind).source(DEFAULT).items({}))
    assert taken(items) == ["Inbox", "Newsletters", "Newsletters/2020", "Newsletters2"]
    assert counted(items) == [("Drafts", "folder_drafts"), ("Outbox", "folder_outbox")]


@every_kind
def test_a_check_shows_the_choice_and_places_hold_to_it(mailbox_of: Callable[[str], Settled], kind: str) -> None:
    source = mailbox_of(kind).source(CHOSEN)
    seen = {folder.path.title(): folder.left_out_by for folder in source.check().folders if folder.messages}
    assert seen == {
        "Drafts": None, "Inbox": None, "Newsletters": "folder_left_out", "Newsletters/2020": "folder_left_out",
        "Newsletters2": None, "Outbox": "folder_outbox",
    }  # fmt: skip
    assert sorted(place.folder.title() for place in source.places()) == ["Drafts", "Inbox", "Newsletters2"]


@every_server
def test_a_choice_that_changes_passes_nothing_over_and_reads_nothing_twice(
    mailbox_of: Callable[[str], Settled], kind: str
) -> None:
    box = mailbox_of(kind)
    kept = cursors_of(list(box.source(DEFAULT).items({})))
    chosen = list(box.source(CHOSEN).items(kept))
    assert taken(chosen) == ["Drafts"], "what was only counted before is read from its beginning"
    assert [code for _, code in counted(chosen)] == ["folder_left_out"] * 2
    kept |= cursors_of(chosen)
    assert list(box.source(CHOSEN).items(kept)) == []
    box.put("Newsletters", letter(20))
    box.put("Drafts", letter(21))
    chosen = list(box.source(CHOSEN).items(kept))
    assert (taken(chosen), counted(chosen)) == (["Drafts"], [("Newsletters", "folder_left_out")])
    kept |= cursors_of(chosen)
    back = list(box.source(DEFAULT).items(kept))
    assert [item.raw for item in messages_in(back)] == [letter(20)], "what came while its folder was left out"
    assert counted(back) == [("Drafts", "folder_drafts")]


@every_server
def test_what_lies_in_a_named_folder_can_be_left_out_by_its_path(mailbox_of: Callable[[str], Settled], kind: str) -> None:
    choice = 'folders = ["Newsletters", "Drafts"]\nleave_out_folders = ["Newsletters/2020"]\n'
    items = list(mailbox_of(kind).source(choice).items({}))
    assert (taken(items), counted(items)) == (["Drafts", "Newsletters"], [("Newsletters/2020", "folder_left_out")])


@pytest.mark.service
def test_letters_of_inbox_may_be_small_or_capital(mailbox_of: Callable[[str], Settled]) -> None:
    box = mailbox_of("imap")
    box.put("INBOX/Lists", letter(30))
    items = list(box.source('leave_out_folders = ["Inbox/Lists"]\n').items({}))
    assert ("INBOX/Lists", "folder_left_out") in counted(items)


def test_graph_knows_a_folder_by_its_own_name_in_any_language(mailbox_of: Callable[[str], Settled], graph: GraphServer) -> None:
    box = mailbox_of("graph")
    graph.mailbox("ada@agency.example").folder("Papierkorb", well_known="deleteditems")
    box.put("Papierkorb/Alt", letter(30))
    items = list(box.source('leave_out_folders = ["Deleted Items"]\n').items({}))
    assert ("Papierkorb/Alt", "folder_left_out") in counted(items)
