"""Hostile and broken mail, files and registers: each is a named error, a listed problem or in quarantine; no byte is lost."""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.measured import measure
from tests.e2e.conftest import OFFICIALS, CommandLine
from tests.e2e.in_process import InProcess

SENT = b"Date: Mon, 03 Feb 2020 10:00:00 -0500"
SENT_DAY = "2020-02-03"
RECEIVED = b"Received: from mx.agency.example by mail.agency.example; Mon, 3 Feb 2020 15:00:05 +0000"
MULTIPART = b'Content-Type: multipart/mixed; boundary="b0"'
PLAIN_PART = b"--b0\r\nContent-Type: text/plain\r\n\r\nThe beginning of a letter.\r\n"


def letter(
    *more: bytes, date: bytes = SENT, message_id: bytes = b"Message-ID: <one@agency.example>", body: bytes = b"Hello.\r\n"
) -> bytes:
    """A message with CRLF line ends; an empty header line is left out."""
    fixed = (b"From: Ada Brook <director@agency.example>", b"To: staff@agency.example", b"Subject: Hello", date, message_id)
    return b"\r\n".join([*(line for line in (*fixed, *more) if line), b"", b""]) + body


def nested_multiparts(depth: int) -> bytes:
    opened = [b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (level, level + 1) for level in range(depth)]
    closed = [b"--b%d--\r\n" % level for level in range(depth, -1, -1)]
    return b"".join([*opened, b"--b%d\r\n\r\ninnermost\r\n" % depth, *closed])


@dataclass(frozen=True)
class Case:
    """A message, the problems that `show` lists, and the day and reason of its class; without a day it is unscheduled."""

    raw: bytes
    problems: tuple[str, ...] = ()
    day: str | None = SENT_DAY
    source: str | None = "header"
    flags: tuple[str, ...] = ()


CASES = {
    "sound": Case(letter()),
    "nul_in_a_header": Case(letter(b"X-Note: a\0b"), ("nul_in_header",)),
    "eight_bit_header": Case(letter(b"X-Note: Gr\xfc\xdfe"), ("eight_bit_header",)),
    "nul_and_eight_bit_in_the_sender": Case(
        letter().replace(b"Ada Brook", b"\xc5da\0 Br\xf6k"), ("nul_in_header", "eight_bit_header")
    ),
    "no_date": Case(letter(date=b""), ("no_date",), None, None),
    "impossible_date": Case(letter(date=b"Date: Mon, 31 Feb 2020 25:61:00 -0500"), ("malformed_date",), None, None),
    "impossible_date_with_a_trace": Case(
        letter(RECEIVED, date=b"Date: Mon, 31 Feb 2020 25:61:00 -0500"), ("malformed_date",), SENT_DAY, "trace"
    ),
    "year_1904": Case(letter(date=b"Date: Fri, 01 Jan 1904 00:00:00 +0000"), ("date_implausible",), None, None),
    "year_1904_with_a_trace": Case(
        letter(RECEIVED, date=b"Date: Fri, 01 Jan 1904 00:00:00 +0000"), ("date_implausible",), SENT_DAY, "trace"
    ),
    "year_2099": Case(letter(date=b"Date: Thu, 01 Jan 2099 00:00:00 +0000"), (), None, None, ("header_date_not_usable",)),
    "year_2099_with_a_trace": Case(
        letter(RECEIVED, date=b"Date: Thu, 01 Jan 2099 00:00:00 +0000"), (), SENT_DAY, "trace", ("header_date_not_usable",)
    ),
    "no_message_id": Case(letter(message_id=b""), ("no_message_id",)),
    "doubled_message_id": Case(letter(b"Message-ID: <two@agency.example>"), ("doubled_message_id",)),
    "ten_thousand_nested_multiparts": Case(letter(MULTIPART, body=nested_multiparts(10_000)), ("nested_too_deep",)),
    "too_deep_for_the_rest_of_it": Case(letter(MULTIPART, body=nested_multiparts(150)), ("nested_too_deep",)),
    "ten_thousand_nested_messages": Case(
        letter(b"Content-Type: message/rfc822", body=b"Content-Type: message/rfc822\r\n\r\n" * 10_000 + b"Subject: in\r\n\r\nin"),
        ("nested_too_deep",),
    ),
    "hundred_thousand_header_lines": Case(letter(*(b"X-%d: v" % number for number in range(100_000))), ("too_many_headers",)),
    "unknown_charset": Case(letter(b"Content-Type: text/plain; charset=klingon-8", body=b"nuq \xe4\r\n"), ("unknown_charset",)),
    "unknown_charset_in_an_encoded_word": Case(
        letter().replace(b"Subject: Hello", b"Subject: =?klingon-8?Q?nuq=E4?="), ("malformed_encoded_word",)
    ),
    "unknown_transfer_encoding": Case(letter(b"Content-Transfer-Encoding: x-uu99"), ("unknown_transfer_encoding",)),
    "broken_base64": Case(letter(b"Content-Transfer-Encoding: base64", body=b"!!!!####\r\n"), ("broken_transfer_encoding",)),
    "truncated_multipart": Case(letter(MULTIPART, body=PLAIN_PART), ("truncated_multipart",)),
    "stray_cr_in_the_header": Case(letter(b"X-One: 1\rX-Two: 2"), ("mixed_line_ends",)),
    "cr_alone": Case(letter().replace(b"\r\n", b"\r"), ("bare_cr_line_ends",)),
    "mixed_line_ends_in_the_body": Case(letter(body=b"one\ntwo\r\nthree\rfour")),
    "bytes_that_are_no_mail": Case(
        b"\x00\x01\x02 this is no mail",
        ("nul_in_header", "no_header", "no_message_id", "no_date", "no_from", "no_recipients", "no_subject"), None, None,
    ),
}  # fmt: skip


