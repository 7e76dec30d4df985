"""PST and MSG samples against readers that share nothing with ours: libpst's `readpst`, and extract-msg."""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
from email.message import EmailMessage
from email.utils import getaddresses
from io import BytesIO
from pathlib import Path
from typing import Any

import compressed_rtf
import extract_msg
from RTFDE.deencapsulate import DeEncapsulator

from capstone.domain.facts.rtf_compressed import decompressed
from capstone.domain.facts.rtf_text import Wrapped, unwrapped
from capstone.domain.fixity import digest_of
from capstone.domain.generated.item_class import excluded_class
from capstone.domain.generated.mapi import bytes_of
from capstone.domain.message import ItemState, OfferedMessage, RefusedItem
from connectors.mailboxes.files.source import FileSource
from connectors.mailboxes.outlook.msg_file import read_msg
from tests.corpus import corpus_root
from tests.programs import needed

PSTS, MSGS = 4, 27
PST = b"!BDN"
OLE2 = b"\xd0\xcf\x11\xe0"


def generated(path: Path) -> list[OfferedMessage]:
    return [item for item in FileSource("disk", [path]).items({}) if isinstance(item, OfferedMessage)]


def witness(path: Path, folder: Path) -> list[EmailMessage]:
    """What readpst makes of it, in one process: several of them share the place in the file, and mix messages up now and then."""
    subprocess.run(["readpst", "-j", "0", "-D", "-e", "-q", "-o", folder, path], check=True, stdout=subprocess.DEVNULL)
    return [read(one.read_bytes()) for one in sorted(folder.rglob("*.eml"))]


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def addresses(message: EmailMessage, field: str) -> list[str]:
    found = getaddresses([str(one) for one in message.get_all(field, [])])
    return sorted(address.casefold().strip("'") for _, address in found if "@" in address)


def files(message: EmailMessage) -> set[str]:
    """Digests of the attachments that are files, of messages inside too."""
    parts = [part for part in message.walk() if part.get_content_maintype() not in ("text", "multipart", "message")]
    return {digest_of(bytes(part.get_payload(decode=True) or b"")) for part in parts}


def words(text: object) -> list[str]:
    """A text as its words: readers differ in blanks, line ends, and in what they make of a link."""
    return re.findall(r"\w+", re.sub(r"<[^<>]*>", " ", str(text)))


def plain(message: EmailMessage) -> list[str]:
    body = message.get_body(("plain",))
    return words(body.get_content()) if body else []


def test_mail_in_a_pst_is_what_readpst_finds(tmp_path: Path) -> None:
    needed("readpst", "pst-utils")
    paths = sorted(path for path in corpus_root().rglob("*.pst") if path.read_bytes().startswith(PST))
    for number, path in enumerate(paths):
        (tmp_path / str(number)).mkdir()
        compare(path, tmp_path / str(number))
    assert len(paths) == PSTS


def compare(path: Path, folder: Path) -> None:
    ours = [read(item.raw) for item in generated(path)]
    theirs = witness(path, folder)
    assert sorted(map(told, ours)) == sorted(map(told, theirs))
    by_id = {str(message["message-id"]): message for message in theirs}
    for message in ours:
        other = by_id[str(message["message-id"])]
        assert files(other) <= files(message)
        assert plain(other) == plain(message)
        assert message["date"].datetime == other["date"].datetime


def told(message: EmailMessage) -> tuple[str, list[str], list[str], list[str], str]:
    return (
        str(message["subject"]),
        addresses(message, "from"),
        addresses(message, "to"),
        addresses(message, "cc"),
        str(message["message-id"]),
    )


MISREAD = {"testMSG_chinese.msg": ["subject", "body"]}
"""What the other reader gets wrong: it takes Big5 for ISO 8859-15. See the test below."""


def test_a_chinese_msg_that_is_not_unicode_is_read_as_tika_reads_it() -> None:
    (item,) = generated(corpus_root() / "tika/microsoft/testMSG_chinese.msg")
    message = read(item.raw)
    assert message["subject"] == "Alfresco MSG format testing ( MSG 格式測試 )"
    assert message["from"].addresses[0].display_name == "Tests Chang@FT (張毓倫)"
    assert [one.addr_spec for one in message["to"].addresses] == ["tests.chang@fengttt.com"]
    body = message.get_body(("plain",))
    assert body is not None
    assert "Alfresco MSG format testing ( MSG 格式測試 ) 中文測試" in body.get_content().replace("\r\n", " ")


