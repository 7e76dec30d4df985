"""Public PSTs and OSTs of forms that the corpus lacks: ANSI, large pages, and the mailbox of which the corpus has the mail."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from email.message import Message
from pathlib import Path

import pytest

from capstone.domain.message import ItemState, OfferedItem, OfferedMessage, RefusedItem, SourceNote
from connectors.mailboxes.files.source import FileSource
from servers.public_psts import ANSI, MAILBOX, OSTS, public_psts
from tests.corpus import corpus_root
from tests.services import needed_programs

pytestmark = pytest.mark.corpus
NO_SENDER = "<MAILER-DAEMON>"
"""What libpst, which made the corpus's files, writes where an item names no sender."""
FIELDS = ("Date", "Message-ID", "Subject", "From", "To", "Cc", "X-Folder")


@pytest.fixture(scope="module")
def samples() -> dict[str, Path]:
    with needed_programs():
        return public_psts()


def offered(path: Path) -> tuple[list[OfferedItem], SourceNote]:
    """What the file offers, drafts too, and what is said of it."""
    source = FileSource("disk", [path], excludes=lambda _folder: None)
    items = list(source.items({}))
    (note,) = source.notes()
    return items, note


def messages(items: list[OfferedItem]) -> list[Message]:
    return [
        email.message_from_bytes(item.raw, policy=email.policy.compat32) for item in items if isinstance(item, OfferedMessage)
    ]


def test_an_ansi_pst_is_read(samples: dict[str, Path]) -> None:
    items, note = offered(samples[ANSI])
    (item,) = items
    assert isinstance(item, RefusedItem)
    assert item.place.folder.endswith("Calendar")
    assert (item.state, item.code) == (ItemState.EXCLUDED, "item_class_appointment")
    assert not note.is_gap
    assert {**note.counts} | {"second_witness": 0} == {"expected": 1, "emitted": 1, "unrecovered": 0, "second_witness": 0}


@pytest.mark.parametrize(("name", "mail", "appointments"), [(OSTS[0], 14, 169), (OSTS[1], 2, 160)])
def test_an_ost_with_large_pages_is_read(samples: dict[str, Path], name: str, mail: int, appointments: int) -> None:
    items, note = offered(samples[name])
    read = messages(items)
    assert Counter(item.code for item in items if isinstance(item, RefusedItem)) == {"item_class_appointment": appointments}
    assert len(read) == mail
    assert all(message["Date"] and message["Subject"] for message in read)
    assert not note.is_gap
    assert note.counts["expected"] == note.counts["emitted"] == mail + appointments
    assert note.counts["unrecovered"] == 0


def test_a_mailbox_gives_the_mail_that_the_corpus_has_of_it(samples: dict[str, Path]) -> None:
    items, note = offered(samples[MAILBOX])
    theirs = {
        one["X-ZLID"]: one for one in map(read, sorted((corpus_root() / "enron-edrm/native").glob("*.eml"))) if one["X-ZLID"]
    }
    ours = {one["X-ZLID"]: one for one in messages(items)}
    assert note.counts["emitted"] == len(ours) == 2_178
    assert ours.keys() == theirs.keys()
    for name, message in ours.items():
        assert told(message) == told(theirs[name])


def read(path: Path) -> Message:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)


def told(message: Message) -> tuple[list[str], list[str]]:
    """Its fields and the words of its text. Attachments are not compared: the corpus was made without most of them."""
    fields = ["" if message[name] == NO_SENDER else " ".join(str(message[name] or "").split()) for name in FIELDS]
    texts = (part for part in message.walk() if part.get_content_type() == "text/plain" and not part.get_filename())
    text = next((part.get_payload(decode=True) for part in texts), b"")
    return fields, (text if isinstance(text, bytes) else b"").decode("utf-8", "replace").split()
