"""The Exchange server of the tests against what is published, and read by a client that is not ours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from exchangelib import BASIC, IMPERSONATION, UTC, Account, Configuration, Credentials, Message
from exchangelib.errors import ErrorAccessDenied
from lxml import etree

from capstone.domain.message import ItemState
from tests.adapters.ews_boxes import PASSWORD, Box, messages_in, refused_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import Answer, EwsState, ews_server


@pytest.fixture
def samples(corpus: Path) -> Path:
    return corpus / "ews-samples"


# --- element by element ----------------------------------------------------------------------------

PUBLISHED = {
    "SyncFolderItems": "syncfolderitems-operation.2.SyncFolderItemsResponse.xml",
    "SyncFolderItems, error": "syncfolderitems-operation.3.SyncFolderItemsResponse.xml",
    "FindFolder": "findfolder-operation.2.FindFolderResponse.xml",
    "GetFolder": "how-to-set-folder-permissions-for-another-user-by-using-ews-in-exchange.2.GetFolderResponse.xml",
    "GetItem": "how-to-work-with-exchange-mailbox-items-by-using-ews-in-exchange.2.GetItemResponse.xml",
    "ExpandDL": "how-to-expand-distribution-groups-by-using-ews-in-exchange-2013.2.ExpandDLResponse.xml",
}
QUESTIONS = {
    "SyncFolderItems": "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>"
    '<t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>',
    "SyncFolderItems, error": "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>"
    '<t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>bm9uZQ==</m:SyncState><m:MaxChangesReturned>10'
    "</m:MaxChangesReturned></m:SyncFolderItems>",
    "FindFolder": '<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>'
    '<m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>',
    "GetFolder": "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
    '<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>',
    "GetItem": "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI "
    'FieldURI="item:Subject"/></t:AdditionalProperties></m:ItemShape><m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:GetItem>',
    "ExpandDL": "<m:ExpandDL><m:Mailbox><t:EmailAddress>staff@agency.example</t:EmailAddress></m:Mailbox></m:ExpandDL>",
}
NOT_SHOWN = {"FindFolder": {"IndexedPagingOffset"}, "SyncFolderItems": {"Message", "Message/ItemId"}}
"""What the published answer leaves out: an attribute of paging, and mail (its item is a meeting request)."""


@pytest.mark.corpus
@pytest.mark.parametrize("operation", QUESTIONS)
def test_answers_have_the_elements_and_attributes_of_the_published_ones(
    exchange: EwsState, samples: Path, operation: str
) -> None:
    published = etree.parse(samples / PUBLISHED[operation]).getroot()
    ours = asked(exchange, QUESTIONS[operation])
    known, told = shapes(published), shapes(ours)
    kind = {"SyncFolderItems": "MeetingRequest"}.get(operation, "Message")
    known |= {(path.replace(kind, "Message"), attributes) for path, attributes in known}
    unknown = {(path, attributes - NOT_SHOWN.get(operation, set())) for path, attributes in told} - known
    assert not unknown
    assert len(told) >= 6


def asked(exchange: EwsState, question: str) -> Any:
    """What the server answers a question, as XML."""
    box = Box(exchange)
    item = box.mailbox.put("Inbox", letter(1))
    exchange.lists["staff@agency.example"] = (("Ada Example", "ada@agency.example", "Mailbox"),)
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/'
        '2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header><t:ExchangeImpersonation>'
        f"<t:ConnectingSID><t:PrimarySmtpAddress>{box.mailbox.address}</t:PrimarySmtpAddress></t:ConnectingSID>"
        f"</t:ExchangeImpersonation></s:Header><s:Body>{question.format(item=item.id)}</s:Body></s:Envelope>"
    )
    answer = requests.post(exchange.url, envelope, auth=("service", PASSWORD), timeout=20)
    return etree.fromstring(answer.content)


def shapes(root: Any) -> set[tuple[str, frozenset[str]]]:
    """Every element of the body by the names above it, with the names of its attributes."""
    body = next(one for one in root if etree.QName(one).localname == "Body")
    found = set()
    for one in body.iterdescendants(etree.Element):
        above = [etree.QName(part).localname for part in reversed([one, *one.iterancestors()])][2:]
        found.add(("/".join(above), frozenset(one.keys())))
    return found


@pytest.mark.corpus
def test_published_answers_are_read(exchange: EwsState, samples: Path) -> None:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(1))])
    exchange.fail("SyncFolderItems", Answer((samples / PUBLISHED["SyncFolderItems"]).read_bytes()))
    (gone,) = refused_in(list(box.source().items({})))
    assert (gone.state, gone.code, gone.place.item_id) == (ItemState.EXCLUDED, "gone_at_source", "AQApAHRwA==")
    assert gone.cursor == (box.mailbox.folder("Inbox").id, "H4sIAAAAA=")
    exchange.fail("SyncFolderItems", Answer((samples / PUBLISHED["SyncFolderItems, error"]).read_bytes()))
    assert [item.raw for item in messages_in(list(box.source().items(dict([gone.cursor]))))] == [letter(1)]
    exchange.fail("FindFolder", Answer((samples / PUBLISHED["FindFolder"]).read_bytes()))
    assert "TestFolder" in {folder.path for folder in box.source().check().folders}


# --- a client that is not ours ---------------------------------------------------------------------


def account(exchange: EwsState, box: Box) -> Account:
    config = Configuration(service_endpoint=exchange.url, credentials=Credentials("service", PASSWORD), auth_type=BASIC)
    return Account(box.mailbox.address, config=config, access_type=IMPERSONATION, default_timezone=UTC, locale="en_US")


def test_exchangelib_itself_reads_the_same(exchange: EwsState) -> None:
    box = Box(exchange, has_archive=True)
    mails = [Mail("Inbox", letter(number)) for number in range(1, 160)]
    box.fill([*mails, Mail("Plans", letter(170))])
    box.mailbox.put("Inbox", letter(180), to=(("Ada", "ada@agency.example", "Mailbox"),), categories=("Blue",), is_read=True)
    theirs = account(exchange, box)
    changes = [item for kind, item in theirs.inbox.sync_items(only_fields=["size"], max_changes_returned=50) if kind == "create"]
    fetched = list(theirs.fetch(changes, only_fields=["mime_content", "to_recipients", "categories", "is_read"]))
    ours = [item.raw for item in messages_in(list(box.source("Inbox").items({})))]
    assert [item.mime_content for item in fetched] == ours
    last = fetched[-1]
    assert (last.to_recipients[0].email_address, last.categories, last.is_read) == ("ada@agency.example", ["Blue"], True)
    assert {folder.name for folder in theirs.msg_folder_root.walk()} >= {"Inbox", "Plans", "Sent Items"}
    assert theirs.archive_msg_folder_root.name == "Top of Information Store"
    exchange.lists["staff@agency.example"] = (("Ada Example", "ada@agency.example", "Mailbox"),)
    assert [one.email_address for one in theirs.protocol.expand_dl("staff@agency.example")] == ["ada@agency.example"]


def test_the_server_sees_who_writes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with ews_server() as exchange:
        box = Box(exchange)
        theirs = account(exchange, box)
        with pytest.raises(ErrorAccessDenied):
            Message(account=theirs, folder=theirs.inbox, subject="Note").save()
        assert set(exchange.writes) == {"CreateItem"}
