"""Folders of odd IMAP servers: those that go or stay closed, odd names and namespaces, and how far a cursor counts."""

from __future__ import annotations

import pytest

from capstone.domain.errors import SourceUnavailable
from capstone.domain.message import ItemState
from capstone.ports import FolderSeen
from connectors.mailboxes.imap.source import ImapSource
from tests.adapters.imap_boxes import cursors_of, messages_in, refused_in
from tests.adapters.imap_script import ScriptedFolder, ScriptedServer
from tests.adapters.imap_script_boxes import LOGIN, failure, inbox, read, source_on
from tests.contracts.mail_source import letter

# --- folders ---------------------------------------------------------------------------------------


def test_folders_that_hold_no_messages_are_passed_over() -> None:
    server = inbox(letter(1))
    server.folders |= {
        "Old": ScriptedFolder({1: letter(2)}, attributes="\\NoSelect"),
        "Gone": ScriptedFolder(attributes="\\NonExistent"),
    }
    assert [item.occurrence.place.folder for item in messages_in(read(server))] == ["INBOX"]
    assert not [command for command in server.commands if "Old" in command or "Gone" in command]


def test_what_stands_behind_a_folders_name_costs_no_folder() -> None:
    server = ScriptedServer({name: ScriptedFolder({1: letter(1)}) for name in ("INBOX", "A", "B", "C")})
    behind = b' ("OLDNAME" ("was"))\r\n'
    server.answers["LIST"] = lambda _: b"".join(
        [b'* LIST () "/" "INBOX"', behind, b'* LIST () "/" {1}\r\nA', behind, b'* LIST () "/" B', behind, b'* LIST () "/" C\r\n']
    )
    assert [item.occurrence.place.folder for item in messages_in(read(server))] == ["A", "B", "C", "INBOX"]


def test_a_folder_that_is_listed_and_not_opened_has_failed() -> None:
    server = inbox(letter(1))
    server.folders["Closed"] = ScriptedFolder({1: letter(2)}, is_refused=True)
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(1)]
    assert [(item.state, item.code, item.place.folder) for item in refused_in(items)] == [
        (ItemState.FAILED, "unreadable", "Closed")
    ]


def test_a_folder_that_goes_after_it_was_listed_is_passed_over() -> None:
    server = inbox(letter(1))
    server.folders["Alpha"] = ScriptedFolder({1: letter(2)}, is_refused=True)
    server.answers['STATUS "Alpha'] = lambda _: server.folders.pop("Alpha") and b"\nNO no such folder"  # type: ignore[func-returns-value]
    assert [item.raw for item in read(server) if hasattr(item, "occurrence")] == [letter(1)]


def test_whose_a_folder_is_says_the_longest_prefix() -> None:
    server = inbox(letter(1), namespaces='(("INBOX." ".")) (("user." ".")) (("" "."))', separator='"."')
    server.folders |= {
        "INBOX.Sent": ScriptedFolder({1: letter(2)}),
        "user.ben": ScriptedFolder({1: letter(3)}),
        "notices": ScriptedFolder({1: letter(4)}),
    }
    items = messages_in(read(server))
    assert [(item.occurrence.place.folder, item.occurrence.is_sent) for item in items] == [("INBOX", False), ("INBOX/Sent", True)]
    with source_on(server) as source:
        named = ImapSource("mail", source._server, LOGIN, ["user/ben"])
        assert [item.occurrence.place.folder for item in messages_in(list(named.items({})))] == ["user/ben"]


def test_folders_of_others_that_are_not_in_the_list_of_all_are_asked_for_by_name() -> None:
    server = inbox(letter(1), namespaces='(("" "/")) (("Other/" "/")) NIL')
    hidden = b'* LIST () "/" "Other/ben"\r\n'
    server.answers['LIST "" "Other/ben"'] = lambda _: hidden
    server.answers['LIST "" "Other/ben/*"'] = lambda _: b""
    server.answers['STATUS "Other/ben"'] = lambda _: b'* STATUS "Other/ben" (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 1)\r\n'
    with source_on(server) as source:
        named = ImapSource("mail", source._server, LOGIN, ["Other/ben"])
        assert named.check().folders == (FolderSeen("Other/ben", 3),)


def test_a_personal_namespace_that_is_not_in_the_list_of_all_is_read_too() -> None:
    server = inbox(letter(1), namespaces='(("" "/")("#mh/" "/")) NIL NIL')
    server.folders["#mh/letters"] = ScriptedFolder({1: letter(2)})
    server.answers['LIST "" "*"'] = lambda _: b'* LIST () "/" INBOX\r\n'
    assert [item.raw for item in messages_in(read(server))] == [letter(2), letter(1)]


