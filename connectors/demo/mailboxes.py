"""How a mailbox of the invented agency lies on disk: Maildir, MBOX files, one MBOX file, or folders of EML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a folder. `name` is set for a file that keeps its own name."""

    folder: str
    filed_at: datetime
    raw: bytes = field(repr=False)
    name: str = ""


def lay_out(kind: str, account: str, items: Sequence[Item]) -> Files:
    """{relative path: bytes} of a mailbox. Items in the order given. Raises KeyError for an unknown kind."""
    makers: Mapping[str, Callable[[str, Sequence[Item]], Files]] = {
        "maildir": _maildir,
        "mbox": _mbox,
        "single-mbox": _single_mbox,
        "eml": _eml,
    }
    return makers[kind](account, items)


def empty_folders(kind: str, files: Files) -> list[str]:
    """Folders that the format wants even when nothing lies in them: cur, new and tmp of each Maildir."""
    if kind != "maildir":
        return []
    bases = {name.rpartition("cur/" if "cur/" in name else "new/")[0] for name in files}
    return sorted(f"{base}{part}" for base in bases for part in ("cur", "new", "tmp"))


def _maildir(account: str, items: Sequence[Item]) -> Files:
    """Maildir with subfolders (.Sent, .Projects.Rulemaking); the newest inbox mail is unread, in new/."""
    files: Files = {}
    newest = max((item.filed_at for item in items if item.folder == "Inbox"), default=None)
    for number, item in enumerate(items):
        base = "" if item.folder == "Inbox" else f".{item.folder.replace('/', '.')}/"
        unique = f"{int(item.filed_at.timestamp())}.M{number:06d}P1.mail"
        is_unread = base == "" and item.filed_at == newest
        files[f"{base}new/{unique}" if is_unread else f"{base}cur/{unique}:2,{_flags(item.folder, number)}"] = item.raw
    return files


def _flags(folder: str, number: int) -> str:
    if folder == "Drafts":
        return "DS"
    return ("S", "RS", "S", "FS", "S")[number % 5]


def _mbox(account: str, items: Sequence[Item]) -> Files:
    """One MBOX file a folder, as exports name them."""
    files: Files = {}
    for item in items:
        path = f"{item.folder}.mbox"
        files[path] = files.get(path, b"") + _in_mbox(item)
    return files


def _single_mbox(account: str, items: Sequence[Item]) -> Files:
    return {f"{account}.mbox": b"".join(_in_mbox(item) for item in items)}


def _in_mbox(item: Item) -> bytes:
    """The item behind its `From ` line. Nothing is quoted: a body line starting with "From " keeps its bytes."""
    line = f"From MAILER-DAEMON {item.filed_at.astimezone(UTC):%a %b %e %H:%M:%S %Y}\n".encode()
    return line + item.raw + (b"\n" if item.raw.endswith(b"\n") else b"\n\n")


def _eml(account: str, items: Sequence[Item]) -> Files:
    """A folder of EML files for each folder, lines ending in CRLF as mail clients save them."""
    files: Files = {}
    for number, item in enumerate(items, start=1):
        name = item.name or f"{item.filed_at:%Y-%m-%d}-{number:04d}.eml"
        files[f"{item.folder}/{name}"] = item.raw if item.name else item.raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return files
