"""The bytes that are generated are pinned: an item that was imported before must come out the same, or as another version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from capstone.domain.generated import eml, native_json
from capstone.domain.generated.mapi import MapiAttachment, MapiItem
from tests.mapi_items import attachment, binary, filetime, item, number, recipient, several, text

SENT = datetime(2020, 1, 2, 10, 0, tzinfo=UTC)
CLASS, SUBJECT, BODY, HTML, NAME, CONTENT_ID = 0x001A, 0x0037, 0x1000, 0x1013, 0x3707, 0x3712
SENDER = (text(0x0C1A, "Brook, Ada"), text(0x0C1E, "EX"), text(0x0C1F, "/O=AGENCY/CN=ADA"))
TRANSPORT = text(
    0x007D, "From: Ada <ada@agency.example>\r\nTo: ben@agency.example\r\nSubject: Budget\r\nMIME-Version: 1.0\r\n\r\n"
)


def letter() -> MapiItem:
    """Of all that properties alone give a message."""
    inner = item(text(CLASS, "IPM.Note"), text(SUBJECT, "Inner"), text(BODY, "Inside"), filetime(0x0039, SENT))
    return item(
        text(CLASS, "IPM.Note"), text(SUBJECT, "Bürgschaft"), text(BODY, "Grüße\r\nAda"), filetime(0x0039, SENT),
        number(0x0017, 2), *SENDER,
        text(0x1035, "<1@agency.example>"), binary(HTML, b'<p>Gr\xfc\xdfe <img src="cid:1@x"></p>'), number(0x3FDE, 1252),
        several(0x8001, ["Red", "Blue"], "00020329-0000-0000-c000-000000000046/Keywords"),
        recipients=(
            recipient("Ben", "ben@agency.example"), recipient("Cy", "/O=AGENCY/CN=CY", 2, kind="EX"),
            recipient("Di", "di@x.example", 3),
        ),
        attachments=(
            attachment(b"\x89PNG", text(NAME, "a.png"), text(CONTENT_ID, "1@x")), attachment(b"plan", text(NAME, "Pläne.txt")),
            attachment(b"", text(NAME, "empty.txt")), attachment(None, text(NAME, "gone.doc"), missing="by-reference"),
            MapiAttachment({}, item=inner),
        ),
    )  # fmt: skip


def rest() -> MapiItem:
    """With a header of its own, an RTF and something that could not be read."""
    rtf = rb"{\rtf1\ansi\ansicpg1252\fromtext Hi\par there}"
    packed = (len(rtf) + 12).to_bytes(4, "little") + len(rtf).to_bytes(4, "little") + b"MELA" + bytes(4) + rtf
    return replace(item(text(CLASS, "IPM.Post"), TRANSPORT, binary(0x1009, packed)), unread=("recipients",))


ITEMS = {
    "letter": letter(),
    "rest": rest(),
    "sealed": item(text(CLASS, "IPM.Note.SMIME"), TRANSPORT, attachments=(attachment(b"0\x82\1\0", text(NAME, "smime.p7m")),)),
    "report": item(text(CLASS, "REPORT.IPM.Note.SMIME.NDR"), text(0x1001, "It did not reach"), attachments=(attachment(b"x"),)),
    "nothing": item(),
}
PINNED_VERSION, PINNED_FORMAT = 2, 1
PINNED = {
    "letter": (
        "7b6289502140438545f4dffb7a8a44099bc4de6b9a49ac32cff62c8c7402621b",
        "b089803f137fed0b36d213a48b5ea9fa38c3b32ecbafa8a2eb2414d8711448df",
    ),
    "rest": (
        "d4a409ad19bbf3850f37fd3c3f22a8f20828f7e4e74de659589f3983d3f5a9d8",
        "6ffd75fb106c36c7f98aa1d8d6e301b0ebaea61cd326c1a96685a46fb94a2f8e",
    ),
    "sealed": (
        "2493844c194753ba09112f36e6d9c617f287bf281c0fbe406417bd047d88256a",
        "90670bd38a0e9f1487dc25c760b8bd32656f9ebc42d62e178a6cb26993e352c1",
    ),
    "report": (
        "54381a956c3b8ac1c36d7465c3adf814d19aff05533624e03e0ca72707dc0eb3",
        "39a57879e60f7cc0b70415b6958a8b65d59674f675c3287639ef61763c7f3cfe",
    ),
    "nothing": (
        "96fdf91728e2dd2c07e5d9f5a261a58c4f0c4d399190df131d5d300d65601744",
        "8aad69b6e942ed0f2326562c6f629767ad93f21dd947f64e561845aacdb4af77",
    ),
}
"""Of each item the SHA-256 of its message and of the native item beside it."""


def test_the_same_version_gives_the_same_bytes_in_every_release() -> None:
    made = {name: eml.generate(one, "pst") for name, one in ITEMS.items()}
    natives = {name: native_json.write_native(one, of="0" * 64, carried=made[name].carried) for name, one in ITEMS.items()}
    found = {name: (sha256(made[name].raw).hexdigest(), sha256(natives[name]).hexdigest()) for name in ITEMS}
    assert (eml.VERSION, native_json.FORMAT, found) == (PINNED_VERSION, PINNED_FORMAT, PINNED), (
        "What is generated from some item has changed. Raise eml.VERSION (native_json.FORMAT for the native item), say in"
        " the changelog what changed, and pin the new digests; or undo the change."
    )
