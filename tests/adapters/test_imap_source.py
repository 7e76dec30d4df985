"""IMAP as a mail source: the contract on a real Dovecot, folders, cursors, identity, and what is never changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from capstone.domain.errors import SourceMissing
from capstone.domain.fixity import digest_of
from capstone.domain.message import ItemState, RefusedItem
from capstone.ports import MailSource
from capstone.usecases.capture import RunReport
from connectors.mailboxes.imap.reading import PART_BYTES
from servers.account import owned_file, owned_folder
from servers.dovecot import Dovecot
from tests.adapters.imap_boxes import Box, cursors_of, messages_in, ok, refused_in
from tests.contracts.mail_source import MailSourceContract, letter
from tests.fakes.archive import MemoryArchive
from tests.fakes.mail_source import Mail
from tests.services import running

pytestmark = pytest.mark.service


class TestContract(MailSourceContract):
    @pytest.fixture(autouse=True)
    def _box(self, dovecot: Dovecot) -> None:
        self.box = Box(dovecot)

    def source_with(self, mails: Sequence[Mail]) -> MailSource:
        self.box.fill(mails)
        return self.box.source()

    def emptied_source(self) -> MailSource:
        self.box.empty()
        return self.box.source()

    def missing_source(self) -> MailSource:
        return self.box.source("Nowhere")

    def traces(self) -> object:
        return self.box.traces()


# --- identity --------------------------------------------------------------------------------------

ODD = {
    "crlf": b"Subject: a\r\n\r\nbody\r\n",
    "lf": b"Subject: b\n\nbody\n",
    "mixed": b"Subject: c\r\n\nbody\r\n.\rbare return\n",
    "no_last_line_end": b"Subject: d\r\n\r\nbody",
    "nul": b"Subject: e\r\n\r\nbefore\0after\r\n",
    "eight_bit": b"Subject: \xe4\r\n\r\n\xff\xfe\x80\r\n",
    "only_header": b"Subject: f\r\n",
    "long_line": b"Subject: g\r\n\r\n" + b"x" * 2_000_000 + b"\r\n",
    "like_imap": b'Subject: h\r\n\r\n)\r\n* 3 FETCH (BODY[] {3}\r\nabc "\\\r\n',
}


def test_identity_is_what_the_server_gives_any_other_client(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    for number, (name, raw) in enumerate(ODD.items(), 1):
        deliver(box, f"{1577872800 + number}.{name}.host", raw)
    ours = [item.raw for item in messages_in(list(box.source().items({})))]
    assert ours == box.bodies("INBOX")
    assert len(ours) == len(ODD)


def test_a_file_without_bytes_is_quarantined_and_told_from_one_that_is_gone(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    deliver(box, "1577872800.empty.host", b"")
    deliver(box, "1577872801.letter.host", letter(1))
    items = list(box.source().items({}))
    assert [(item.state, item.code, item.raw) for item in refused_in(items)] == [(ItemState.QUARANTINED, "empty_item", b"")]
    assert [place.item_id for place in box.source().places()] == [item.occurrence.place.item_id for item in messages_in(items)]


def test_new_mail_stays_new_and_unseen(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    delivered = deliver(box, "1577872800.new.host", letter(1))
    assert len(messages_in(list(box.source().items({})))) == 1
    assert len(list(box.source().places())) == 1
    seen = [(folder.path, folder.messages, folder.left_out_by) for folder in box.source().check().folders]
    assert seen == [
        ("Archive", 0, None), ("Drafts", 0, "folder_drafts"), ("INBOX", 1, None), ("Junk", 0, None), ("Sent", 0, None),
        ("Trash", 0, None),
    ]  # fmt: skip
    assert delivered.exists()
    with box.line() as line:
        assert ok(line.status("INBOX", "(UNSEEN RECENT)")) == [b"INBOX (RECENT 1 UNSEEN 1)"]


def test_received_time_is_aware_and_flags_are_sorted_without_recent(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    with box.line() as line:
        ok(line.append("INBOX", "(\\Seen $Forwarded \\Answered)", '" 2-Jan-2020 23:30:00 -0530"', letter(1)))
        ok(line.append("INBOX", "", '"29-Feb-2004 00:00:00 +1400"', letter(2)))
    seen = [item.occurrence for item in messages_in(list(box.source().items({})))]
    assert [one.received_at for one in seen] == [datetime(2020, 1, 3, 5, tzinfo=UTC), datetime(2004, 2, 28, 10, tzinfo=UTC)]
    assert [one.flags for one in seen] == [("$Forwarded", "\\Answered", "\\Seen"), ()]


def test_a_message_of_many_parts_is_put_together_again(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    large = [letter(number, "line of text\r\n" * size) for number, size in ((1, 900_000), (2, 1), (3, 700_000))]
    exact = letter(4, "")
    exact += b"x" * (2 * PART_BYTES - len(exact))
    box.put("INBOX", *large, exact)
    ours = [item.raw for item in messages_in(list(box.source().items({})))]
    assert ours == [*large, exact] == box.bodies("INBOX")


# --- folders ---------------------------------------------------------------------------------------

NAMES = (
    "Entwürfe 2020",
    "a[b",
    "x]y",
    "NIL",
    "2019",
    "007",
    "R&D",
    "100%",
    'say "so"',
    "back\\slash",
    "日本語",
    "{12}",
    "*",
    "Ä/B/Ö",
    "(a)",
)


def test_every_folder_is_read_whatever_its_name(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.fill([Mail(name, letter(number)) for number, name in enumerate(NAMES, 1)])
    items = messages_in(list(box.source().items({})))
    assert {item.occurrence.place.folder for item in items} == set(NAMES)
    assert sorted(item.raw for item in items) == sorted(letter(number) for number in range(1, len(NAMES) + 1))
    assert list(box.source().items(cursors_of(items))) == []


def test_special_use_goes_before_the_name(server_folder: Path) -> None:
    marks = [f"mailbox {name} {{\n    special_use = \\{use}\n  }}" for name, use in (("Angefangen", "Drafts"), ("Raus", "Sent"))]
    uses = "namespace inbox {\n" + "\n".join(marks) + "\n}\n"
    with running(Dovecot(server_folder, extra=uses)) as server:
        box = Box(server)
        box.fill([Mail(name, letter(number)) for number, name in enumerate(("Angefangen", "Raus/2019", "Post"), 1)])
        items = list(box.source().items({}))
    assert [(item.place.folder, item.code) for item in refused_in(items)] == [("Angefangen", "folder_drafts")]
    assert [item.occurrence.is_sent for item in messages_in(items)] == [False, True]


@pytest.fixture
def dotted(server_folder: Path) -> Iterator[Dovecot]:
    """Levels parted by a dot, names that may hold a slash, and folders that belong to all."""
    public = server_folder / "public"
    extra = (
        "mail_plugins = listescape\n"
        "namespace public {\n  type = public\n  separator = .\n  prefix = Public.\n"
        f"  location = maildir:{public}:LAYOUT=fs:INDEX=MEMORY\n  list = yes\n  subscriptions = no\n}}\n"
    )
    with running(Dovecot(server_folder / "dotted", separator=".", extra=extra)) as server:
        owned_folder(public)
        for folder in ("Notices", "Notices/Old"):
            owned_folder(public / folder)
            for part in ("cur", "new", "tmp"):
                owned_folder(public / folder / part)
            (public / folder / "new" / "1577872800.notice.host").write_bytes(letter(len(folder)))
        yield server


def test_a_slash_in_a_name_does_not_look_like_a_level(dotted: Dovecot) -> None:
    box = Box(dotted)
    box.fill([Mail("A/B", letter(1)), Mail("A.B", letter(2)), Mail("A%2FB", letter(3)), Mail("Note/Drafts", letter(4))])
    items = list(box.source().items({}))
    found = {item.occurrence.place.folder: item.raw for item in messages_in(items)}
    assert found == {"A%2FB": letter(1), "A/B": letter(2), "A%252FB": letter(3), "Note%2FDrafts": letter(4)}
    assert len({name for name in cursors_of(items)}) == 4


def test_folders_of_others_are_read_only_when_named(dotted: Dovecot) -> None:
    box = Box(dotted)
    box.put("INBOX", letter(1))
    assert [item.occurrence.place.folder for item in messages_in(list(box.source().items({})))] == ["INBOX"]
    shared = messages_in(list(box.source("Public/Notices").items({})))
    assert [item.occurrence.place.folder for item in shared] == ["Public/Notices", "Public/Notices/Old"]


def test_named_folders_are_read_with_all_below_and_are_not_judged_themselves(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    names = ("Drafts", "Drafts/Outbox", "Projects", "Projects/Alpha", "Projects2", "INBOX")
    box.fill([Mail(name, letter(number)) for number, name in enumerate(names, 1)])
    items = list(box.source("Drafts", "Projects", "inbox").items({}))
    assert [item.occurrence.place.folder for item in messages_in(items)] == ["Drafts", "INBOX", "Projects", "Projects/Alpha"]
    assert [(item.place.folder, item.code) for item in refused_in(items)] == [("Drafts/Outbox", "folder_outbox")]
    with pytest.raises(SourceMissing) as caught:
        next(box.source("Projects", "Nowhere").items({}))
    assert caught.value.code == "E102"


# --- cursors ---------------------------------------------------------------------------------------


def test_the_next_run_reads_what_came_since_and_opens_no_unchanged_folder(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.fill([*[Mail("INBOX", letter(number)) for number in range(1, 6)], Mail("Sent", letter(6)), Mail("Drafts", letter(7))])
    first = list(box.source().items({}))
    kept = cursors_of(first)
    assert (len(first), len(kept)) == (7, 3)
    box.put("INBOX", letter(8))
    second = messages_in(list(box.source().items(kept)))
    assert [item.raw for item in second] == [letter(8)]
    assert list(box.source().items(kept | cursors_of(second))) == []


def test_a_renamed_folder_is_read_under_its_new_name(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.put("Plans", letter(1), letter(2))
    kept = cursors_of(list(box.source().items({})))
    box.rename("Plans", "Old plans")
    again = messages_in(list(box.source().items(kept)))
    assert [(item.occurrence.place.folder, item.raw) for item in again] == [("Old plans", letter(1)), ("Old plans", letter(2))]


def test_a_folder_made_anew_under_an_old_name_is_read_from_its_beginning(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.put("Plans", letter(1), letter(2), letter(3))
    first = list(box.source().items({}))
    with box.line() as line:
        ok(line.delete("Plans"))
    box.put("Plans", *[letter(number) for number in (4, 5, 6, 7, 8)])
    again = messages_in(list(box.source().items(cursors_of(first))))
    assert [item.raw for item in again] == [letter(number) for number in (4, 5, 6, 7, 8)]
    assert not {item.occurrence.place for item in messages_in(first)} & {item.occurrence.place for item in again}


def test_messages_that_go_between_two_runs_make_no_gap(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.put("INBOX", *[letter(number) for number in range(1, 7)])
    kept = cursors_of(list(box.source().items({})))
    box.delete("INBOX", 2, 5, 6)
    assert list(box.source().items(kept)) == []
    box.put("INBOX", letter(9), letter(10))
    box.delete("INBOX", 7)
    assert [item.raw for item in messages_in(list(box.source().items(kept)))] == [letter(10)]


def test_a_mailbox_whose_mail_is_all_gone_offers_nothing(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.put("INBOX", letter(1))
    kept = cursors_of(list(box.source().items({})))
    box.delete("INBOX", 1)
    assert list(box.source().items(kept)) == []


def test_uids_far_apart_are_all_read(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    uids = [*range(1, 31), 50_000, *range(2_000_000_000, 2_000_000_000 + 2_500), 3_999_999_999, 4_000_000_000]
    root = box.dovecot.mail_folder(box.user)
    names = [f"1577872800.M{uid}.host" for uid in uids]
    for uid, name in zip(uids, names, strict=True):
        owned_file(root / "cur" / f"{name}:2,", f"Subject: {uid}\r\n\r\nbody\r\n")
    rows = "".join(f"{uid} :{name}:2,\n" for uid, name in zip(uids, names, strict=True))
    owned_file(root / "dovecot-uidlist", f"3 V1577872800 N4000000001 G0123456789abcdef0123456789abcdef\n{rows}")
    items = list(box.source().items({}))
    assert [item.occurrence.place.item_id for item in messages_in(items)] == [f"1577872800:{uid}" for uid in uids]
    assert cursors_of(items)["INBOX"].startswith("1577872800:4000000000:4000000001:")
    middle = messages_in(list(box.source().items({"INBOX": "1577872800:2000000100"})))
    assert [item.occurrence.place.item_id for item in middle] == [f"1577872800:{uid}" for uid in uids if uid > 2_000_000_100]


def test_a_message_that_goes_while_it_is_listed_is_counted_as_gone(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.put("INBOX", *[letter(number, "x" * 3 * 1024 * 1024) for number in range(1, 11)])
    items = box.source().items({})
    taken = [next(items)]
    box.delete("INBOX", 8, 10)
    taken += list(items)
    gone = [(item.state, item.code, item.place.item_id.partition(":")[2]) for item in refused_in(taken)]
    assert gone == [(ItemState.EXCLUDED, "gone_at_source", uid) for uid in ("8", "10")]
    assert [item.raw for item in messages_in(taken)] == box.bodies("INBOX")
    assert cursors_of(taken)["INBOX"].split(":")[1:3] == ["10", "11"]


def test_a_folder_that_is_renamed_while_it_is_read_loses_nothing(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    box.put("Plans", *[letter(number, "x" * 3 * 1024 * 1024) for number in range(1, 11)])
    items = box.source().items({})
    taken = [next(items)]
    box.rename("Plans", "Old plans")
    taken += list(items)
    again = messages_in(list(box.source().items(cursors_of(taken))))
    offered = {item.raw for item in messages_in(taken)} | {item.raw for item in again}
    assert offered == set(box.bodies("Old plans"))
    assert not [item for item in taken if isinstance(item, RefusedItem) and item.state is ItemState.EXCLUDED]


# --- a whole capture -------------------------------------------------------------------------------


def test_captures_of_a_changing_mailbox_lose_nothing_and_double_nothing(dovecot: Dovecot) -> None:
    box, archive = Box(dovecot), MemoryArchive()
    box.fill([*[Mail("INBOX", letter(number)) for number in range(1, 8)], Mail("Plans", letter(8)), Mail("Drafts", letter(9))])
    first = archive.capture(box.source())
    assert (first.outcome, counts(first)) == ("complete", {"archived": 8, "excluded": 1})
    assert counts(archive.capture(box.source())) == {}
    box.rename("Plans", "Old plans")
    box.put("INBOX", letter(10), letter(3))
    box.delete("INBOX", 1, 8)
    third = archive.capture(box.source())
    assert (third.outcome, counts(third)) == ("complete", {"already_held": 2})
    box.put("INBOX", letter(11))
    assert counts(archive.capture(box.source())) == {"archived": 1}
    assert counts(archive.capture(box.source())) == {}
    held = {digest for _, _, digest in (entry.record_id.partition("/") for entry in archive.ledger.records.records())}
    assert {digest_of(raw) for folder in ("INBOX", "Old plans") for raw in box.bodies(folder)} <= held


def test_memory_stays_near_the_size_of_a_large_message(dovecot: Dovecot) -> None:
    box = Box(dovecot)
    size = 150 * 1024 * 1024
    deliver(box, "1577872800.large.host", b"Subject: large\r\n\r\n" + b"a line of text that is not short\r\n" * (size // 34))
    grown = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(dovecot.port), box.user],
        input=dovecot.password,
        capture_output=True,
        text=True,
        check=True,
    )
    read_bytes, peak_bytes = map(int, grown.stdout.split())
    assert read_bytes > 0.99 * size
    assert peak_bytes < 1.25 * read_bytes


_MEASURED = """
import sys
from pathlib import Path
from connectors.mailboxes.imap.source import ImapLogin, ImapServer, ImapSource


def peak():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


source = ImapSource("mail", ImapServer("127.0.0.1", int(sys.argv[1]), "none"), ImapLogin(sys.argv[2], sys.stdin.read()))
source.check()
before = peak()
(item,) = source.items({})
print(len(item.raw), peak() - before)
"""


def counts(report: RunReport) -> dict[str, int]:
    return {state: count for state, count in report.counts.items() if count and state != "offered"}


def deliver(box: Box, name: str, raw: bytes) -> Path:
    """As a delivery agent does: a file in `new`."""
    path = box.dovecot.mail_folder(box.user) / "new" / name
    path.write_bytes(raw)
    path.chmod(0o644)
    return path
