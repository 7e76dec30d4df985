"""The reading operations of Exchange Web Services, as questions with typed answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from exchangelib import errors as ews
from exchangelib.util import MNS, TNS, add_xml_child, create_element

from connectors.mailboxes.ews.errors import ABSENT, DENIED, NO_ANSWER
from connectors.mailboxes.ews.session import EwsSession, ExpandDL, FindFolder, GetFolder, GetItem, GetLargeItem, SyncFolderItems
from connectors.mailboxes.ews.values import (
    FLAG_STATUS,
    FOLDER_SIZE,
    LAST_VERB,
    ORIGINAL_MESSAGE_ID,
    Entry,
    FolderTold,
    Got,
    Page,
    Person,
    entry_in,
    entry_of,
    entry_untold,
    folder_told,
    item_told,
    mime_in,
    people_in,
)

PAGE_ITEMS = 512
"""The changes of one sync; the most that a server gives."""
_PAGE_FOLDERS, _MOST_FOLDERS = 1000, 100_000
_FOLDER_FIELDS = ("folder:ParentFolderId", "folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount")
_FLAG_FIELDS = ("item:ItemClass", "item:DateTimeReceived", "item:IsDraft", "message:IsRead")
_LIST_FIELDS = (*_FLAG_FIELDS, "item:Size", "item:DateTimeCreated", "item:LastModifiedTime")
_ITEM_FIELDS = (
    *_FLAG_FIELDS, "item:Importance", "item:Categories", "item:ConversationId", "item:InReplyTo", "message:Sender",
    "message:From", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients", "message:InternetMessageId",
)  # fmt: skip


Answer = Got | Exception | None


class EwsReader:
    """What can be asked of one mailbox. No operation that writes is among it."""

    def __init__(self, session: EwsSession) -> None:
        """The session is closed by who made it."""
        self._session = session

    def distinguished(self, names: Sequence[str]) -> list[FolderTold | Exception]:
        """The folders that Exchange knows by name, in this order; the error in the place of one that is not there."""
        payload = create_element("m:GetFolder")
        payload.append(_shape("m:FolderShape", _FOLDER_FIELDS, sizes=True))
        ids = create_element("m:FolderIds")
        for name in names:
            ids.append(self._distinguished_id(name))
        payload.append(ids)
        found = self._session.ask(GetFolder, payload)
        if len(found) != len(names) or None in found:
            raise ews.MalformedResponseError("another number of folders than asked for")
        return [one if isinstance(one, Exception) else folder_told(one) for one in found]

    def is_there(self, folder_id: str) -> bool:
        """Whether a folder can still be asked for: anything but the answer that there is none counts."""
        payload, ids = create_element("m:GetFolder"), create_element("m:FolderIds")
        payload.append(_shape("m:FolderShape", _FOLDER_FIELDS))
        ids.append(create_element("t:FolderId", attrs={"Id": folder_id}))
        payload.append(ids)
        (found, *_) = self._session.ask(GetFolder, payload) or [None]
        return not isinstance(found, ABSENT)

    def folders_below(self, folder_id: str, *, deep: bool = True) -> Iterator[FolderTold]:
        """All folders below one, search folders left out: what they show lies elsewhere."""
        offset = 0
        while offset < _MOST_FOLDERS:
            root = self._session.one(FindFolder, _find_folder(folder_id, offset, "Deep" if deep else "Shallow"))
            holder = root.find(f"{{{TNS}}}Folders")
            if holder is None:
                raise ews.MalformedResponseError("a listing without folders")
            listed = list(holder)
            yield from (folder_told(one) for one in listed if one.tag != f"{{{TNS}}}SearchFolder")
            is_last = root.get("IncludesLastItemInRange", str(len(listed) < _PAGE_FOLDERS)).lower() == "true"
            if is_last or not listed:
                return
            offset += len(listed)
        raise ews.MalformedResponseError("a listing without end")

    def has_inbox(self) -> bool:
        """Whether the mailbox is there for us to ask: what is missing or denied is an answer too."""
        try:
            (found,) = self.distinguished(["inbox"])
        except NO_ANSWER:
            return False
        return isinstance(found, (FolderTold, *ABSENT, *DENIED))

    def page(self, folder_id: str, state: str) -> Page:
        """What changed in a folder since a sync state. Raises ErrorInvalidSyncStateData for a state that holds no more."""
        shape = _shape("m:ItemShape", _LIST_FIELDS, (FLAG_STATUS, LAST_VERB))
        return _page(self._session.one(SyncFolderItems, _sync(folder_id, shape, state, PAGE_ITEMS)))

    def probe(self, folder_id: str) -> None:
        """Ask for one item of a folder's listing. Raises the error that a capture would meet."""
        shape = _shape("m:ItemShape", ("item:ItemClass",))
        self._session.one(SyncFolderItems, _sync(folder_id, shape, "", 1))

    def items(self, item_ids: Sequence[str]) -> list[Answer]:
        """The items with their bytes, in this order: the item, an error, or None for each."""
        found = self._session.ask(GetItem, _get_item(item_ids))
        if len(found) != len(item_ids) or any(
            _is_of_another(one, item_ids, asked) for one, asked in zip(found, item_ids, strict=True)
        ):
            raise ews.MalformedResponseError("other items than asked for")
        return [one if one is None or isinstance(one, Exception) else _got(one, mime_in(one)) for one in found]

    def entries(self, item_ids: Sequence[str]) -> list[Entry]:
        """These items as a sync would list them, in this order; of one that is not told there is the id."""
        try:
            found = self._session.ask(GetItem, _get_item(item_ids, _shape("m:ItemShape", _LIST_FIELDS, (FLAG_STATUS, LAST_VERB))))
        except NO_ANSWER:
            found = []
        told = [entry_of(one) for one in found if one is not None and not isinstance(one, Exception)]
        known = {entry.item_id: entry for entry in told}
        return [known.get(one) or entry_untold(one) for one in item_ids]

    def gone(self, item_ids: Sequence[str]) -> set[str]:
        """Those of which the server says, asked for nothing but their ids, that there is no such item."""
        found = self._session.ask(GetItem, _get_item(item_ids, _shape("m:ItemShape", ("item:ItemClass",))))
        if len(found) != len(item_ids):
            raise ews.MalformedResponseError("another number of items than asked for")
        return {item_id for item_id, one in zip(item_ids, found, strict=True) if isinstance(one, ABSENT)}

    def large_item(self, item_id: str) -> Answer:
        """One item, whose bytes are not held twice."""
        found = self._session.ask(GetLargeItem, _get_item([item_id]))
        one = found.pop() if len(found) == 1 else None
        return one if one is None or isinstance(one, Exception) else _got(*one)

    def members(self, of: Person) -> tuple[tuple[Person, ...], bool]:
        """The members of a list, and whether these are all."""
        payload, mailbox = create_element("m:ExpandDL"), create_element("m:Mailbox")
        if of.address:
            add_xml_child(mailbox, "t:EmailAddress", of.address)
        else:
            mailbox.append(create_element("t:ItemId", attrs={"Id": of.item_id}))
        payload.append(mailbox)
        expansion = self._session.one(ExpandDL, payload)
        return people_in(expansion), expansion.get("IncludesLastItemInRange", "true").lower() == "true"

    def _distinguished_id(self, name: str) -> Any:
        element = create_element("t:DistinguishedFolderId", attrs={"Id": name})
        if not self._session.impersonates and not name.startswith("publicfolders"):
            mailbox = create_element("t:Mailbox")
            add_xml_child(mailbox, "t:EmailAddress", self._session.mailbox)
            element.append(mailbox)
        return element


