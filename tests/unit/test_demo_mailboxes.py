from __future__ import annotations

import mailbox
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from connectors.demo.attachments import attachment
from connectors.demo.mailboxes import Item, empty_folders, lay_out
from connectors.demo.oddities import oddities

NOON = datetime(2020, 3, 4, 12, 0, tzinfo=UTC)


def items(*folders: str) -> list[Item]:
    return [Item(folder, NOON + timedelta(hours=n), f"Subject: {n}\n\nbody {n}\n".encode()) for n, folder in enumerate(folders)]


def on_disk(root: Path, kind: str, things: list[Item]) -> Path:
    files = lay_out(kind, "desk", things)
    for folder in empty_folders(kind, files):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(raw)
    return root


def test_a_maildir_is_one_that_others_can_read(tmp_path: Path) -> None:
    box = mailbox.Maildir(on_disk(tmp_path, "maildir", items("Inbox", "Inbox", "Sent", "Projects/Rulemaking")), create=False)
    assert sorted(box.list_folders()) == ["Projects.Rulemaking", "Sent"]
    assert [box.get_folder("Sent")[key]["Subject"] for key in box.get_folder("Sent").iterkeys()] == ["2"]
    assert sorted(message["Subject"] for message in box) == ["0", "1"]


def test_the_newest_mail_of_a_maildir_is_unread() -> None:
    files = lay_out("maildir", "desk", items("Inbox", "Inbox", "Sent"))
    assert [name.split("/")[0] for name in files] == ["cur", "new", ".Sent"]
    assert ":2," not in next(name for name in files if name.startswith("new/"))


def test_drafts_carry_the_draft_flag() -> None:
    assert all(name.endswith(":2,DS") for name in lay_out("maildir", "desk", items("Drafts")))


@pytest.mark.parametrize("kind", ["mbox", "single-mbox"])
def test_an_mbox_gives_back_the_bytes_of_each_message(tmp_path: Path, kind: str) -> None:
    things = items("Inbox", "Inbox", "Inbox")
    root = on_disk(tmp_path, kind, things)
    box = mailbox.mbox(next(root.iterdir()), create=False)
    assert [box.get_bytes(key) for key in box.iterkeys()] == [item.raw for item in things]
    box.close()


def test_eml_files_have_crlf_and_other_files_keep_their_name_and_bytes() -> None:
    files = lay_out("eml", "desk", [*items("Inbox"), Item("Inbox", NOON, b"a,b\n1,2\n", "list.csv")])
    assert files == {"Inbox/2020-03-04-0001.eml": b"Subject: 0\r\n\r\nbody 0\r\n", "Inbox/list.csv": b"a,b\n1,2\n"}


def test_an_unknown_kind_of_mailbox_is_an_error() -> None:
    with pytest.raises(KeyError):
        lay_out("papyrus", "desk", [])


@pytest.mark.parametrize(("name", "magic"), [("a.pdf", b"%PDF-1.4"), ("a.xlsx", b"PK\x03\x04"), ("a.png", b"\x89PNG\r\n")])
def test_attachments_look_like_what_they_claim(name: str, magic: bytes) -> None:
    assert attachment(name, "Budget (Q1) & more")[1].startswith(magic)
    assert attachment(name, "x") == attachment(name, "x")


def test_each_oddity_is_odd_in_the_way_its_name_says() -> None:
    raw = {oddity.name: oddity.raw for oddity in oddities()}
    assert message_from_bytes(raw["no-date"])["Date"] is None
    assert "1904" in message_from_bytes(raw["date-1904"])["Date"]
    assert "2099" in message_from_bytes(raw["date-2099"])["Date"]
    assert message_from_bytes(raw["no-message-id"])["Message-ID"] is None
    assert len(message_from_bytes(raw["two-message-ids"]).get_all("Message-ID", [])) == 2
    assert message_from_bytes(raw["shared-id-1"])["Message-ID"] == message_from_bytes(raw["shared-id-2"])["Message-ID"]
    assert [type(defect).__name__ for defect in message_from_bytes(raw["truncated-multipart"]).defects] == [
        "CloseBoundaryNotFoundDefect"
    ]
    assert raw["nul-bytes"].split(b"\n\n")[0].count(b"\x00") == 1
    assert any(byte > 127 for byte in raw["eight-bit-headers"].split(b"\n\n")[0])
    assert b"\r\n" in raw["mixed-line-ends"]
    assert b"\n\nFrom " in raw["from-lines-in-body"]
    assert raw["empty-file"] == b""
    assert not raw["phone-list.csv"].startswith(b"From")
    assert b"charset=x-agency-7" in raw["unknown-charset"]


def test_no_oddity_lies_in_an_account_that_the_agency_does_not_have() -> None:
    from connectors.demo.people import load_agency

    assert {oddity.account for oddity in oddities()} <= {account.id for account in load_agency().accounts}
