"""Checks of sources before they are captured: what each would give, and about how long that takes. Nothing is changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capstone.domain.errors import CapstoneError
from capstone.ports import CheckableSource, FolderSeen, Run, SourceCheck

_ROUGH_BYTES_A_SECOND = 5_000_000
"""A first guess, where the source was never captured: a server over a network, read by one line."""


@dataclass(frozen=True, slots=True)
class ConfiguredSource:
    """A source as the settings name it."""

    source: str
    account: str
    kind: str
    where: str
    """Its path or its server, for people."""

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {"source": self.source, "account": self.account, "kind": self.kind, "where": self.where}


@dataclass(frozen=True, slots=True)
class CheckedSource:
    """What a check of a source came to: what it would give, or the error that it met."""

    configured: ConfiguredSource
    seen: SourceCheck | None
    seconds: int | None = None
    """About how long a capture of all of it takes; None where nobody can tell."""
    seconds_from: str | None = None
    """"earlier runs" or, as a first rough figure, "size"."""
    error: CapstoneError | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it can be captured whole."""
        return self.error is None and self.seen is not None and not self.seen.missing_rights

    @property
    def folders(self) -> tuple[FolderSeen, ...]:
        """What was seen."""
        return self.seen.folders if self.seen else ()

    @property
    def messages(self) -> int:
        """In all folders, also those that are left out."""
        return sum(folder.messages for folder in self.folders)

    @property
    def left_out(self) -> int:
        """Messages in folders that a policy leaves out."""
        return sum(folder.messages for folder in self.folders if folder.left_out_by)

    @property
    def size_bytes(self) -> int | None:
        """In all folders; None where the source does not tell it of each."""
        return _size_of(self.folders)

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        configured, seen = self.configured, self.seen
        return {
            "source": configured.source,
            "account": configured.account,
            "kind": configured.kind,
            "folders": [_folder_as_dict(folder) for folder in self.folders],
            "messages": self.messages,
            "bytes": self.size_bytes,
            "left_out": self.left_out,
            "estimated_seconds": self.seconds,
            "estimated_from": self.seconds_from,
            "missing_rights": list(seen.missing_rights) if seen else [],
            "notes": [one.as_dict() for one in (seen.notes if seen else ())],
            "error": self.error.as_dict() if self.error else None,
        }


def checked(configured: ConfiguredSource, opened: Callable[[], CheckableSource], runs: Sequence[Run]) -> CheckedSource:
    """Sign in and count. A named error is told in place of what was seen. `runs`: earlier runs of the account."""
    try:
        seen = opened().check()
    except CapstoneError as exc:
        return CheckedSource(configured, None, error=exc)
    to_read = [folder for folder in seen.folders if not folder.left_out_by]
    messages, size = sum(folder.messages for folder in to_read), _size_of(to_read)
    rate = _messages_a_second([run for run in runs if run.source == configured.source])
    if rate:
        return CheckedSource(configured, seen, math.ceil(messages / rate), "earlier runs")
    if size is not None:
        return CheckedSource(configured, seen, math.ceil(size / _ROUGH_BYTES_A_SECOND), "size")
    return CheckedSource(configured, seen)


def _messages_a_second(runs: Sequence[Run]) -> float | None:
    """The speed of the run that offered most: in small ones signing in takes most of the time."""
    ended = [(sum(run.counts.values()), (run.ended_at - run.started_at).total_seconds()) for run in runs if run.ended_at]
    offered, seconds = max(ended, default=(0, 0.0))
    return offered / seconds if offered and seconds > 0 else None


def _size_of(folders: Sequence[FolderSeen]) -> int | None:
    sizes = [folder.size_bytes if folder.messages else 0 for folder in folders]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _folder_as_dict(folder: FolderSeen) -> dict[str, object]:
    return {
        "path": folder.path,
        "messages": folder.messages,
        "bytes": folder.size_bytes,
        "left_out_by": folder.left_out_by,
    }
