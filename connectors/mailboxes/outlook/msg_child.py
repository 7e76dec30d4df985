"""What the process does that reads MSG files: one file at a time, told by its path."""

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

    def answers(told: Mapping[str, Any], _blobs: list[bytes]) -> Iterator[Message]:
        return _answers(told["path"], generate)

    return answers


def _answers(path: str, generate: Generate) -> Iterator[Message]:
    """One answer: state "message" with its EML, "excluded" with its policy, "no_msg" or "damaged"."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 what is no message is not read whole
            item = read_msg(file)
    except NoMsg:
        yield {"state": "no_msg"}, []
        return
    except (MsgDamaged, OSError):
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
    yield {"state": "message", "is_lacking": bool(made.notes), **facts_of(item)}, [made.raw]
