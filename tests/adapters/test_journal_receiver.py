"""The receiver: exact bytes, 250 only for what is kept, and nothing lost for a rule of the protocol."""

from __future__ import annotations

import smtplib
import ssl
import time
import tracemalloc
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.errors import BadSettings
from connectors.journal.receiver import tls_context
from servers.certificates import certificates_in
from tests.adapters.journal_line import Archive, Wire, receiving
from tests.journal_reports import original

MESSAGE = original()


def sent(archive: Archive, raw: bytes) -> bytes:
    """What arrived of bytes that were sent as they are, the dot of their end included."""
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin()
        wire.send(raw)
        assert wire.answer().startswith("250 ")
    return archive.received[-1].raw


def test_a_message_is_answered_once_it_is_kept() -> None:
    archive = Archive(answers=None)
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin(b"<a@agency.example>", b"<b@agency.example>", sender=b"<> SIZE=200 BODY=8BITMIME")
        wire.send(MESSAGE + b".\r\n")
        archive.arrived.acquire()
        archive.waiting[0].set_result(True)
        assert wire.answer().startswith("250 2.6.0 ")
    (delivered,) = archive.received
    assert (delivered.raw, delivered.sender) == (MESSAGE, None)
    assert (delivered.recipients, delivered.at.utcoffset() is not None) == (("a@agency.example", "b@agency.example"), True)


def test_what_is_not_kept_shall_come_again() -> None:
    archive = Archive(answers=False)
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin()
        wire.send(MESSAGE + b".\r\n")
        assert wire.answer().startswith("451 ")
    assert archive.counts == ["deferred"]


def test_a_sender_waits_only_so_long() -> None:
    archive = Archive(answers=None)
    with receiving(archive, wait_s=0.05) as running, Wire(running.port) as wire:
        wire.begin()
        wire.send(MESSAGE + b".\r\n")
        assert wire.answer().startswith("451 ")
        assert archive.waiting[0].cancelled()
    assert archive.counts == ["deferred"]


def test_a_fault_behind_is_no_reason_to_lose_mail() -> None:
    archive = Archive(answers=None)
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin()
        wire.send(MESSAGE + b".\r\n")
        archive.arrived.acquire()
        archive.waiting[0].set_exception(ValueError("x"))
        assert wire.answer().startswith("451 ")
        assert wire.say(b"NOOP")[0].startswith("250 ")


