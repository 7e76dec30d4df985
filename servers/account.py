"""The user that servers run as: the one who starts them, or `nobody` when that is root.

PostgreSQL and Elasticsearch refuse root; the others have no need of it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from servers.errors import ServerError

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """Who the processes belong to."""

    name: str
    group: str
    uid: int
    gid: int
    is_other: bool
    """Whether it is another user than the one who starts the servers."""


def server_account() -> Account:
    """The present user; for root, `nobody`. Raises ServerError when there is no such user."""
    import grp

    is_root = os.geteuid() == 0
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED) if is_root else pwd.getpwuid(os.geteuid())
        return Account(entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name, entry.pw_uid, entry.pw_gid, is_root)
    except KeyError as exc:
        raise ServerError("The user that the servers should run as has no entry in the user or group database.") from exc


def owned_folder(path: Path) -> Path:
    """The folder, made if need be, private to the servers' user. Raises ServerError when that user cannot reach it."""
    account = server_account()
    path.mkdir(parents=True, exist_ok=True)
    if account.is_other:
        closed = [parent for parent in path.absolute().parents if not _lets_in(account, parent.stat())]
        if closed:
            raise ServerError(
                f"The servers run as '{account.name}', which cannot enter {closed[-1]}. Choose a folder that everybody may enter."
            )
        shutil.chown(path, account.uid, account.gid)
    path.chmod(0o750)
    return path


def _lets_in(account: Account, folder: os.stat_result) -> bool:
    needed = 0o100 if folder.st_uid == account.uid else 0o010 if folder.st_gid == account.gid else 0o001
    return bool(folder.st_mode & needed)


def owned_file(path: Path, text: str | None = None) -> Path:
    """A file that only the servers' user can read; with `text` as its whole content, else as it is."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    if text is not None:
        path.write_text(text)
    account = server_account()
    if account.is_other:
        shutil.chown(path, account.uid, account.gid)
    return path


def kept_secret(path: Path) -> str:
    """A random word that is made once and kept in the file, so that a second start uses the same one."""
    if not path.exists():
        owned_file(path, secrets.token_urlsafe(24))
    return path.read_text()
