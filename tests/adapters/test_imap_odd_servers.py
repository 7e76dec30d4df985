"""IMAP servers that say less, more or other than most: told by a scripted server over a real socket."""

from __future__ import annotations

import logging

import pytest

from capstone.domain.errors import CapstoneError, NoMailFound, SourceRefused, SourceUnavailable
from capstone.ports import FolderSeen
from connectors.mailboxes.imap.errors import vendor_errors
from servers.processes import wait_until
from tests.adapters.imap_boxes import messages_in
from tests.adapters.imap_script import ScriptedFolder, ScriptedServer
from tests.adapters.imap_script_boxes import failure, inbox, read, source_on
from tests.contracts.mail_source import letter

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


# --- what is answered ------------------------------------------------------------------------------


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


def test_an_empty_mailbox_has_no_places_either() -> None:
    with source_on(ScriptedServer({"INBOX": ScriptedFolder()})) as source:
        assert source.check().folders == (FolderSeen("INBOX", 0, 0),)
        with pytest.raises(NoMailFound):
            list(source.places())


def test_errors_that_are_not_of_the_line_pass_through() -> None:
    for error in (ZeroDivisionError(), NoMailFound("none"), MemoryError()):
        with pytest.raises(type(error)), vendor_errors("mail.agency.example:993"):
            raise error