def problems_of(told: dict[str, Any]) -> tuple[str, ...]:
    return tuple(problem["code"] for problem in told["facts"]["problems"])


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """All cases in one archive, imported by one process."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "mail").mkdir()
    for name, case in CASES.items():
        (folder / "mail" / f"{name}.eml").write_bytes(case.raw)
    archive = InProcess(CommandLine(folder / "home").prepare())
    told = archive.line.json("import", folder / "mail", "--account", "director")
    assert (told["offered"], told["archived"], told["failed"]) == (len(CASES), len(CASES), 0)
    assert told["index"] == {"indexed": len(CASES), "failed": 0, "pending": 0}
    return archive


@pytest.mark.parametrize("name", CASES)
def test_a_broken_message_is_archived_byte_for_byte_and_its_problems_are_listed(bad: InProcess, name: str) -> None:
    case = CASES[name]
    assert bad.stored(case.raw) == case.raw
    told = bad.show(case.raw)
    assert problems_of(told) == case.problems
    decided = told["classification"]
    expected = ("permanent", "capstone_official") if case.day else ("unscheduled", "no_usable_date")
    assert (decided["record_class"], decided["reason"], decided.get("date_source")) == (*expected, case.source)
    assert decided.get("message_date", "")[:10] == (case.day or "")
    flags = set(decided.get("flags", ())) - {"cutoff_open"}
    assert flags == set(case.flags)


def test_broken_messages_are_found_by_account_and_counted_where_they_were_not_read(bad: InProcess) -> None:
    code, found = bad.ask("search", "*", "--limit", "0")
    assert (code, found["total"]) == (0, len(CASES))
    assert found["coverage"]["not_fully_searchable"] == {"headers_only": 2, "cut_off": 1}
    assert bad.ask("verify")[1]["checked"] == len(CASES)


# --- files -----------------------------------------------------------------------------------------

SEPARATOR = b"From ada@agency.example Mon Feb  3 10:00:00 2020"
BODY_WITH_FROM_LINES = (
    b"Dear all,\n" + SEPARATOR + b"\n"  # no empty line before it
    b"\nFrom the start it was clear: we meet at 10 or never\n\n>From here on all is quoted\n\nFrom \n"  # no date
)


def with_lf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n")


QUOTING = with_lf(letter()) + BODY_WITH_FROM_LINES
IN_CRLF = letter(message_id=b"Message-ID: <crlf@agency.example>")
IN_LF = with_lf(letter(message_id=b"Message-ID: <lf@agency.example>"))
CUT_OFF = with_lf(letter(MULTIPART, message_id=b"Message-ID: <cut@agency.example>", body=PLAIN_PART + encodebytes(b"x" * 90)))[
    :-7
]


@pytest.fixture
def archive_in_process(capstone: CommandLine) -> InProcess:
    return InProcess(capstone).prepare()


def test_an_mbox_with_from_lines_in_bodies_mixed_line_ends_and_a_cut_end_loses_nothing(
    archive_in_process: InProcess, tmp_path: Path
) -> None:
    box = tmp_path / "box.mbox"
    box.write_bytes(
        SEPARATOR + b"\n" + QUOTING + b"\n" + SEPARATOR + b"\r\n" + IN_CRLF + b"\r\n" + SEPARATOR + b"\n" + IN_LF + b"\n"
        + SEPARATOR + b"\n" + CUT_OFF
    )  # fmt: skip
    code, told = archive_in_process.ask("import", box, "--account", "director")
    assert (code, told["offered"], told["archived"]) == (0, 4, 4)
    for raw, problems in ((QUOTING, ()), (IN_CRLF, ()), (IN_LF, ()), (CUT_OFF, ("truncated_multipart",))):
        assert archive_in_process.stored(raw) == raw
        shown = archive_in_process.show(raw)
        assert problems_of(shown) == problems
        assert shown["occurrences"][0]["from_line_at"][:10] == SENT_DAY


def test_an_mbox_that_ends_in_a_separator_has_an_empty_item_in_quarantine(archive_in_process: InProcess, tmp_path: Path) -> None:
    box = tmp_path / "box.mbox"
    box.write_bytes(SEPARATOR + b"\n" + IN_LF + b"\n" + SEPARATOR + b"\n")
    code, told = archive_in_process.ask("import", box, "--account", "director")
    assert (code, told["offered"], told["archived"], told["quarantined"]) == (1, 2, 1, 1)
    assert archive_in_process.stored(IN_LF) == IN_LF


def test_an_mbox_message_without_any_other_date_is_dated_by_its_separator(archive_in_process: InProcess, tmp_path: Path) -> None:
    raw = with_lf(letter(date=b"Date: yesterday"))
    (tmp_path / "box.mbox").write_bytes(SEPARATOR + b"\n" + raw)
    archive_in_process.ask("import", tmp_path / "box.mbox", "--account", "director")
    told = archive_in_process.show(raw)
    assert problems_of(told) == ("malformed_date",)
    assert (told["classification"]["date_source"], told["classification"]["record_class"]) == ("from_line", "permanent")


def test_an_empty_file_is_in_quarantine_and_said_so(archive_in_process: InProcess, tmp_path: Path) -> None:
    (tmp_path / "empty.eml").write_bytes(b"")
    code, told = archive_in_process.ask("import", tmp_path / "empty.eml", "--account", "director")
    assert (code, told["offered"], told["quarantined"]) == (1, 1, 1)
    (item,) = archive_in_process.ask("quarantine", "list")[1]["items"]
    assert (item["code"], item["size_bytes"]) == ("empty_item", 0)


@pytest.mark.parametrize("names", [(), ("notes.txt", "picture.png")])
def test_a_folder_without_mail_is_a_named_error(archive_in_process: InProcess, tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"{no mail}")
    code, told = archive_in_process.ask("import", folder, "--account", "director")
    assert (code, told["error"]["code"]) == (3, "E103")
    assert archive_in_process.ask("status")[1]["totals"]["messages"] == 0


def lines_of_base64(size_bytes: int) -> Iterator[bytes]:
    block = encodebytes(Random(1).randbytes(57 * 4096))
    for _ in range(size_bytes // len(block) + 1):
        yield block


def lines_of_text(size_bytes: int) -> Iterator[bytes]:
    block = b"A short line of text.\n" * 4096
    for _ in range(size_bytes // len(block) + 1):
        yield block


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "headers"),
    [
        (lines_of_base64, b'Content-Type: application/zip; name="a.zip"\nContent-Transfer-Encoding: base64'),
        (lines_of_text, b"Content-Type: text/plain; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("is_multipart", [True, False])
def test_a_message_of_150_mb_takes_less_than_six_times_its_size_of_memory(
    archive: CommandLine, tmp_path: Path, lines: Any, headers: bytes, is_multipart: bool
) -> None:
    size = 150_000_000
    file = tmp_path / "large.eml"
    with file.open("wb") as out:
        if is_multipart:
            out.write(with_lf(letter(MULTIPART, body=PLAIN_PART)) + b"--b0\n" + headers + b"\n\n")
        else:
            out.write(with_lf(letter(headers, body=b"")))
        out.writelines(lines(size))
        out.write(b"--b0--\n" if is_multipart else b"")
    took = measure(archive.command("import", file, "--account", "director"), archive.environment)
    assert took.peak_bytes < 6 * size, f"{took.peak_bytes / size:.1f} times"
    (stored,) = (archive.home / "store" / "objects" / "records").rglob("*.eml")
    with file.open("rb") as one, stored.open("rb") as other:
        assert hashlib.file_digest(one, "sha256").hexdigest() == hashlib.file_digest(other, "sha256").hexdigest() == stored.stem
    assert archive.json("search", "hello OR beginning")["total"] == 1
    file.unlink()
    stored.unlink()


# --- the officials file ----------------------------------------------------------------------------

HEADER, ADA, BEN = OFFICIALS.splitlines()
OPEN = "1990-01-01,,"

BAD_REGISTERS: dict[str, tuple[bytes, str]] = {
    "reversed interval": ("\n".join([HEADER, ADA.replace(OPEN, "2000-01-01,1999-12-31,")]).encode(), "row 2"),
    "two open intervals of one role": ("\n".join([HEADER, ADA, ADA.replace(OPEN, "2000-01-01,,")]).encode(), "rows 2, 3"),
    "unknown category": ("\n".join([HEADER, ADA.replace("Director,1,", "Director,11,")]).encode(), "'11'"),
    "an address in two accounts at once": (
        "\n".join([HEADER, ADA, BEN.replace("analyst@agency", "director@agency")]).encode(), "director@agency.example",
    ),
    "UTF-16 that does not say so": (OFFICIALS.encode("utf-16-le"), "UTF-8"),
    "UTF-16 cut in the middle of a letter": (OFFICIALS.encode("utf-16")[:-1], "UTF-16"),
    "tabs": (OFFICIALS.replace(",", "\t").encode("utf-16"), "tabs"),
    "a spreadsheet's number of a day": (OFFICIALS.replace("1990-01-01", "32874").encode(), "from: '32874'"),
    "a formula": (OFFICIALS.replace("Front Office", "=1+1").encode(), "office: begins with '='"),
    "Latin-1": (OFFICIALS.replace("Ada Brook", "Åda Brök").encode("latin-1"), "line 2"),
    "missing columns": ("\n".join([HEADER.replace(",category", ",rank"), ADA]).encode(), "category"),
    "semicolons": (OFFICIALS.replace(",", ";").encode(), "semicolons"),
    "empty": (b"", "empty"),
    "not a date": ("\n".join([HEADER, ADA.replace("1990-01-01", "01/01/1990")]).encode(), "01/01/1990"),
}  # fmt: skip


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    return InProcess(CommandLine(tmp_path_factory.mktemp("register") / "home")).prepare()


@pytest.mark.parametrize("name", BAD_REGISTERS)
def test_a_bad_officials_file_is_a_named_error_that_says_where_and_changes_nothing(
    registered: InProcess, tmp_path: Path, name: str
) -> None:
    data, where = BAD_REGISTERS[name]
    before = registered.ask("officials", "list")
    file = tmp_path / "officials.csv"
    file.write_bytes(data)
    code, told = registered.ask("officials", "import", file)
    assert (code, told["error"]["code"]) == (3, "E004")
    assert where in told["error"]["message"]
    assert "Nothing was imported" in told["error"]["message"]
    assert registered.ask("officials", "list") == before


def test_contradictions_with_the_register_in_force_are_found_too(registered: InProcess, tmp_path: Path) -> None:
    for row in (ADA.replace(OPEN, "2000-01-01,,"), BEN.replace("analyst,analyst@", "other,director@")):
        (tmp_path / "officials.csv").write_text(f"{HEADER}\n{row}\n")
        code, told = registered.ask("officials", "import", tmp_path / "officials.csv")
        assert (code, told["error"]["code"]) == (3, "E004")


def test_overlaps_of_different_roles_are_lawful_and_listed(archive_in_process: InProcess, tmp_path: Path) -> None:
    acting = ADA.replace(",Director,1,", ",Deputy,2,").replace(OPEN, "2015-01-01,2015-12-31,")
    (tmp_path / "officials.csv").write_text(f"{HEADER}\n{ADA}\n{acting}\n")
    code, told = archive_in_process.ask("officials", "import", tmp_path / "officials.csv")
    assert (code, told["added"]) == (0, 1)
    assert any("two roles at once" in str(warning) for warning in told["warnings"])
