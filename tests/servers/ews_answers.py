"""The SOAP answers of the Exchange server of the tests, element by element as the published pages show them.

Each function names its page below https://learn.microsoft.com/exchange/client-developer/. Samples of these pages are in the
corpus; test_ews_samples.py compares.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from tests.servers.ews_mailboxes import Box, Folder, Item

TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
_TEXTS = {
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
}


def envelope(body: str) -> bytes:
    """A whole answer: web-service-reference/serverversioninfo."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Header><h:ServerVersionInfo MajorVersion="15" '
        f'MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="6" Version="V2017_07_11" xmlns:h="{TYPES}" xmlns="{TYPES}" '
        f"{_XSI}/></s:Header><s:Body {_XSI}>{body}</s:Body></s:Envelope>"
    ).encode()


def response(operation: str, messages: Iterable[str]) -> bytes:
    """An answer of response messages, one for each thing asked for: web-service-reference/responsemessages."""
    return envelope(
        f'<m:{operation}Response xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>'
        + "".join(messages)
        + f"</m:ResponseMessages></m:{operation}Response>"
    )


def success(operation: str, inner: str) -> str:
    """A response message without error: web-service-reference/getitemresponsemessage, and those of other operations like it."""
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{inner}'
        f"</m:{operation}ResponseMessage>"
    )


def error(operation: str, code: str, more: str = "") -> str:
    """A response message that tells an error: https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode"""
    text = escape(_TEXTS.get(code, "An error occurred."))
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Error"><m:MessageText>{text}</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{more}"
        f"</m:{operation}ResponseMessage>"
    )


def fault(code: str, back_off_ms: int | None = None) -> bytes:
    """A SOAP fault, as exchange-web-services/ews-throttling-in-exchange shows it for ErrorServerBusy."""
    hint = f'<t:MessageXml xmlns:t="{TYPES}"><t:Value Name="BackOffMilliseconds">{back_off_ms}</t:Value></t:MessageXml>'
    text, ns = escape(_TEXTS.get(code, "An error occurred.")), "http://schemas.microsoft.com/exchange/services/2006/errors"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Body><s:Fault><faultcode xmlns:a="{TYPES}">'
        f'a:{code}</faultcode><faultstring xml:lang="en-US">{text}</faultstring><detail><e:ResponseCode xmlns:e="{ns}">{code}'
        f'</e:ResponseCode><e:Message xmlns:e="{ns}">{text}</e:Message>{hint if back_off_ms is not None else ""}</detail>'
        "</s:Fault></s:Body></s:Envelope>"
    ).encode()


def busy_message(operation: str, back_off_ms: int) -> bytes:
    """The same inside an answer, where one of several things asked for is throttled: the value that
    exchange-web-services/ews-throttling-in-exchange names, in the element of web-service-reference/messagexml."""
    hint = f'<m:MessageXml><t:Value Name="BackOffMilliseconds">{back_off_ms}</t:Value></m:MessageXml>'
    return response(operation, [error(operation, "ErrorServerBusy", hint)])


# --- folders ---------------------------------------------------------------------------------------


def folder_xml(folder: Folder, fields: set[str]) -> str:
    """A folder with the fields that were asked for; "*" stands for those of BaseShape Default: web-service-reference/folder,
    web-service-reference/getfolder-operation."""
    parent = f'<t:ParentFolderId Id="{folder.parent.id}" ChangeKey="AQAAAA=="/>' if folder.parent else ""
    size = f'<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0xe08" PropertyType="Long"/><t:Value>{folder.size}</t:Value>'
    told = (
        ("folder:ParentFolderId", parent),
        ("folder:FolderClass", f"<t:FolderClass>{folder.folder_class}</t:FolderClass>"),
        ("folder:DisplayName", f"<t:DisplayName>{escape(folder.name)}</t:DisplayName>"),
        ("folder:TotalCount", f"<t:TotalCount>{len(folder.items)}</t:TotalCount>"),
        ("folder:ChildFolderCount", f"<t:ChildFolderCount>{len(folder.children)}</t:ChildFolderCount>"),
        ("0xe08", f"{size}</t:ExtendedProperty>"),
        ("folder:UnreadCount", f"<t:UnreadCount>{sum(not one.is_read for one in folder.items.values())}</t:UnreadCount>"),
    )
    default = {"folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount", "folder:UnreadCount"}
    wanted = fields | (default if "*" in fields else set())
    inner = "".join(xml for name, xml in told if name in wanted)
    return f'<t:{folder.kind}><t:FolderId Id="{folder.id}" ChangeKey="AQAAAA=="/>{inner}</t:{folder.kind}>'


# --- items -----------------------------------------------------------------------------------------