def test_two_names_that_decode_alike_stay_two_folders() -> None:
    server = ScriptedServer({name: ScriptedFolder({1: letter(1)}) for name in ("R&-D", "R&D", "&AFI-&-D", "R%26D")})
    items = messages_in(read(server))
    assert {item.occurrence.place.folder for item in items} == {"R&D", "R%26D", "%26AFI-%26-D", "R%2526D"}
    assert len(cursors_of(items)) == 4


def test_a_name_that_would_end_the_command_is_never_sent() -> None:
    server = inbox(letter(1))
    name = 'x"\r\n1 DELETE INBOX'
    server.answers["LIST"] = lambda _: f'* LIST () "/" INBOX\r\n* LIST () "/" {{{len(name)}}}\r\n{name}\r\n'.encode()
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(1)]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert not [command for command in server.commands if "DELETE" in command]
    with source_on(server) as source:
        found = source.check()
        assert [folder.messages for folder in found.folders] == [1, 0]
        assert len(found.missing_rights) == 1
        with pytest.raises(SourceUnavailable):
            list(source.places())


# --- cursors ---------------------------------------------------------------------------------------


def test_a_server_that_does_not_tell_the_next_uid() -> None:
    server = inbox(letter(1), letter(2), tells_uid_next=False, capabilities="IMAP4rev1 AUTH=PLAIN CONDSTORE")
    server.folders["INBOX"].mod_seq = 40
    kept = cursors_of(read(server))
    assert kept == {"INBOX": "7:2:0:40"}
    server.commands.clear()
    assert read(server, cursors=kept) == []
    assert not [command for command in server.commands if "EXAMINE" in command]
    server.folders["INBOX"].messages[5] = letter(5)
    server.folders["INBOX"].mod_seq = 41
    assert [item.raw for item in messages_in(read(server, cursors=kept))] == [letter(5)]


@pytest.mark.parametrize(
    ("cursor", "offered"),
    [
        ("7:3:4:9", []),
        ("7:3", []),
        ("7:2:3:8", [3]),
        ("7:1", [2, 3]),
        ("8:3:4:9", [1, 2, 3]),
        ("7:9:10:9", [1, 2, 3]),
        ("7:3:4:90", [1, 2, 3]),
        ("7:400", [1, 2, 3]),
        ("nonsense", [1, 2, 3]),
        ("7:-1", [1, 2, 3]),
    ],
)
def test_a_cursor_counts_for_the_folder_that_it_was_made_on(cursor: str, offered: list[int]) -> None:
    server = inbox(letter(1), letter(2), letter(3), capabilities="IMAP4rev1 AUTH=PLAIN CONDSTORE")
    server.folders["INBOX"].mod_seq = 9
    found = messages_in(read(server, cursors={"INBOX": cursor}))
    assert [item.occurrence.place.item_id for item in found] == [f"7:{uid}" for uid in offered]
    assert bool(offered) == bool([command for command in server.commands if command.startswith("EXAMINE")])


def test_a_server_without_lasting_uids_gets_no_cursor() -> None:
    server = inbox(letter(1))
    server.folders["INBOX"].validity = 0
    items = read(server, cursors={"INBOX": "0:1:2:0"})
    assert len(messages_in(items)) == 1
    assert cursors_of(items) == {}


def test_a_folder_made_anew_while_it_is_read_ends_the_run() -> None:
    server = inbox(letter(1), letter(2, "x" * 3_000_000))

    def cut(_: str) -> None:
        server.folders["INBOX"].validity = 8

    server.answers["UID FETCH 2 (UID BODY.PEEK[]<1048576."] = cut
    error = failure(server)
    assert type(error) is SourceUnavailable
    assert "made anew" in error.message


def test_gaps_between_uids_cost_few_commands() -> None:
    uids = [1, 2, 700, 3_000_000, *range(2_000_000_000, 2_000_001_500), 4_294_967_290]
    server = ScriptedServer({"INBOX": ScriptedFolder({uid: letter(uid % 60) for uid in uids})})
    items = messages_in(read(server))
    assert [item.occurrence.place.item_id for item in items] == [f"7:{uid}" for uid in uids]
    listings = [command for command in server.commands if "RFC822.SIZE" in command or command.startswith(("FETCH", "EXAMINE"))]
    assert len(listings) < 60
