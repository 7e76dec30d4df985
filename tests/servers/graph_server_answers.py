"""What the Graph test server answers about one mailbox. Each answer names the page of learn.microsoft.com that it follows."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.servers.graph_server_mailboxes import GraphFolder, GraphMailbox, GraphMessage

TENANT = "11111111-2222-3333-4444-555555555555"
PAGE = 10
"""'If a collection exceeds the default page size (10 items)': /graph/api/user-list-mailfolders."""


@dataclass(frozen=True)
class Answer:
    """Status, JSON (or bytes) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: int = 0


@dataclass(frozen=True)
class Request:
    """One request to one mailbox."""

    url: str
    mailbox: GraphMailbox
    base: str
    query: Mapping[str, str]
    immutable: bool
    size: int

    def answer(self, version: str, path: list[str], body: Any) -> Answer:
        match path:
            case ["settings", "exchange"] if version == "beta":
                return self._settings()
            case ["translateExchangeIds"]:
                return self._translated(body)
            case ["messages", given, "$value"]:
                return self._mime(self.mailbox.message(given))
            case ["messages", given]:
                return self._one_message(self.mailbox.message(given))
            case ["mailFolders"]:
                return self._folders(self.mailbox.root)
            case ["mailFolders", given]:
                return self._one_folder(self.mailbox.folders.get(self.mailbox.named(given) or ""))
            case ["mailFolders", given, "childFolders"]:
                parent = self.mailbox.named(given)
                return self._folders(parent) if parent else unfound()
            case ["mailFolders", given, "messages", "delta" | "delta()" | "microsoft.graph.delta()"]:
                folder = self.mailbox.named(given)
                return self._delta(folder) if folder else unfound()
            case ["mailFolders", given, "messages"]:
                folder = self.mailbox.named(given)
                return self._messages(folder) if folder else unfound()
        # /graph/errors: 'Can't process the request because it's malformed or incorrect'.
        return Answer(400, error("BadRequest"))

    def _one_message(self, message: GraphMessage | None) -> Answer:
        """/graph/api/message-get."""
        return unfound() if message is None else Answer(200, self._message(message))

    def _one_folder(self, folder: GraphFolder | None) -> Answer:
        """/graph/api/mailfolder-get, by id or by well-known name."""
        return unfound() if folder is None else Answer(200, self.mailbox.folder_json(folder))

    def _settings(self) -> Answer:
        """/graph/api/usersettings-list-exchange?view=graph-rest-beta, 'Response'."""
        told = {"primaryMailboxId": f"MBX:e0643f21@{TENANT}"}
        if self.mailbox.archive is not None:
            told["inPlaceArchiveMailboxId"] = self.mailbox.archive.address
        return Answer(200, told)

    def _translated(self, body: Any) -> Answer:
        """/graph/api/user-translateexchangeids, 'Response'; more than 1000 ids are refused. An id that is not known comes with
        `errorDetails` (/graph/api/resources/convertidresult)."""
        # The page writes inputIds, the official SDK InputIds.
        body = {key.lower(): value for key, value in body.items()}
        if len(body["inputids"]) > 1000 or (body["sourceidtype"], body["targetidtype"]) != ("restImmutableEntryId", "ewsId"):
            return Answer(400, error("BadRequest"))
        told: list[dict[str, Any]] = []
        for given in body["inputids"]:
            if (found := self.mailbox.messages.get(given)) is not None:
                told.append({"sourceId": given, "targetId": found.ews_id})
            else:
                told.append(
                    {"sourceId": given, "errorDetails": {"code": "ErrorInvalidIdMalformed", "message": "Id is malformed."}}
                )
        return Answer(200, {"value": told})

    def _mime(self, message: GraphMessage | None) -> Answer:
        """/graph/outlook-get-mime-message: the body is text/plain."""
        if message is None:
            return unfound()
        if message.is_large:
            return Answer(200, message.mime(), {"Content-Type": "text/plain"}, stream=message.is_large)
        return Answer(200, message.mime(), {"Content-Type": "text/plain"})

    def _folders(self, parent: str) -> Answer:
        """/graph/api/user-list-mailfolders and /graph/api/mailfolder-list-childfolders."""
        found = self.mailbox.children(parent, with_hidden=self.query.get("includeHiddenFolders", "").lower() == "true")
        top, skip = int(self.query.get("$top", PAGE)), int(self.query.get("$skip", 0))
        told: dict[str, Any] = {"value": [self.mailbox.folder_json(one) for one in found[skip : skip + top]]}
        if skip + top < len(found):
            where = "mailFolders" if parent == self.mailbox.root else f"mailFolders/{parent}/childFolders"
            rest = "".join(f"&{key}={value}" for key, value in self.query.items() if key not in ("$skip", "$top"))
            told["@odata.nextLink"] = f"{self.url}{self.base}/{where}?$top={top}&$skip={skip + top}{rest}"
        return Answer(200, told)

    def _messages(self, folder: str) -> Answer:
        """/graph/api/mailfolder-list-messages."""
        top, skip = int(self.query.get("$top", self.size)), int(self.query.get("$skip", 0))
        found = self.mailbox.in_folder(folder)
        told: dict[str, Any] = {"value": [self._message(one) for one in found[skip : skip + top]]}
        if skip + top < len(found):
            told["@odata.nextLink"] = f"{self.url}{self.base}/mailFolders/{folder}/messages?$top={top}&$skip={skip + top}"
        return Answer(200, told)

    def _message(self, message: GraphMessage, token: Mapping[str, Any] | None = None) -> dict[str, Any]:
        asked = self.query if token is None else token
        select = asked["$select"].split(",") if asked.get("$select") else None
        return message.as_json(select, "singleValueExtendedProperties" in asked.get("$expand", ""), self.immutable)

    def _delta(self, folder: str) -> Answer:
        """/graph/delta-query-messages. Tokens are opaque and hold the query; an old generation is answered 410 with a Location
        to begin anew (/graph/delta-query-overview, 'Synchronization reset')."""
        token = self._token()
        if token is None:
            return Answer(400, error("ErrorInvalidSyncStateData"))
        if token["generation"] != self.mailbox.generation:
            again = f"{self.url}{self.base}/mailFolders/{folder}/messages/delta?$deltatoken="
            return Answer(410, error("SyncStateNotFound"), {"Location": again})
        told = self._page(folder, token)
        links = {"@odata.context": f"{self.url}/v1.0/$metadata#Collection(message)"}
        return Answer(200, links | told, {"Preference-Applied": "odata.track-changes"})

    def _token(self) -> dict[str, Any] | None:
        text = self.query.get("$skiptoken") or self.query.get("$deltatoken")
        if not text:
            until = len(self.mailbox.changes)
            whole = {key: self.query.get(key, "") for key in ("$select", "$expand")}
            return {"generation": self.mailbox.generation, "since": -1, "until": until, "at": 0, **whole}
        try:
            token: dict[str, Any] = json.loads(b64decode(text, altchars=b"-_"))
        except ValueError:
            return None
        if self.query.get("$deltatoken"):
            token |= {"since": token["until"], "until": len(self.mailbox.changes), "at": 0}
        return token

    def _page(self, folder: str, token: dict[str, Any]) -> dict[str, Any]:
        since, until, at = token["since"], token["until"], token["at"]
        touched = self.mailbox.changes[max(since, 0) : until]
        ids = list(dict.fromkeys(message for where, message in touched if where == folder))
        value = []
        for one in ids[at : at + self.size]:
            message = self.mailbox.messages.get(one)
            if message is not None and message.folder_id == folder:
                value.append(self._message(message, token))
            elif since >= 0:
                told = {"@odata.type": "#microsoft.graph.message", "id": one, "@removed": {"reason": "deleted"}}
                value.append(told)
        is_last = at + self.size >= len(ids)
        kind, following = ("deltatoken", {**token, "at": 0}) if is_last else ("skiptoken", {**token, "at": at + self.size})
        text = b64encode(json.dumps(following).encode(), altchars=b"-_").decode()
        link = f"{self.url}{self.base}/mailFolders('{folder}')/messages/delta?${kind}={quote(text)}"
        return {"value": value, "@odata.deltaLink" if is_last else "@odata.nextLink": link}


def unfound() -> Answer:
    """/graph/errors: 'The requested resource doesn't exist'; the code is the one that Exchange Online sends."""
    return Answer(404, error("ErrorItemNotFound"))


def error(code: str) -> dict[str, Any]:
    """/graph/errors, 'an example of a full JSON error body'. The message holds what no log may show."""
    inner = {"request-id": "11111111-aaaa", "date": "2026-01-02T10:00:00"}
    return {"error": {"code": code, "message": "words of the server about ada@agency.example", "innerError": inner}}