def _is_of_another(answer: Any, item_ids: Sequence[str], asked: str) -> bool:
    """Whether the answer about one item tells the id of another of them. Servers may write an id in another way."""
    told = None if answer is None or isinstance(answer, Exception) else answer.find(f"{{{TNS}}}ItemId")
    return told is not None and told.get("Id") != asked and told.get("Id") in item_ids


def _got(element: Any, raw: bytes | None) -> Got:
    return Got(item_told(element), raw)


def _get_item(item_ids: Sequence[str], shape: Any = None) -> Any:
    """Whole, where no shape is given."""
    payload = create_element("m:GetItem")
    whole = (_ITEM_FIELDS, (FLAG_STATUS, LAST_VERB, ORIGINAL_MESSAGE_ID))
    payload.append(_shape("m:ItemShape", *whole, mime=True) if shape is None else shape)
    ids = create_element("m:ItemIds")
    for item_id in item_ids:
        ids.append(create_element("t:ItemId", attrs={"Id": item_id}))
    payload.append(ids)
    return payload


def _sync(folder_id: str, shape: Any, state: str, most: int) -> Any:
    payload, folder = create_element("m:SyncFolderItems"), create_element("m:SyncFolderId")
    payload.append(shape)
    folder.append(create_element("t:FolderId", attrs={"Id": folder_id}))
    payload.append(folder)
    if state:
        add_xml_child(payload, "m:SyncState", state)
    add_xml_child(payload, "m:MaxChangesReturned", most)
    return payload


def _page(message: Any) -> Page:
    changes = message.find(f"{{{MNS}}}Changes")
    told = [one for one in changes if one.tag in (f"{{{TNS}}}Create", f"{{{TNS}}}Update")] if changes is not None else []
    is_last = (message.findtext(f"{{{MNS}}}IncludesLastItemInRange") or "true").strip().lower() == "true"
    state = (message.findtext(f"{{{MNS}}}SyncState") or "").strip()
    if not state:
        raise ews.MalformedResponseError("a sync without a state")
    entries = {entry.item_id: entry for entry in map(entry_in, told)}
    return Page(tuple(entries.values()), state, is_last)


def _find_folder(folder_id: str, offset: int, traversal: str) -> Any:
    payload = create_element("m:FindFolder", attrs={"Traversal": traversal})
    payload.append(_shape("m:FolderShape", _FOLDER_FIELDS, sizes=True))
    view = {"MaxEntriesReturned": _PAGE_FOLDERS, "Offset": offset, "BasePoint": "Beginning"}
    payload.append(create_element("m:IndexedPageFolderView", attrs=view))
    parents = create_element("m:ParentFolderIds")
    parents.append(create_element("t:FolderId", attrs={"Id": folder_id}))
    payload.append(parents)
    return payload


def _shape(tag: str, fields: Sequence[str], tags: Sequence[str] = (), *, mime: bool = False, sizes: bool = False) -> Any:
    """What to tell of each: ids, these fields, and MAPI properties by their tags."""
    shape = create_element(tag)
    add_xml_child(shape, "t:BaseShape", "IdOnly")
    if mime:
        add_xml_child(shape, "t:IncludeMimeContent", "true")
    more = create_element("t:AdditionalProperties")
    for field in fields:
        more.append(create_element("t:FieldURI", attrs={"FieldURI": field}))
    kinds = [(one, "String" if one == ORIGINAL_MESSAGE_ID else "Integer") for one in tags]
    for property_tag, kind in [*kinds, *([(FOLDER_SIZE, "Long")] if sizes else [])]:
        more.append(create_element("t:ExtendedFieldURI", attrs={"PropertyTag": property_tag, "PropertyType": kind}))
    shape.append(more)
    return shape