@pytest.mark.parametrize(
    ("on_the_wire", "raw"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n"),
        (b"x" * 300_000 + b"\r\n.\r\n", b"x" * 300_000 + b"\r\n"),
        (b"nul \0, bare \r and \n, 8 bit \xff\xfe\r\n.\r\n", b"nul \0, bare \r and \n, 8 bit \xff\xfe\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n"),
        (b"a\r.\rb\r\n.\r\n", b"a\r.\rb\r\n"),
        (b"a\r\n\r.\r\nb\r\n.\r\n", b"a\r\n\r.\r\nb\r\n"),
        (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n"),
        (b"a\r\n.\r\r\nb\r\n.\r\n", b"a\r\n\r\r\nb\r\n"),
    ],
)
def test_bytes_stay_and_only_one_end_is_an_end(on_the_wire: bytes, raw: bytes) -> None:
    assert sent(Archive(), on_the_wire) == raw


@given(st.lists(st.lists(st.sampled_from([b"\r", b"\n", b".", b"\0", b"\xe9", b"x"]), max_size=6).map(b"".join), max_size=6))
def test_whatever_a_client_sends_is_what_arrives(lines: list[bytes]) -> None:
    raw = b"\r\n".join([*lines, b""])
    wire_form = b"\r\n".join((b"." + line if line.startswith(b".") else line) for line in raw.split(b"\r\n"))
    assert sent(Archive(), wire_form + b".\r\n") == raw


def test_pieces_of_any_size_make_the_same_message() -> None:
    archive = Archive()
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin()
        for one in b"a\r\n..\r\n.\r\n":
            wire.send(bytes([one]))
        assert wire.answer().startswith("250 ")
    assert archive.received[0].raw == b"a\r\n.\r\n"


def test_commands_may_follow_the_message_at_once() -> None:
    archive = Archive()
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin()
        again = b"MAIL FROM:<t@x.example>\r\nRCPT TO:<j@x.example>\r\nDATA\r\n"
        wire.send(b"one\r\n.\r\n" + again)
        assert [wire.answer()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        wire.send(b"two\r\n.\r\nQUIT\r\n")
        assert [wire.answer()[:3] for _ in range(2)] == ["250", "221"]
    assert [(one.raw, one.sender) for one in archive.received] == [(b"one\r\n", "s@x.example"), (b"two\r\n", "t@x.example")]


def test_what_it_can_is_said_at_the_start() -> None:
    with receiving(Archive(), size_limit_bytes=1234) as running, Wire(running.port) as wire:
        said = wire.greet().replace("250-", "").replace("250 ", "").split("\r\n")
    assert {"SIZE 1234", "8BITMIME", "SMTPUTF8", "PIPELINING"} <= set(said)
    assert not [one for one in said if one.startswith(("AUTH", "STARTTLS"))]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (b"<>", None),
        (b"<a..b@x.example>", "a..b@x.example"),
        (b'<"odd > one"@x.example>', '"odd > one"@x.example'),
        (b"<IMCEAEX-_O=A_OU=B_CN=C@x.example>", "IMCEAEX-_O=A_OU=B_CN=C@x.example"),
        (b"<@relay.example:a@x.example>", "a@x.example"),
        ("<jürgen@müller.example> SMTPUTF8".encode(), "jürgen@müller.example"),
        (b"<a@x.example> BODY=BINARYMIME AUTH=<> RET=HDRS ENVID=1 XOORG=x.example REQUIRETLS SIZE=", "a@x.example"),
        (b"<caf\xe9@x.example>", "caf\ufffd@x.example"),
        (b"a@x.example", "a@x.example"),
        (b"<IMCEAEX-" + b"x" * 30_000 + b"@x.example>", "IMCEAEX-" + "x" * 30_000 + "@x.example"),
    ],
)
def test_any_address_is_taken_whatever_parameters_follow_it(path: bytes, address: str | None) -> None:
    archive = Archive()
    with receiving(archive) as running, Wire(running.port) as wire:
        wire.begin(b"<j@x.example>", b"<j@x.example>" if path == b"<>" else path, sender=path)
        wire.send(b"x\r\n.\r\n")
        assert wire.answer().startswith("250 ")
    assert archive.received[0].sender == address
    assert archive.received[0].recipients[1] == (address or "j@x.example")


def test_mail_over_the_limit_is_refused_for_good_and_counted() -> None:
    archive = Archive()
    with receiving(archive, size_limit_bytes=1000) as running, Wire(running.port) as wire:
        wire.greet()
        for path in (b"<s@x.example>", b"s@x.example"):
            assert wire.say(b"MAIL FROM:" + path + b" SIZE=1001")[0].startswith("552 5.3.4 ")
        for size, answer in ((998, "250"), (999, "552"), (500_000, "552")):
            assert [one[:3] for one in wire.say(b"MAIL FROM:<s@x.example>", b"RCPT TO:<j@x.example>", b"DATA")][-1] == "354"
            wire.send(b"x" * size + b"\r\n.\r\n")
            assert wire.answer()[:3] == answer
        # dots added on the way are no part of the message
        wire.say(b"MAIL FROM:<s@x.example>", b"RCPT TO:<j@x.example>", b"DATA")
        wire.send(b"..\r\n" * 5 + b"x" * 983 + b"\r\n.\r\n")
        assert wire.answer()[:3] == "250"
    assert archive.counts == ["refused_size"] * 4
    assert [len(one.raw) for one in archive.received] == [1000, 1000]


