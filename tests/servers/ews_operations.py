"""What the Exchange server of the tests answers to each reading operation, as ews_answers.py says by its published page."""

from __future__ import annotations

import base64
import re
from html import escape
from typing import TYPE_CHECKING, Any

from tests.servers import ews_answers as answers
from tests.servers.ews_mailboxes import Folder, Item, Mailbox

if TYPE_CHECKING:
    from tests.servers.ews_server import EwsState

_T, _M = f"{{{answers.TYPES}}}", f"{{{answers.MESSAGES}}}"
_AUTODISCOVER = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
READS = {
    "GetFolder": "get_folder",
    "FindFolder": "find_folder",
    "FindItem": "find_item",
    "SyncFolderItems": "sync_folder_items",
    "SyncFolderHierarchy": "sync_folder_hierarchy",
    "GetItem": "get_item",
    "ExpandDL": "expand_dl",
    "ConvertId": "convert_id",
    "ResolveNames": "resolve_names",
    "GetUserSettings": "",
}
"""Operations that read, and the methods that answer them; any other would write."""

_WITH_MIME = ("Message", "MeetingRequest", "MeetingResponse", "MeetingCancellation", "PostItem", "CalendarItem")
"""Kinds of items of which MIME is given; meeting mail is a kind of Message. Of any other, such as Task, the page
https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode has ErrorUnsupportedMimeConversion."""


def answer_to(state: EwsState, user: str, operation: str, request: Any, asked: Any) -> tuple[int, bytes]:
    """Status and body. Who may not impersonate gets a SOAP fault, and so does who asks for a mailbox that is not there:
    web-service-reference/exchangeimpersonation, with codes of web-service-reference/responsecode."""
    if operation == "GetUserSettings":
        return 200, _user_settings(state, asked)
    as_whom = request.find(f".//{_T}ConnectingSID/*")
    if as_whom is not None and user not in state.impersonators:
        return 500, answers.fault("ErrorImpersonateUserDenied")
    if as_whom is not None and as_whom.text not in state.mailboxes:
        return 500, answers.fault("ErrorNonExistentMailbox")
    if operation == "GetItem" and state.never_gives.intersection(one.get("Id") for one in asked.iter(f"{_T}ItemId")):
        return 500, answers.fault("ErrorInternalServerError")
    visitor = _Visitor(state, user, as_whom.text if as_whom is not None else None)
    with state.lock:
        body: bytes = getattr(visitor, READS[operation])(asked)
    return 200, body