def samples() -> list[Path]:
    found = sorted(corpus_root().rglob("*.msg"))
    return [path for path in found if path.read_bytes().startswith(OLE2)]


def test_every_msg_sample_is_mail_or_is_excluded_by_its_class() -> None:
    paths = samples()
    assert len(paths) == MSGS
    items = [item for path in paths for item in FileSource("disk", [path]).items({})]
    refused = [item for item in items if isinstance(item, RefusedItem)]
    assert len(items) == MSGS
    assert sorted((item.state, item.code) for item in refused) == [
        (ItemState.EXCLUDED, "item_class_appointment"),
        (ItemState.EXCLUDED, "item_class_contact"),
        (ItemState.EXCLUDED, "item_class_note"),
        (ItemState.EXCLUDED, "item_class_task"),
    ]


def test_msg_samples_say_what_another_reader_finds_in_them() -> None:
    compared = 0
    for path in samples():
        with extract_msg.openMsg(
            path, strict=False, delayAttachments=False, errorBehavior=extract_msg.enums.ErrorBehavior.SUPPRESS_ALL
        ) as other:
            if excluded_class(other.classType or ""):
                continue
            (item,) = generated(path)
            assert differences(read(item.raw), other) == MISREAD.get(path.name, []), path.name
            compared += 1
    assert compared == MSGS - 4


def differences(message: EmailMessage, other: Any) -> list[str]:
    """What the other reader found and our message lacks."""
    lacking = []
    if words(message["subject"]) != words(other.getStringStream("__substg1.0_0037") or ""):
        lacking.append("subject")
    for kind, field in ((1, "to"), (2, "cc"), (3, "bcc")):
        wanted = {one.email.casefold() for one in other.recipients if one.type == kind and "@" in (one.email or "")}
        if not wanted <= set(addresses(message, field)):
            lacking.append(field)
    sender = (
        (other.getStringStream("__substg1.0_5D02") or other.getStringStream("__substg1.0_0065") or "").strip(" \0").casefold()
    )
    if "@" in sender and [sender] != addresses(message, "from"):
        lacking.append("from")
    lacking += [f"file {one.name}" for one in inside(other) if digest_of(one.data) not in files(message) | texts(message)]
    embedded = sum(part.get_content_type() == "message/rfc822" for part in message.walk())
    if embedded != nested(other):
        lacking.append(f"{nested(other)} messages")
    if other.body and plain(message) != words(other.body):
        lacking.append("body")
    return lacking


def inside(other: Any) -> list[Any]:
    """Attachments that are files, of messages inside too."""
    found = []
    for one in other.attachments:
        if isinstance(one.data, bytes):
            found.append(one)
        elif one.data is not None:
            found += inside(one.data)
    return found


def nested(other: Any) -> int:
    messages = [one.data for one in other.attachments if one.data is not None and not isinstance(one.data, bytes)]
    return len(messages) + sum(map(nested, messages))


def texts(message: EmailMessage) -> set[str]:
    """Digests of attachments that are texts."""
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    return {digest_of(bytes(part.get_payload(decode=True) or b"")) for part in parts}


def test_what_is_wrapped_in_rtf_is_what_another_reader_unwraps() -> None:
    compared = 0
    for path in samples():
        packed = bytes_of(read_msg(BytesIO(path.read_bytes())).properties, 0x1009)
        if packed is None:
            continue
        rtf = decompressed(packed)
        assert rtf == compressed_rtf.decompress(packed)
        kind, ours = unwrapped(rtf)
        if kind is Wrapped.NOTHING:
            continue
        other = DeEncapsulator(rtf)
        other.deencapsulate()
        found = other.html if kind is Wrapped.HTML else other.text
        theirs = found.decode() if isinstance(found, bytes) else str(found)
        # It writes a fixed blank as HTML names it, ours as the character that it is.
        assert "".join(ours.replace("&nbsp;", " ").split()) == "".join(theirs.replace("&nbsp;", " ").split()), path.name
        compared += 1
    assert compared == 20
