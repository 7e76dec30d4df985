"""The canonical JSON of an item's properties: with the generated message it loses nothing."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.fixity import digest_of
from capstone.domain.generated.mapi import MapiAttachment, MapiItem, MapiProperty
from capstone.domain.generated.native_json import write_native
from tests.mapi_items import attachment, binary, filetime, item, number, recipient, several, text

DATA = b"%PDF of the plan"


def told(made_of: MapiItem, carried: frozenset[str] = frozenset()) -> dict[str, object]:
    read = json.loads(write_native(made_of, of="0" * 64, carried=carried))
    assert (read["format"], read["of"]) == (1, "0" * 64)
    found = read["item"]
    assert isinstance(found, dict)
    return found


def test_properties_stand_by_their_tags_with_values_that_can_be_read() -> None:
    keywords = several(0x8001, ["Budget", "Plan"], "00020329-0000-0000-c000-000000000046/Keywords")
    properties = told(
        item(
            keywords,
            text(0x0037, "Größe"),
            number(0x0017, -1),
            binary(0x0071, b"\1\2"),
            filetime(0x0039, datetime(2020, 1, 2, tzinfo=UTC)),
            MapiProperty(0x0029, 0x0B, (b"\1",)),
            MapiProperty(0x0E1D, 0x1E, (b"Gr\xf6\xdfe",)),
        )
    )["properties"]
    assert properties == [
        {"tag": "00170003", "value": -1},
        {"tag": "0029000b", "value": {"boolean": True, "size": 1}},
        {"tag": "0037001f", "value": "Größe"},
        {"tag": "00390040", "value": "2020-01-02T00:00:00.0000000Z"},
        {"tag": "00710102", "value": {"base64": "AQI="}},
        {"tag": "0e1d001e", "value": "Größe"},
        {"tag": "8001101f", "name": "00020329-0000-0000-c000-000000000046/Keywords", "values": ["Budget", "Plan"]},
    ]


def test_an_attachment_in_the_message_stands_by_its_digest_and_one_that_is_not_by_its_bytes() -> None:
    made_of = item(attachments=(attachment(DATA, text(0x3707, "plan.pdf")),))
    by_digest = {"sha256": digest_of(DATA), "size": len(DATA)}
    carried = told(made_of, frozenset({digest_of(DATA)}))["attachments"]
    assert carried == [{"properties": [{"tag": "3707001f", "value": "plan.pdf"}], "data": by_digest}]
    alone = told(made_of)["attachments"]
    assert isinstance(alone, list)
    assert (alone[0]["data"], b64decode(alone[0]["base64"])) == (by_digest, DATA)


def test_recipients_messages_inside_and_what_is_missing_stand_there_too() -> None:
    inner = MapiAttachment({}, item=item(text(0x0037, "Inside")))
    found = told(
        item(
            recipients=(recipient("Ben", "ben@agency.example", 3),), attachments=(inner, attachment(None, missing="by-reference"))
        )
    )
    recipients = found["recipients"]
    assert isinstance(recipients, list)
    assert {"tag": "3003001f", "value": "ben@agency.example"} in recipients[0]
    assert found["attachments"] == [
        {"properties": [], "message": {"codepage": "cp1252", "properties": [{"tag": "0037001f", "value": "Inside"}]}},
        {"properties": [], "missing": "by-reference"},
    ]


KINDS = {
    0x02: "short",
    0x03: "long",
    0x0B: "boolean",
    0x14: "int64",
    0x1E: "text",
    0x1F: "unicode",
    0x40: "time",
    0x48: "guid",
    0x102: "binary",
}


@given(st.sampled_from([*KINDS, 0x05, 0x77]), st.binary(max_size=20))
def test_every_value_can_be_had_back(kind: int, raw: bytes) -> None:
    properties = told(item(MapiProperty(0x6001, kind, (raw,))))["properties"]
    assert isinstance(properties, list)
    assert bytes_back(kind, properties[0]["value"], raw) == raw


def bytes_back(kind: int, value: object, raw: bytes) -> bytes:
    match value:
        case {"base64": str(coded)}:
            return b64decode(coded)
        case {"boolean": bool(is_true), "size": int(size)}:
            return bytes([is_true]).ljust(size, b"\0")
        case int():
            return value.to_bytes({0x02: 2, 0x03: 4, 0x14: 8}[kind], "little", signed=True)
        case str() if kind == 0x40:
            second, _, ticks = value.removesuffix("Z").partition(".")
            since = datetime.fromisoformat(second + "+00:00") - datetime(1601, 1, 1, tzinfo=UTC)
            return ((since.days * 86_400 + since.seconds) * 10_000_000 + int(ticks)).to_bytes(8, "little")
        case str():
            return value.encode("utf-16-le" if kind == 0x1F else "cp1252")
    raise AssertionError(value)
