"""Real bounces, receipts and complaints of the corpus: each is linked to the message that it returns or names."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from capstone.domain.facts import read_facts

_ID = re.compile(r"<([^<>\s]+)>")
_NO_SECOND_READING = "lhost-postfix-57.eml"
"""Its returned header is broken off by lines that nobody reads alike."""
_MDN = "james/server/protocols/jmap-rfc-8621-integration-tests/jmap-rfc-8621-integration-tests-common/eml/mdn_complex.eml"


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("sisimai-dsn/bsd/lhost-exchange2007-02.eml", "20110429233445.FFFFFFFFEEE@neko.example.com"),
        ("sisimai-dsn/bsd/lhost-exchange2007-07.eml", "QCw92c-juIk7Y-w6@neko.example.com"),
        (
            "sisimai-dsn/bsd/lhost-office365-04.eml",
            "SLXP216MB0381A8F03A83505296890D11A9950@SLXP216MB0381.KORP216.PROD.OUTLOOK.COM",
        ),
        ("sisimai-dsn/bsd/rfc3464-43.eml", "2EB7A4F3-7355-4A23-BF76-994FEB74C919@example.jp"),
        (_MDN, "633c6811-f897-ec7c-642a-2360366e1b93@linagora.com"),
        ("sisimai-dsn/bsd/lhost-exchange2007-01.eml", None),
    ],
)
def test_a_report_of_a_real_server_is_linked(corpus: Path, name: str, about: str | None) -> None:
    assert read_facts((corpus / name).read_bytes()).of_message == about


@pytest.mark.corpus
def test_every_bounce_is_linked_to_the_message_that_it_returns(corpus: Path) -> None:
    linked = 0
    for path in sorted(corpus.glob("sisimai-dsn/*/*.eml")):
        raw = path.read_bytes()
        returned = _returned(message_from_bytes(raw))
        if returned and path.name != _NO_SECOND_READING:
            assert read_facts(raw).of_message == returned, path.name
            linked += 1
    assert linked > 190


def _returned(bounce: Message) -> str | None:
    """By Python's own reader: the identifier of the message or header that a multipart/report brings back."""
    parts = bounce.get_payload() if bounce.get_content_type() == "multipart/report" else []
    for part in parts if isinstance(parts, list) else []:
        inner = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(inner, list):
            found = _ID.search(inner[0].get("message-id", ""))
        elif part.get_content_type() == "text/rfc822-headers":
            found = _ID.search(message_from_bytes(part.get_payload(decode=True).lstrip()).get("message-id", ""))
        else:
            continue
        if found:
            return found[1]
    return None
