"""What folders in Microsoft 365 are called and what they are for, as the server and their names say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from capstone.domain import folders

SENT = "sent"
CANONICAL = {
    "inbox": "Inbox",
    "sentitems": "Sent Items",
    "drafts": "Drafts",
    "outbox": "Outbox",
    "junkemail": "Junk Email",
    "deleteditems": "Deleted Items",
    "archive": "Archive",
    "clutter": "Clutter",
    "conversationhistory": "Conversation History",
    "scheduled": "Scheduled",
    "syncissues": "Sync Issues",
    "conflicts": "Conflicts",
    "localfailures": "Local Failures",
    "serverfailures": "Server Failures",
}
"""Well-known name (/graph/api/resources/mailfolder): the name by which people know such a folder."""

_MEANING = {"sentitems": SENT, "drafts": "folder_drafts", "outbox": "folder_outbox", "syncissues": "folder_sync_issues"}
"""What some of them are for, as the policies call it."""
_AMBIGUOUS = re.compile(r"%(?=[0-9A-F]{2})")
_ESCAPED = re.compile(r"[/\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Meanings:
    """What folders of one mailbox are for: by what the server says, by the name only at the top and for what it does not tell.
    Deeper, and where the server told of another one, a folder called "Drafts" is anybody's."""

    well_known: Mapping[str, str]
    """Folder id: well-known name."""
    by_name: bool
    """Whether names at the top count at all."""

    def of(self, told: Mapping[str, Any], *, is_top: bool) -> str:
        """The policy that leaves this folder out, "sent", or ""."""
        if (name := self.well_known.get(str(told["id"]))) is not None:
            return _MEANING.get(name, "")
        if not (self.by_name and is_top):
            return ""
        shown = shown_name(told)
        meaning = SENT if folders.is_sent(shown) else folders.excluded_by(shown) or ""
        return "" if meaning in {_MEANING.get(known) for known in self.well_known.values()} else meaning


def shown_name(told: Mapping[str, Any]) -> str:
    """A "/" or a control character inside a name is told as %XX, so that two names never look alike."""
    shown = _AMBIGUOUS.sub("%25", str(told.get("displayName", "")))
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", shown)
