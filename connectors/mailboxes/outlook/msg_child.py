"""What the process does that reads MSG files: one file at a time, its bytes given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from capstone.domain.generated import eml
from capstone.domain.generated.item_class import excluded_class
from capstone.domain.generated.mapi import text_of
from connectors.mailboxes.outlook.facts import facts_of
from connectors.mailboxes.outlook.generating import Generate, NotGenerated, generated
from connectors.mailboxes.outlook.msg_file import MsgDamaged, NoMsg, read_msg
from connectors.mailboxes.outlook.reader_process import Answers, Message

_CLASS = 0x001A


def begin(generate: Generate = eml.generate) -> Answers:
    """For `ReaderProcess`."""

    def answers(_told: Mapping[str, Any], blobs: list[bytes]) -> Iterator[Message]:
        return _answers(blobs, generate)

    return answers


def _answers(blobs: list[bytes], generate: Generate) -> Iterator[Message]:
    """One answer: state "message" with its EML, "excluded" with its policy, "no_msg" or "damaged"."""
    try:
        item = read_msg(blobs[0])
    except NoMsg:
        yield {"state": "no_msg"}, []
        return
    except MsgDamaged:
        yield {"state": "damaged"}, []
        return
    policy = excluded_class(text_of(item.properties, _CLASS, item.codepage))
    if policy is not None:
        yield {"state": "excluded", "policy": policy}, []
        return
    try:
        made = generated(generate, item, "msg")
    except NotGenerated:
        yield {"state": "damaged"}, []
        return
    yield {"state": "message", **facts_of(item)}, [made.raw]