_ALWAYS = {"item:Subject", "item:Size", "item:DateTimeReceived", "message:IsRead", "message:InternetMessageId"}


def item_xml(item: Item, fields: set[str], mime: bytes | None = None) -> str:
    """An item with the fields that were asked for, in the order of the schema: web-service-reference/getitem-operation."""
    wanted = fields | (_ALWAYS if "*" in fields else set())
    inner = "".join(xml for name, xml in _item_fields(item) if name in wanted and xml)
    body = f'<t:MimeContent CharacterSet="UTF-8">{base64.b64encode(mime).decode()}</t:MimeContent>' if mime is not None else ""
    key = f'<t:ItemId Id="{item.id}" ChangeKey="{item.change_key}"/>'
    return f"<t:{item.kind}>{body}{key}{inner}</t:{item.kind}>"


def _item_fields(item: Item) -> tuple[tuple[str, str], ...]:
    categories = "".join(f"<t:String>{escape(one)}</t:String>" for one in item.categories)
    is_mail = item.kind in ("Message", "MeetingRequest", "MeetingResponse", "MeetingCancellation")
    mail: tuple[tuple[str, str], ...] = (
        ("message:Sender", _wrapped("Sender", (item.sender,) if item.sender else ())),
        ("message:ToRecipients", _wrapped("ToRecipients", item.to)),
        ("message:CcRecipients", _wrapped("CcRecipients", item.cc)),
        ("message:BccRecipients", _wrapped("BccRecipients", item.bcc)),
        ("message:From", _wrapped("From", (item.from_,) if item.from_ else ())),
        ("message:InternetMessageId", _text("InternetMessageId", item.message_id)),
        ("message:IsRead", f"<t:IsRead>{str(item.is_read).lower()}</t:IsRead>"),
    )
    return (
        ("item:ItemClass", _text("ItemClass", item.item_class)),
        ("item:Subject", _text("Subject", "Subject")),
        ("item:DateTimeReceived", f"<t:DateTimeReceived>{item.received_at:%Y-%m-%dT%H:%M:%SZ}</t:DateTimeReceived>"),
        ("item:Size", f"<t:Size>{item.size}</t:Size>"),
        ("item:Categories", f"<t:Categories>{categories}</t:Categories>" if categories else ""),
        ("item:Importance", _text("Importance", item.importance)),
        ("item:InReplyTo", _text("InReplyTo", item.in_reply_to)),
        ("item:IsDraft", f"<t:IsDraft>{str(item.is_draft).lower()}</t:IsDraft>"),
        ("item:DateTimeCreated", "<t:DateTimeCreated>2020-01-02T10:00:00Z</t:DateTimeCreated>"),
        ("0x1090", _extended("0x1090", "Integer", str(item.flag_status) if item.flag_status else "")),
        ("0x1081", _extended("0x1081", "Integer", str(item.last_verb) if item.last_verb else "")),
        ("0x1046", _extended("0x1046", "String", item.original_message_id)),
        ("item:LastModifiedTime", f"<t:LastModifiedTime>{item.modified_at:%Y-%m-%dT%H:%M:%SZ}</t:LastModifiedTime>"),
        ("item:ConversationId", f'<t:ConversationId Id="{item.conversation_id}"/>' if item.conversation_id else ""),
        *(mail if is_mail else ()),
    )


def mailbox_xml(box: Box) -> str:
    """One address as a directory or a header names it: web-service-reference/mailbox. A list in somebody's contacts has the id
    of its item for address."""
    name, address, kind = box
    if kind == "PrivateDL":
        item_id = f'<t:ItemId Id="{escape(address)}" ChangeKey="AQAAAA=="/>'
        return f"<t:Mailbox><t:Name>{escape(name)}</t:Name><t:MailboxType>{kind}</t:MailboxType>{item_id}</t:Mailbox>"
    return (
        f"<t:Mailbox><t:Name>{escape(name)}</t:Name><t:EmailAddress>{escape(address)}</t:EmailAddress>"
        f"<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>{kind}</t:MailboxType></t:Mailbox>"
    )


def _wrapped(tag: str, boxes: Iterable[Box]) -> str:
    inner = "".join(map(mailbox_xml, boxes))
    return f"<t:{tag}>{inner}</t:{tag}>" if inner else ""


def _text(tag: str, value: str) -> str:
    return f"<t:{tag}>{escape(value)}</t:{tag}>" if value else ""


def _extended(tag: str, kind: str, value: str) -> str:
    if not value:
        return ""
    uri = f'<t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{kind}"/>'
    return f"<t:ExtendedProperty>{uri}<t:Value>{escape(value)}</t:Value></t:ExtendedProperty>"