def test_too_much_at_a_time_shall_come_again() -> None:
    archive = Archive(answers=None)
    with receiving(archive, most_held_bytes=1500) as running, Wire(running.port) as first, Wire(running.port) as second:
        first.begin()
        first.send(b"x" * 1000 + b"\r\n.\r\n")
        archive.arrived.acquire()
        second.begin()
        second.send(b"x" * 1000 + b"\r\n.\r\n")
        assert second.answer().startswith("452 ")
        archive.waiting[0].set_result(True)
        assert first.answer().startswith("250 ")
        second.say(b"MAIL FROM:<s@x.example>", b"RCPT TO:<j@x.example>", b"DATA")
        second.send(b"x" * 1000 + b"\r\n.\r\n")
        archive.arrived.acquire()
        archive.waiting[1].set_result(True)
        assert second.answer().startswith("250 ")
    assert archive.counts == ["deferred"]


@pytest.mark.parametrize("line", [b"x" * 998 + b"\r\n", b".." + b"x" * 996 + b"\r\n"])
def test_a_message_is_never_in_memory_more_than_twice(line: bytes) -> None:
    number = 10_000
    with receiving(Archive()) as running, Wire(running.port) as wire:
        wire.begin()
        tracemalloc.start()
        try:
            for _ in range(number):
                wire.send(line)
            wire.send(b".\r\n")
            assert wire.answer().startswith("250 ")
            assert tracemalloc.get_traced_memory()[1] < 2.5 * number * len(line)
        finally:
            tracemalloc.stop()


def test_a_peer_that_is_not_allowed_is_refused_and_counted() -> None:
    archive = Archive()
    with receiving(archive, allowed_peers=(ip_network("10.0.0.0/8"),)) as running, Wire(running.port) as wire:
        assert wire.answer().startswith("554 ")
        assert wire.answer() == ""
    assert archive.counts == ["refused_peer"]


def test_a_peer_by_ipv6_is_known_by_its_address() -> None:
    archive = Archive()
    with receiving(archive, host="::1", allowed_peers=(ip_network("::1"),)) as running, Wire(running.port, "::1") as wire:
        assert wire.greet().startswith("250")


def test_more_connections_than_allowed_shall_come_again() -> None:
    archive = Archive()
    with receiving(archive, sessions=1) as running:
        with Wire(running.port) as first:
            first.greet()
            with Wire(running.port) as second:
                assert second.answer().startswith("421 ")
            assert first.say(b"QUIT")[0].startswith("221 ")
            assert first.answer() == ""
        with Wire(running.port) as third:
            third.greet()
    assert archive.counts == ["refused_sessions"]


def test_a_silent_peer_is_let_go_and_a_slow_one_is_not() -> None:
    archive = Archive()
    with receiving(archive, idle_s=0.4, wait_s=0.1) as running, Wire(running.port) as silent, Wire(running.port) as slow:
        silent.greet()
        slow.begin()
        while not silent.closes_within(0.1):
            slow.send(b"x")
        slow.send(b"\r\n.\r\n")
        assert slow.answer().startswith("250 ")


def test_a_line_that_breaks_in_the_middle_keeps_nothing() -> None:
    archive = Archive()
    with receiving(archive) as running:
        with Wire(running.port) as wire:
            wire.begin()
            wire.send(MESSAGE)
        with Wire(running.port) as wire:
            wire.begin()
            wire.send(b"x\r\n.\r\n")
            assert wire.answer().startswith("250 ")
    assert [one.raw for one in archive.received] == [b"x\r\n"]


