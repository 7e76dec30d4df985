"""IMAP servers that say less, more or other than most: told by a scripted server over a real socket."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from capstone.domain.errors import CapstoneError, NoMailFound, ServerBusy, SourceRefused, SourceUnavailable
from capstone.domain.message import ItemState, OfferedItem
from capstone.ports import FolderSeen
from connectors.mailboxes.imap.errors import vendor_errors
from connectors.mailboxes.imap.source import ImapLogin, ImapServer, ImapSource
from servers.processes import wait_until
from tests.adapters.imap_boxes import cursors_of, messages_in, refused_in
from tests.adapters.imap_script import ScriptedFolder, ScriptedServer
from tests.contracts.mail_source import letter

LOGIN = ImapLogin("ada", "secret")


@contextmanager
def source_on(server: ScriptedServer, login: ImapLogin = LOGIN, tls: str = "none") -> Iterator[ImapSource]:
    with server.running():
        limits = {"connect_timeout_s": 5, "timeout_s": 5}
        yield ImapSource("mail", ImapServer("127.0.0.1", server.port, tls, **limits), login)  # type: ignore[arg-type]


def read(server: ScriptedServer, login: ImapLogin = LOGIN, cursors: dict[str, str] | None = None) -> list[OfferedItem]:
    with source_on(server, login) as source:
        return list(source.items(cursors or {}))


def failure(server: ScriptedServer, login: ImapLogin = LOGIN, tls: str = "none") -> CapstoneError:
    with source_on(server, login, tls) as source, pytest.raises(CapstoneError) as caught:
        list(source.items({}))
    return caught.value


def inbox(*raws: bytes | None, **told: object) -> ScriptedServer:
    return ScriptedServer({"INBOX": ScriptedFolder(dict(enumerate(raws, 1)))}, **told)  # type: ignore[arg-type]


# --- what is sent ----------------------------------------------------------------------------------


def test_only_commands_that_read_are_sent() -> None:
    server = inbox(letter(1), letter(2, "x" * 3_000_000))
    with source_on(server) as source:
        list(source.items({}))
        list(source.places())
        source.check()
    verbs = {
        " ".join(command.split(" ")[:2]) if command.startswith("UID") else command.split(" ")[0] for command in server.commands
    }
    assert verbs == {"CAPABILITY", "AUTHENTICATE", "NAMESPACE", "LIST", "STATUS", "EXAMINE", "FETCH", "UID FETCH", "LOGOUT"}
    assert not [command for command in server.commands if "BODY[" in command]


def test_nothing_of_login_or_mail_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    read(inbox(letter(1, "a body that nobody logs")))
    assert "nobody logs" not in caplog.text
    assert "secret" not in caplog.text


def test_the_line_is_closed_at_the_end_and_when_reading_is_given_up() -> None:
    server = inbox(*[letter(number, "x" * 3_000_000) for number in range(10)])
    with source_on(server) as source:
        items = source.items({})
        next(items)
        assert server.open_lines == 1
        items.close()  # type: ignore[attr-defined]
        assert wait_until(lambda: server.open_lines == 0, 5)
        assert len(list(source.items({}))) == 10
        assert wait_until(lambda: server.open_lines == 0, 5)
        read_so_far = [command for command in server.commands if "BODY.PEEK[]<2" in command]
        assert len(read_so_far) < 18


# --- logins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "capabilities", "sent"),
    [
        (ImapLogin("ada", "p\xe4ss"), "AUTH=PLAIN AUTH=LOGIN", [b"\0ada\0p\xc3\xa4ss"]),
        (ImapLogin('a "b" c', "q\\ü"), "IMAP4rev1", ['"a \\"b\\" c" "q\\\\ü"'.encode()]),
        (ImapLogin("ada", token="t0"), "AUTH=XOAUTH2 AUTH=OAUTHBEARER", [b"user=ada\1auth=Bearer t0\1\1"]),
        (ImapLogin("a=d,a", token="t0"), "AUTH=OAUTHBEARER", [b"n,a=a=3Dd=2Ca,\1auth=Bearer t0\1\1"]),
        (ImapLogin("ada", "both", "t0"), "AUTH=PLAIN AUTH=XOAUTH2", [b"user=ada\1auth=Bearer t0\1\1"]),
    ],
)
def test_each_kind_of_login(login: ImapLogin, capabilities: str, sent: list[bytes]) -> None:
    server = inbox(letter(1), capabilities=f"IMAP4rev1 {capabilities}")
    assert len(read(server, login)) == 1
    assert server.secrets == sent


@pytest.mark.parametrize(("mechanism", "end"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\1")])
def test_a_refused_token_is_sent_once(mechanism: str, end: bytes) -> None:
    server = inbox(letter(1), capabilities=f"IMAP4rev1 AUTH={mechanism}", login="NO [AUTHENTICATIONFAILED] expired")
    assert isinstance(failure(server, ImapLogin("ada", token="t0")), SourceRefused)
    assert len(server.secrets) == 2
    assert server.secrets[1] == end


@pytest.mark.parametrize(
    ("login", "capabilities", "words"),
    [
        (ImapLogin("ada", "secret"), "IMAP4rev1 LOGINDISABLED", "no password"),
        (ImapLogin("ada", token="t0"), "IMAP4rev1 AUTH=PLAIN", "no token"),
    ],
)
def test_a_secret_that_the_server_does_not_take_is_not_sent(login: ImapLogin, capabilities: str, words: str) -> None:
    server = inbox(letter(1), capabilities=capabilities)
    error = failure(server, login)
    assert isinstance(error, SourceRefused)
    assert words in error.message
    assert server.secrets == []


@pytest.mark.parametrize("greeting", ["* OK ready", "* PREAUTH you are in"])
def test_without_starttls_nothing_is_sent_in_the_clear(greeting: str) -> None:
    server = inbox(letter(1), greeting=greeting)
    error = failure(server, tls="starttls")
    assert isinstance(error, SourceRefused)
    assert "STARTTLS" in error.message
    assert server.commands == ["CAPABILITY"]


def test_a_server_that_asks_nobody_who_they_are_is_not_read() -> None:
    server = inbox(letter(1), greeting="* PREAUTH you are in")
    assert isinstance(failure(server), SourceRefused)
    assert server.commands == ["CAPABILITY"]


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        ("NO [AUTHENTICATIONFAILED] no", SourceRefused, False),
        ("NO [EXPIRED] no", SourceRefused, False),
        ("NO Invalid credentials", SourceRefused, False),
        ("NO [UNAVAILABLE] later", SourceUnavailable, True),
        ("NO [INUSE] later", SourceUnavailable, True),
        ("NO [SERVERBUG] sorry", SourceUnavailable, True),
        ("NO [LIMIT] no more", ServerBusy, True),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", ServerBusy, True),
    ],
)
def test_what_a_refused_login_means(answer: str, kind: type[CapstoneError], retryable: bool) -> None:
    error = failure(inbox(letter(1), login=answer))
    assert type(error) is kind
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        ("* BYE [UNAVAILABLE] going down", SourceUnavailable),
        ("* BYE Too many connections from your address", ServerBusy),
        ("* BYE [LIMIT] no", ServerBusy),
        ("220 mail.agency.example ESMTP", SourceUnavailable),
    ],
)
def test_what_a_server_means_that_lets_nobody_speak(greeting: str, kind: type[CapstoneError]) -> None:
    assert type(failure(inbox(letter(1), greeting=greeting))) is kind


def test_a_server_that_says_goodbye_in_the_middle() -> None:
    server = inbox(letter(1))
    server.answers["STATUS"] = lambda _: b"* BYE [UNAVAILABLE] shutting down ada@agency.example\r\n"
    error = failure(server)
    assert type(error) is SourceUnavailable
    assert "UNAVAILABLE" in error.message
    assert "ada" not in error.message
    assert server.lines == 3


@pytest.mark.parametrize("start", ["NAMESPACE", "LIST", "STATUS", "UID FETCH", "FETCH"])
@pytest.mark.parametrize(
    "nonsense", ["* {0} (((\r\n", '* {0} "\r\n', "* {0}\r\n", "* {0} NIL NIL (NIL\r\n", "* 1 {0} 7\r\n", "* 1 {0} (UID x)\r\n"]
)
def test_an_answer_that_makes_no_sense_is_an_error_with_a_name(start: str, nonsense: str) -> None:
    server = inbox(letter(1), tells_uid_next=False)
    server.answers[start] = lambda _: nonsense.format(start.removeprefix("UID ")).encode()
    try:
        assert {item.raw for item in messages_in(read(server))} <= {letter(1)}
    except CapstoneError as error:
        assert error.code in ("E101", "E103")  # noqa: PT017 either outcome is right, another error is not


def test_a_folder_that_may_be_opened_and_not_read_is_a_refusal() -> None:
    server = inbox(letter(1))
    server.answers["UID FETCH"] = lambda _: b"\nNO [NOPERM] not yours"
    assert type(failure(server)) is SourceRefused


@pytest.mark.parametrize("tls", ["tls", "none"])
def test_a_line_that_ends_before_the_login_does_is_no_refusal(tls: str) -> None:
    server = inbox(letter(1))
    server.answers["AUTHENTICATE"] = lambda _: None
    assert tls == "tls" or type(failure(server)) is SourceUnavailable
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        source = ImapSource("mail", ImapServer("127.0.0.1", listener.getsockname()[1], tls), LOGIN)  # type: ignore[arg-type]
        with pytest.raises(SourceUnavailable):
            source.check()


def test_a_password_that_login_refuses() -> None:
    assert type(failure(inbox(letter(1), capabilities="IMAP4rev1", login="NO [AUTHENTICATIONFAILED] no"))) is SourceRefused


def test_an_empty_mailbox_has_no_places_either() -> None:
    with source_on(ScriptedServer({"INBOX": ScriptedFolder()})) as source:
        assert source.check().folders == (FolderSeen("INBOX", 0, 0),)
        with pytest.raises(NoMailFound):
            list(source.places())


def test_errors_that_are_not_of_the_line_pass_through() -> None:
    for error in (ZeroDivisionError(), NoMailFound("none"), MemoryError()):
        with pytest.raises(type(error)), vendor_errors("mail.agency.example:993"):
            raise error


def test_capabilities_of_after_the_login_count() -> None:
    server = inbox(letter(1), capabilities="IMAP4rev1 AUTH=PLAIN", greeting="* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
    server.later_capabilities = "IMAP4rev1 NAMESPACE CONDSTORE"
    server.folders["INBOX"].mod_seq = 5
    items = read(server)
    assert [command for command in server.commands if "HIGHESTMODSEQ" in command]
    assert cursors_of(items) == {"INBOX": "7:1:2:5"}


# --- bytes -----------------------------------------------------------------------------------------


def test_listed_sizes_are_only_a_hint() -> None:
    large = letter(3, "x" * 2_500_000)
    server = inbox(letter(1), letter(2), large, large, letter(5))
    server.folders["INBOX"].sizes = {1: 5, 2: 9_000_000, 3: 1_100_000, 4: 3_900_000, 5: 0}
    assert [item.raw for item in messages_in(read(server))] == [letter(1), letter(2), large, large, letter(5)]


def test_bytes_that_come_as_a_quoted_string() -> None:
    server = inbox(b'say "so" \\ now', b"", b"NIL")
    server.body = lambda _uid, raw: b'"' + (raw or b"").replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [b'say "so" \\ now', b"NIL"]
    assert [item.code for item in refused_in(items)] == ["empty_item"]


def test_a_message_that_the_server_lists_and_does_not_give_has_failed_and_holds_the_cursor() -> None:
    server = inbox(letter(1), None, letter(3), letter(4))
    server.folders["INBOX"].sizes = {2: 500}
    server.folders["Sent"] = ScriptedFolder({9: letter(9)})
    items = read(server)
    assert [(item.state, item.code, item.place.item_id) for item in refused_in(items)] == [
        (ItemState.FAILED, "unreadable", "7:2")
    ]
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3), letter(4), letter(9)]
    assert cursors_of(items) == {"INBOX": "7:1", "Sent": "7:9:10:0"}
    server.folders["INBOX"].messages[2] = letter(2)
    assert [item.raw for item in messages_in(read(server, cursors=cursors_of(items)))] == [letter(2), letter(3), letter(4)]


def test_a_large_message_whose_parts_the_server_does_not_give_is_asked_for_whole() -> None:
    large = letter(1, "x" * 2_500_000)
    server = inbox(large)
    server.answers["UID FETCH 1 (UID BODY.PEEK[]<"] = lambda _: b"* 1 FETCH (UID 1)\r\n"
    assert [item.raw for item in messages_in(read(server))] == [large]


def test_a_large_message_that_goes_between_two_parts_is_gone_and_never_cut_short() -> None:
    server = inbox(letter(1), letter(2, "x" * 3_500_000), letter(3))

    def go(_: str) -> bytes:
        server.folders["INBOX"].messages.pop(2, None)
        return b""

    server.answers["UID FETCH 2 (UID BODY.PEEK[]<2097152."] = go
    items = read(server)
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.EXCLUDED, "gone_at_source")]
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert cursors_of(items)["INBOX"].startswith("7:3:4")


@pytest.mark.parametrize("told", [b"* 2 FETCH (UID 2 FLAGS ())\r\n", b""])
@pytest.mark.parametrize("left_out", [1, 2, 3])
@pytest.mark.parametrize("after", [0, 1])
def test_a_message_that_a_listing_leaves_out_is_read_all_the_same(told: bytes, left_out: int, after: int) -> None:
    server = inbox(letter(1), letter(2), letter(3))
    cursors = {"INBOX": f"7:{after}"} if after else {}

    def listing(_: str) -> bytes:
        rows = [f"* {uid} FETCH (UID {uid} RFC822.SIZE 100 FLAGS ())\r\n" for uid in range(after + 1, 4) if uid != left_out]
        return "".join(rows).encode() + told.replace(b"2", b"%d" % left_out)

    server.answers[f"UID FETCH {after + 1}:3 (UID RFC822"] = listing
    server.answers[f"UID FETCH {left_out} (UID RFC822"] = lambda _: told.replace(b"2", b"%d" % left_out)
    items = read(server, cursors=cursors)
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(2), letter(3)][after:]
    assert cursors_of(items) == {"INBOX": "7:3:4:0"}
    server.folders["INBOX"].messages[left_out] = None
    items = read(server, cursors=cursors)
    failed = [(ItemState.FAILED, f"7:{left_out}")] if left_out > after else []
    assert [(item.state, item.place.item_id) for item in refused_in(items)] == failed
    assert len(items) == 3 - after


@pytest.mark.parametrize("told", ["", "UIDNEXT 4 UIDVALIDITY 7", "MESSAGES NIL UIDNEXT 4", "MESSAGES x UIDNEXT x UIDVALIDITY x"])
def test_a_status_without_a_number_of_messages_is_not_taken_for_an_empty_folder(told: str) -> None:
    server = inbox(letter(1))
    server.answers["STATUS"] = lambda _: f'* STATUS "INBOX" ({told})\r\n'.encode()
    assert [item.raw for item in messages_in(read(server))] == [letter(1)]


def test_a_folder_that_is_opened_without_a_number_of_messages_has_failed() -> None:
    server = inbox(letter(1))
    server.folders["Sent"] = ScriptedFolder({9: letter(9)})
    server.answers["STATUS"] = lambda _: b"\nNO not now"
    server.answers['EXAMINE "INBOX"'] = lambda _: b"* OK [UIDVALIDITY 7]\r\n"
    items = read(server)
    assert [(item.state, item.code, item.place.folder) for item in refused_in(items)] == [
        (ItemState.FAILED, "unreadable", "INBOX")
    ]
    assert [item.raw for item in messages_in(items)] == [letter(9)]


def test_a_next_uid_that_is_too_low_hides_no_message() -> None:
    server = inbox(letter(1), letter(2), letter(3))
    server.folders["INBOX"].uid_next = 2
    assert [item.raw for item in messages_in(read(server))] == [letter(1), letter(2), letter(3)]


@pytest.mark.parametrize("size", [10**22, 2**63 - 1, 10**14])
def test_a_message_that_is_announced_as_larger_than_memory_has_failed_and_nothing_else(size: int) -> None:
    server = inbox(letter(1), letter(2), letter(3))
    for start in ("UID FETCH 1:3 (UID BODY", "UID FETCH 2 (UID BODY"):
        server.answers[start] = lambda _: b"* 2 FETCH (UID 2 BODY[] {%d}\r\nabc\r\n" % size
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert cursors_of(items) == {"INBOX": "7:1"}


def test_a_server_that_refuses_a_batch_is_asked_for_each_and_its_no_is_not_taken_for_gone() -> None:
    server = inbox(letter(1), letter(2), letter(3))
    server.answers["UID FETCH 1:3 (UID BODY"] = lambda _: b"\nNO [SERVERBUG] too much"
    assert [item.raw for item in messages_in(read(server))] == [letter(1), letter(2), letter(3)]
    server.answers["UID FETCH"] = lambda _: b"\nNO [UNAVAILABLE] later"
    assert type(failure(server)) is SourceUnavailable


def test_a_message_that_ends_the_line_each_time_does_not_keep_back_the_others() -> None:
    server = inbox(letter(1), letter(2), letter(3))
    for start in ("UID FETCH 1:3 (UID BODY", "UID FETCH 2 (UID BODY"):
        server.answers[start] = lambda _: None
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(1), letter(3)]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")]
    assert cursors_of(items) == {"INBOX": "7:1"}


@pytest.mark.parametrize("bad", [{1, 2, 3}, {2, 3, 4, 5}, {5, 6, 7}, {1, 2, 3, 5, 6, 7}])
def test_messages_in_a_row_that_end_the_line_do_not_keep_back_the_others(bad: set[int]) -> None:
    server = inbox(*[letter(number) for number in range(1, 8)])
    server.answers["UID FETCH 1:7 (UID BODY"] = lambda _: None
    for number in bad:
        server.answers[f"UID FETCH {number} (UID BODY"] = lambda _: None
    items = read(server)
    assert [item.raw for item in messages_in(items)] == [letter(number) for number in range(1, 8) if number not in bad]
    assert [(item.state, item.code) for item in refused_in(items)] == [(ItemState.FAILED, "unreadable")] * len(bad)


def test_a_folder_of_messages_that_end_the_line_does_not_keep_back_the_next() -> None:
    bad, good = {number: letter(number) for number in (1, 2, 3)}, {number: letter(number) for number in (11, 12)}
    server = ScriptedServer({"INBOX": ScriptedFolder(bad), "Later": ScriptedFolder(good)})
    for uids in ("1:3", *bad):
        server.answers[f"UID FETCH {uids} (UID BODY"] = lambda _: None
    items = read(server)
    assert [item.raw for item in messages_in(items)] == list(good.values())
    assert len(refused_in(items)) == len(bad)


def test_when_every_message_ends_the_line_it_is_the_server() -> None:
    server = inbox(*[letter(number) for number in range(1, 9)])
    server.answers["UID FETCH 1:8 (UID RFC822"] = lambda command: server_listing(server)
    server.answers["UID FETCH"] = lambda _: None
    assert type(failure(server)) is SourceUnavailable
    assert server.lines < 30


def server_listing(server: ScriptedServer) -> bytes:
    rows = [
        f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw or b'')} FLAGS ())\r\n"
        for uid, raw in server.folders["INBOX"].messages.items()
    ]
    return "".join(rows).encode()


# --- what stands beside the bytes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("02-Jan-2020 10:00:00 -0500", datetime(2020, 1, 2, 15, tzinfo=UTC)),
        (" 2-Jan-2020 10:00:00 -0000", datetime(2020, 1, 2, 10, tzinfo=UTC)),
        ("02-Jan-2020 10:00:00 +9999", None),
        ("31-Feb-2020 10:00:00 +0000", None),
        ("01-Jan-0001 00:00:00 +1200", None),
        ("once upon a time", None),
    ],
)
def test_the_time_of_receipt_is_aware_or_unknown(told: str, meant: datetime | None) -> None:
    server = inbox(letter(1))
    server.folders["INBOX"].date = told
    (item,) = messages_in(read(server))
    if told.startswith("01-Jan-0001"):
        assert item.occurrence.received_at is None or item.occurrence.received_at.year > 1
    else:
        assert item.occurrence.received_at == meant


def test_keywords_that_the_library_does_not_read_cost_no_message() -> None:
    server = inbox(letter(1))
    server.folders["INBOX"].flags = "\\Seen [urgent"
    (item,) = messages_in(read(server))
    assert item.raw == letter(1)
    assert item.occurrence.flags == ()


def test_recent_is_no_flag_of_the_message() -> None:
    (item,) = messages_in(read(inbox(letter(1))))
    assert item.occurrence.flags == ("\\Seen",)


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