class _Visitor:
    """One request: who asks, and on whose behalf."""

    def __init__(self, state: EwsState, user: str, as_whom: str | None) -> None:
        self.state, self.user, self.as_whom = state, user, as_whom

    # --- what may be seen ---------------------------------------------------------------------

    def _mailboxes(self) -> list[Mailbox]:
        if self.as_whom is not None:
            return [self.state.mailboxes[self.as_whom]]
        names = {address for name, address in self.state.delegates if name == self.user} | {self.user}
        return [box for address, box in self.state.mailboxes.items() if address in names]

    def _folder(self, element: Any) -> Folder | str:
        """The folder that an id names, or the code of the error."""
        if element.tag == f"{_T}FolderId":
            own = (box.folders[element.get("Id")] for box in self._mailboxes() if element.get("Id") in box.folders)
            found: Folder | str | None = next(own, None)
        else:
            found = self._distinguished(element)
        if isinstance(found, str):
            return found
        if found is None:
            return "ErrorFolderNotFound"
        return found.refuses or found

    def _distinguished(self, element: Any) -> Folder | str | None:
        address = element.findtext(f"{_T}Mailbox/{_T}EmailAddress") or self.as_whom or self.user
        if address not in self.state.mailboxes:
            return "ErrorNonExistentMailbox"
        box = self.state.mailboxes[address]
        if box not in self._mailboxes():
            return "ErrorAccessDenied"
        return box.distinguished(element.get("Id"))

    def _item(self, item_id: str) -> Item | None:
        return next((item for box in self._mailboxes() if (item := box.item(item_id))), None)

    # --- folders ------------------------------------------------------------------------------

    def get_folder(self, asked: Any) -> bytes:
        """web-service-reference/getfolder-operation"""
        fields = _fields(asked)
        told = []
        for element in asked.find(f"{_M}FolderIds"):
            found = self._folder(element)
            if isinstance(found, str):
                told.append(answers.error("GetFolder", found, "<m:Folders/>"))
            else:
                folders = f"<m:Folders>{answers.folder_xml(found, fields)}</m:Folders>"
                told.append(answers.success("GetFolder", folders))
        return answers.response("GetFolder", told)

    def find_folder(self, asked: Any) -> bytes:
        """web-service-reference/findfolder-operation. Public folders are listed one level at a time:
        exchange-web-services/public-folder-access-with-ews-in-exchange."""
        fields, told = _fields(asked), []
        view = asked.find(f"{_M}IndexedPageFolderView")
        for element in asked.find(f"{_M}ParentFolderIds"):
            found = self._folder(element)
            if isinstance(found, str):
                told.append(answers.error("FindFolder", found))
                continue
            is_public = found.distinguished == "publicfoldersroot"
            if is_public and asked.get("Traversal") == "Deep":
                told.append(answers.error("FindFolder", "ErrorInvalidOperation"))
                continue
            told.append(answers.success("FindFolder", _page_of_folders(found, fields, view, asked.get("Traversal"))))
        return answers.response("FindFolder", told)

    def sync_folder_hierarchy(self, asked: Any) -> bytes:
        """web-service-reference/syncfolderhierarchy-operation"""
        root = self._folder(asked.find(f"{_M}SyncFolderId")[0])
        if isinstance(root, str):
            return answers.response("SyncFolderHierarchy", [answers.error("SyncFolderHierarchy", root)])
        fields = _fields(asked)
        changes = "".join(f"<t:Create>{answers.folder_xml(one, fields)}</t:Create>" for one in root.below())
        told = "<m:SyncState>SDE=</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange>"
        inner = f"{told}<m:Changes>{changes}</m:Changes>"
        return answers.response("SyncFolderHierarchy", [answers.success("SyncFolderHierarchy", inner)])

    # --- items --------------------------------------------------------------------------------

    def sync_folder_items(self, asked: Any) -> bytes:
        """web-service-reference/syncfolderitems-operation"""
        folder = self._folder(asked.find(f"{_M}SyncFolderId")[0])
        empty = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
        if isinstance(folder, str):
            return answers.response("SyncFolderItems", [answers.error("SyncFolderItems", folder, empty)])
        since = _state_in(asked.findtext(f"{_M}SyncState") or "", folder)
        if since is None:
            return answers.response("SyncFolderItems", [answers.error("SyncFolderItems", "ErrorInvalidSyncStateData", empty)])
        box = next(box for box in self._mailboxes() if folder.id in box.folders)
        most, fields = int(asked.findtext(f"{_M}MaxChangesReturned")), _fields(asked)
        changes = box.changes(folder, since)
        page = changes[:most]
        inner = "".join(_change_xml(folder, what, key, fields) for _, what, key in page)
        is_last = str(len(changes) <= most).lower()
        state = base64.b64encode(f"{folder.id}:{page[-1][0] if page else since}".encode()).decode()
        told = f"<m:SyncState>{state}</m:SyncState><m:IncludesLastItemInRange>{is_last}</m:IncludesLastItemInRange>"
        return answers.response("SyncFolderItems", [answers.success("SyncFolderItems", f"{told}<m:Changes>{inner}</m:Changes>")])

    def find_item(self, asked: Any) -> bytes:
        """web-service-reference/finditem-operation"""
        folder = self._folder(asked.find(f"{_M}ParentFolderIds")[0])
        if isinstance(folder, str):
            return answers.response("FindItem", [answers.error("FindItem", folder)])
        view = asked.find(f"{_M}IndexedPageItemView")
        offset = int(view.get("Offset")) if view is not None else 0
        most = int(view.get("MaxEntriesReturned")) if view is not None else 1000
        items = list(folder.items.values())
        inner = "".join(answers.item_xml(item, _fields(asked)) for item in items[offset : offset + most])
        told = f"<m:RootFolder {_range(offset, most, len(items))}><t:Items>{inner}</t:Items></m:RootFolder>"
        return answers.response("FindItem", [answers.success("FindItem", told)])

    def get_item(self, asked: Any) -> bytes:
        """web-service-reference/getitem-operation; ErrorMessageSizeExceeded: web-service-reference/responsecode"""
        fields = _fields(asked)
        ids = [one.get("Id") for one in asked.find(f"{_M}ItemIds")]
        self.state.batches.append(len(ids))
        wants_mime = asked.findtext(f"{_M}ItemShape/{_T}IncludeMimeContent") in ("true", "1") or "item:MimeContent" in fields
        found = [self._item(key) for key in ids]
        if wants_mime and sum(item.size for item in found if item) > self.state.most_bytes:
            return answers.fault("ErrorMessageSizeExceeded")
        return answers.response("GetItem", [self._got(item, fields, wants_mime) for item in found])

    def _got(self, item: Item | None, fields: set[str], wants_mime: bool) -> str:
        """web-service-reference/getitemresponsemessage"""
        code = "ErrorItemNotFound" if item is None else item.error
        if not code and wants_mime and self.state.gives_mime_as_published and item is not None and item.kind not in _WITH_MIME:
            code = "ErrorUnsupportedMimeConversion"
        if item is None or code:
            return answers.error("GetItem", code, "<m:Items/>")
        mime = item.mime if wants_mime else None
        if mime is not None and self.state.has_other_boundaries:
            mime = mime.replace(b"=_boundary", f"=_{self.state.asked['GetItem']:06}boundary".encode())
        return answers.success("GetItem", f"<m:Items>{answers.item_xml(item, fields, mime)}</m:Items>")

    # --- the directory ------------------------------------------------------------------------

    def expand_dl(self, asked: Any) -> bytes:
        """web-service-reference/expanddl-operation"""
        address = asked.findtext(f"{_M}Mailbox/{_T}EmailAddress")
        if address is None:
            address = asked.find(f"{_M}Mailbox/{_T}ItemId").get("Id")
        if address not in self.state.lists:
            return answers.response("ExpandDL", [answers.error("ExpandDL", "ErrorNameResolutionNoResults")])
        members = self.state.lists[address]
        inner = "".join(map(answers.mailbox_xml, members))
        told = f'<m:DLExpansion TotalItemsInView="{len(members)}" IncludesLastItemInRange="true">{inner}</m:DLExpansion>'
        return answers.response("ExpandDL", [answers.success("ExpandDL", told)])

    def convert_id(self, _asked: Any) -> bytes:
        """web-service-reference/convertid-operation"""
        return answers.response("ConvertId", [answers.error("ConvertId", "ErrorInvalidIdMalformed")])

    def resolve_names(self, _asked: Any) -> bytes:
        """web-service-reference/resolvenames-operation, of a name that nobody has: web-service-reference/responsecode"""
        return answers.response("ResolveNames", [answers.error("ResolveNames", "ErrorNameResolutionNoResults")])