def test_lmtp_answers_for_each_recipient() -> None:
    archive = Archive()
    with receiving(archive, is_lmtp=True) as running, Wire(running.port) as wire:
        wire.begin(b"<a@x.example>", b"<b@x.example>", word=b"LHLO")
        wire.send(MESSAGE + b".\r\n")
        assert [wire.answer()[:3] for _ in range(2)] == ["250", "250"]
        assert wire.say(b"EHLO x")[0].startswith("500 ")
    assert archive.received[0].recipients == ("a@x.example", "b@x.example")


def test_stopping_answers_who_waits_and_sends_the_others_away() -> None:
    archive = Archive(answers=None)
    with receiving(archive) as running, Wire(running.port) as waits, Wire(running.port) as idle, Wire(running.port) as half:
        idle.greet()
        half.begin()
        half.send(b"half of it")
        waits.begin()
        waits.send(MESSAGE + b".\r\n")
        archive.arrived.acquire()
        stopped = running.begin_stop()
        assert [idle.answer()[:3], idle.answer()] == ["421", ""]
        assert half.answer()[:3] == "421"
        archive.waiting[0].set_result(True)
        assert [waits.answer()[:3], waits.answer()[:3]] == ["250", "421"]
        stopped()
        with pytest.raises(ConnectionRefusedError):
            Wire(running.port)


def test_starttls_hides_what_follows_and_who_does_not_begin_it_may_come_again(server_folder: Path) -> None:
    made = certificates_in(server_folder / "tls")
    archive = Archive()
    context = ssl.create_default_context(cafile=str(made.ca_file))
    with receiving(archive, tls=tls_context(made.certificate, made.key), require_tls=True) as running:
        with Wire(running.port) as plain:
            assert "STARTTLS" in plain.greet()
            assert plain.say(b"MAIL FROM:<s@x.example>")[0].startswith("451 ")
        assert archive.counts == ["deferred"]
        with smtplib.SMTP("127.0.0.1", running.port) as client:
            client.starttls(context=context)
            client.ehlo()
            assert not client.has_extn("auth")
            client.sendmail("s@x.example", ["j@x.example"], MESSAGE + b"x" * 200_000 + b"\r\n")
    assert archive.received[0].raw == MESSAGE + b"x" * 200_000 + b"\r\n"


def test_a_client_that_does_not_speak_tls_is_dropped(server_folder: Path) -> None:
    made = certificates_in(server_folder / "tls")
    with receiving(Archive(), tls=tls_context(made.certificate, made.key)) as running:
        with Wire(running.port) as wire:
            wire.greet()
            wire.send(b"STARTTLS\r\n")
            assert wire.answer().startswith("220 ")
            wire.send(b"MAIL FROM:<s@x.example>\r\n")
            assert not wire.answer().startswith("250")
        with Wire(running.port) as wire:
            wire.greet()


def test_a_client_that_falls_silent_in_the_handshake_keeps_no_place(server_folder: Path) -> None:
    made = certificates_in(server_folder / "tls")
    context = tls_context(made.certificate, made.key)
    with receiving(Archive(), tls=context, sessions=1, idle_s=0.3, wait_s=0.1) as running:
        with Wire(running.port) as wire:
            wire.greet()
            assert wire.say(b"STARTTLS")[0].startswith("220 ")
            assert wire.closes_within(5)
        with Wire(running.port) as wire:
            assert wire.greet().startswith("250")


def test_a_handshake_does_not_delay_the_end(server_folder: Path) -> None:
    made = certificates_in(server_folder / "tls")
    with receiving(Archive(), tls=tls_context(made.certificate, made.key), wait_s=15) as running, Wire(running.port) as wire:
        wire.greet()
        assert wire.say(b"STARTTLS")[0].startswith("220 ")
        begun = time.monotonic()
        running.stop()
        assert time.monotonic() - begun < 10


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(BadSettings):
        tls_context(tmp_path / "x", tmp_path / "x")


def test_a_port_that_is_taken_is_named() -> None:
    with receiving(Archive()) as running, pytest.raises(BadSettings), receiving(Archive(), port=running.port):
        pass
