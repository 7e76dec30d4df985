"""From any MAPI item a message comes that others can read, and the same one each time."""

from __future__ import annotations

import email
import email.policy
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.facts.read import read_facts
from capstone.domain.fixity import digest_of
from capstone.domain.generated.eml import generate
from capstone.domain.generated.mapi import MapiAttachment, MapiItem, MapiProperty, properties_of
from tests.mapi_items import attachment, item, recipient, several, text
from tests.unit.letters import LINES

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
VALUES = st.one_of(
    st.binary(max_size=80).map(lambda raw: (raw,)),
    NAMES.map(lambda name: (name.encode("utf-16-le"),)),
    st.lists(st.binary(max_size=9), max_size=3).map(tuple),
)
NUMBERS = [
    0x0017, 0x001A, 0x0029, 0x0036, 0x0037, 0x0039, 0x003D, 0x0042, 0x004F, 0x0050, 0x0064, 0x0065, 0x0070, 0x0071, 0x007D,
    0x0C15, 0x0C1A, 0x0C1E, 0x0C1F, 0x0E02, 0x0E03, 0x0E04, 0x0E06, 0x0E1D, 0x1000, 0x1001, 0x1009, 0x1013, 0x1035, 0x1039,
    0x1042, 0x3001, 0x3002, 0x3003, 0x3007, 0x370D, 0x370E, 0x3707, 0x3712, 0x3713, 0x3714, 0x39FE, 0x3FDE, 0x3FFD, 0x5D02,
]  # fmt: skip
KINDS = st.sampled_from([0x02, 0x03, 0x0B, 0x14, 0x1E, 0x1F, 0x40, 0x102, 0x1003, 0x101F])


@st.composite
def hostile_items(draw: st.DrawFn, depth: int = 0) -> MapiItem:
    """Any property with any type and any bytes."""
    tables = st.dictionaries(st.sampled_from(NUMBERS), st.tuples(KINDS, VALUES), max_size=12)

    def table() -> list[MapiProperty]:
        return [several(key, value, kind=kind) for key, (kind, value) in draw(tables).items()]

    inner = [draw(hostile_items(depth + 1))] if depth < 2 and draw(st.booleans()) else []
    data = draw(st.none() | st.binary(max_size=200))
    attachments = [attachment(data, *table()), *(MapiAttachment({}, item=one) for one in inner)]
    recipients = [properties_of(table()) for _ in range(draw(st.integers(0, 2)))]
    return item(*table(), recipients=recipients, attachments=attachments)


@given(hostile_items())
def test_any_item_gives_a_message_that_can_be_sent_and_read(made_of: MapiItem) -> None:
    generated = generate(made_of, "pst")
    head = generated.raw.partition(b"\r\n\r\n")[0]
    assert LINES.fullmatch(head + b"\r\n")
    assert head.isascii()
    assert b"\0" not in head
    assert email.message_from_bytes(generated.raw)["X-Capstone-Generated"] is not None
    found = {one.digest for one in read_facts(generated.raw).attachments}
    assert {digest_of(one.data) for one in made_of.attachments if one.data} <= found | {digest_of(b"")}


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=80).map(str.strip).filter(bool)
BODIES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=400
)


@given(WORDS, WORDS, BODIES, st.binary(max_size=300), WORDS)
def test_what_went_in_comes_out_by_another_reader(subject: str, name: str, body: str, data: bytes, filename: str) -> None:
    made_of = item(
        text(0x0037, subject), text(0x0042, name), text(0x0065, "ada@agency.example"), text(0x1000, body),
        recipients=(recipient(name, "ben@agency.example"),), attachments=(attachment(data, text(0x3707, filename)),),
    )  # fmt: skip
    message = email.message_from_bytes(generate(made_of, "msg").raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert str(message["subject"]) == subject
    box = message["to"].addresses[0]
    # The standard library's reader is careless with blanks between encoded words of a name.
    assert ("".join(box.display_name.split()), box.addr_spec) == ("".join(name.split()), "ben@agency.example")
    plain, file = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")
    assert file.get_payload(decode=True) == data
    assert file.get_filename() == filename


def test_another_process_with_another_order_of_sets_gives_the_same_bytes() -> None:
    program = (
        "from capstone.domain.fixity import digest_of\n"
        "from capstone.domain.generated.eml import generate\n"
        "from capstone.domain.generated.native_json import write_native\n"
        "from tests.mapi_items import attachment, item, recipient, text\n"
        "from tests.unit.letters import LETTER\n"
        "made_of = item(*LETTER, recipients=(recipient('B', 'b@x.example'), recipient('C', 'c@x.example')),"
        " attachments=(attachment(b'', text(0x3707, 'a')), attachment(None, missing='unreadable')))\n"
        "made = generate(made_of, 'pst')\n"
        "print(digest_of(made.raw), digest_of(write_native(made_of, of='0', carried=made.carried)), made.notes)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, cwd=Path(__file__).resolve().parents[2],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale},
        ).stdout
        for seed, zone, locale in (("0", "UTC", "C"), ("1", "Asia/Tokyo", "de_DE.UTF-8"), ("4711", "America/New_York", "C.UTF-8"))
    }  # fmt: skip
    assert len(said) == 1