def _fields(asked: Any) -> set[str]:
    """The properties of a shape; "*" where it asks for more than ids."""
    found = {one.get("FieldURI") for one in asked.iter(f"{_T}FieldURI")}
    found |= {one.get("PropertyTag").lower() for one in asked.iter(f"{_T}ExtendedFieldURI") if one.get("PropertyTag")}
    base = asked.find(f".//{_T}BaseShape")
    return found | ({"*"} if base is not None and base.text != "IdOnly" else set())


def _page_of_folders(parent: Folder, fields: set[str], view: Any, traversal: str) -> str:
    """web-service-reference/rootfolder-findfolderresponsemessage"""
    folders = list(parent.below()) if traversal == "Deep" else parent.children
    offset = int(view.get("Offset")) if view is not None else 0
    most = int(view.get("MaxEntriesReturned")) if view is not None else 1000
    inner = "".join(answers.folder_xml(one, fields) for one in folders[offset : offset + most])
    return f"<m:RootFolder {_range(offset, most, len(folders))}><t:Folders>{inner}</t:Folders></m:RootFolder>"


def _range(offset: int, most: int, total: int) -> str:
    end = min(offset + most, total)
    return f'IndexedPagingOffset="{end}" TotalItemsInView="{total}" IncludesLastItemInRange="{str(end >= total).lower()}"'


def _state_in(text: str, folder: Folder) -> int | None:
    """How far a sync state of this folder stands; None where it is none of ours."""
    if not text:
        return 0
    try:
        told = re.fullmatch(r"(.+):(\d+)", base64.b64decode(text, validate=True).decode())
    except ValueError:
        return None
    return int(told[2]) if told and told[1] == folder.id else None


def _change_xml(folder: Folder, what: str, key: str, fields: set[str]) -> str:
    """web-service-reference/changes-items"""
    if what == "Delete":
        return f'<t:Delete><t:ItemId Id="{key}" ChangeKey="AQAAAA=="/></t:Delete>'
    item = folder.items[key]
    if what == "ReadFlagChange":
        is_read = str(item.is_read).lower()
        return f'<t:ReadFlagChange><t:ItemId Id="{key}" ChangeKey="AQAAAA=="/><t:IsRead>{is_read}</t:IsRead></t:ReadFlagChange>'
    return f"<t:{what}>{answers.item_xml(item, fields - {'*'})}</t:{what}>"


def _user_settings(state: EwsState, asked: Any) -> bytes:
    """Autodiscover by SOAP: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getusersettings-operation-soap"""
    address = asked.findtext(f".//{{{_AUTODISCOVER}}}Mailbox")
    code, target, settings = "InvalidUser", "", ""
    if address in state.redirects:
        target = f"<RedirectTarget>{escape(state.redirects[address])}</RedirectTarget>"
        code = "RedirectUrl" if "//" in state.redirects[address] else "RedirectAddress"
    elif address in state.mailboxes:
        code = "NoError"
        settings = "".join(
            f'<UserSetting i:type="StringSetting"><Name>{name}</Name><Value>{value}</Value></UserSetting>'
            for name, value in (state.told_urls or {"ExternalEwsUrl": state.url}).items()
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        f'<h:ServerVersionInfo xmlns:h="{_AUTODISCOVER}"><h:MajorVersion>15</h:MajorVersion><h:MinorVersion>1</h:MinorVersion>'
        "<h:MajorBuildNumber>2507</h:MajorBuildNumber><h:MinorBuildNumber>6</h:MinorBuildNumber><h:Version>Exchange2016"
        f'</h:Version></h:ServerVersionInfo></s:Header><s:Body><GetUserSettingsResponseMessage xmlns="{_AUTODISCOVER}">'
        '<Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>NoError</ErrorCode><ErrorMessage/>'
        f"<UserResponses><UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>{code}</ErrorMessage>{target}"
        f"<UserSettingErrors/><UserSettings>{settings}</UserSettings></UserResponse></UserResponses></Response>"
        "</GetUserSettingsResponseMessage></s:Body></s:Envelope>"
    ).encode()
