"""The clock of this machine."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Clock on the system's time."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)
