"""What a source could not reach: which of its notes (`message.SourceNote`) name mail that the archive lacks, and until when.

Here alone a note is judged, and by its code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

CONTAINER, MISSED = "container", "missed"
"""The counts of a file of many items: a gap where items in it could not be read, or another reader lists more mail than was."""

GAPS: Mapping[str, str] = {
    "archive_mailbox_not_offered": "in-place archive",
    "archive_mailbox_not_readable": "in-place archive",
    "archive_recoverable_items_not_readable": "Recoverable Items of the in-place archive",
    "folder_not_shown": "a folder that the server does not show",
    "public_folders_not_readable": "a public folder",
    "recoverable_items_not_readable": "Recoverable Items",
    CONTAINER: "items of a container",
}
"""Code: what the archive lacks, in words that name no folder and no file, so that whoever may see the account may read them."""

PLAIN = frozenset({"ids_not_translated", "msg_files", "pst_item_unreadable"})
"""Codes of what is worth knowing and lacks no item: items read once more than needed, what quarantine counts, attachments that
the native item lacks too."""

_LASTING = frozenset({CONTAINER})
"""A file that was read once need not be there at the next run: what it lacks is lacking until that file itself is read again."""


def is_gap(code: str, counts: Mapping[str, int]) -> bool:
    """Whether something is not covered. A code that nobody knows is a gap."""
    if code == CONTAINER:
        return counts.get("unrecovered", 0) > 0 or counts.get(MISSED, 0) > 0
    return code not in PLAIN


def what_is_lacking(code: str) -> str:
    """In words for people."""
    return GAPS.get(code, "a part of the source")


def still_stands(code: str, where: str, told: Collection[tuple[str, str]], *, is_whole: bool) -> bool:
    """Whether a gap of an earlier run stands after one that told these (code, where); `is_whole`: and that read the whole
    source, so that a part which it does not name was reached."""
    return (code, where) not in told and (code in _LASTING or not is_whole)
