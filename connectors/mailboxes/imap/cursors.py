"""How far a folder was read: the text that the ledger keeps, and what it means for the next run."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.mailboxes.imap.session import FolderState


@dataclass(frozen=True, slots=True)
class Position:
    """Everything of a folder up to `last_uid` was offered. `whole` is what the server said of a folder read to its end."""

    validity: int
    last_uid: int
    whole: FolderState | None = None

    def as_text(self) -> str:
        """`validity:uid`, and after a whole read `:uid_next:mod_seq`."""
        text = f"{self.validity}:{self.last_uid}"
        return text if self.whole is None else f"{text}:{self.whole.uid_next}:{self.whole.mod_seq}"


def position_in(text: str | None) -> Position | None:
    """The position that a cursor tells; None for none, and for a text that is none of ours: the folder is read anew."""
    numbers = (text or "").split(":")
    if len(numbers) not in (2, 4) or not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    validity, last_uid, *whole = map(int, numbers)
    return Position(validity, last_uid, FolderState(validity, whole[0], 0, whole[1]) if whole else None)


def read_after(position: Position | None, state: FolderState) -> int:
    """The UID to read on from; 0 where the folder is to be read from its beginning."""
    return position.last_uid if position is not None and _is_same_folder(position, state) else 0


def is_unchanged(position: Position | None, state: FolderState) -> bool:
    """Whether the folder surely holds nothing new: UIDs only grow, and so does what counts its changes."""
    if position is None or not _is_same_folder(position, state):
        return False
    if state.uid_next:
        return state.uid_next == position.last_uid + 1 or (
            position.whole is not None and state.uid_next == position.whole.uid_next
        )
    return position.whole is not None and state.mod_seq > 0 and state.mod_seq == position.whole.mod_seq


def _is_same_folder(position: Position, state: FolderState) -> bool:
    """UIDVALIDITY says so, but for servers that give every folder the same: there, numbers that went back betray a new one."""
    if not state.validity or state.validity != position.validity:
        return False
    before = position.whole
    shrunk = before is not None and (0 < state.uid_next < before.uid_next or 0 < state.mod_seq < before.mod_seq)
    return not shrunk and not 0 < state.uid_next <= position.last_uid
