"""Tells a few messages that are never given from a server, or a missing right, that gives none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Probe = Callable[[], bool]
"""Asks for one message: whether it is given."""

_MOST_LOST = 3


class Losses:
    """What was not given in a pass over a mailbox, or over a part of it, in the order in which it was asked for."""

    def __init__(self, most: int = _MOST_LOST) -> None:
        """Nothing was asked yet. Where `most` in a row are lost, it is asked whether others are given."""
        self._most, self._in_a_row = most, 0
        self._known: tuple[int, Probe] | None = None
        self._doubt: Exception | None = None

    def answered(self) -> None:
        """The server told something of a message, be it why it is not given."""
        self._in_a_row, self._doubt = 0, None

    def given(self, size_bytes: int, again: Probe) -> None:
        """A message was given; the smallest of them is the one that is asked for again."""
        self.answered()
        if self._known is None or size_bytes < self._known[0]:
            self._known = size_bytes, again

    def moved(self) -> None:
        """From here, what was given before cannot be asked for again."""
        self._in_a_row, self._known = 0, None

    def lost(self, error: Exception, others: Iterable[Probe]) -> None:
        """A message was not given. Raises the error where it is the last of so many in a row and none other is given either."""
        self._in_a_row += 1
        if self._in_a_row < self._most:
            return
        probes = [*([self._known[1]] if self._known else []), *others]
        if any(probe() for probe in probes):
            self.answered()
        elif probes:
            raise error
        else:
            self._doubt = error  # What comes later in the pass tells.

    def end(self) -> None:
        """The pass is over. Raises the error of so many in a row where nothing at all was given."""
        if self._doubt is not None:
            raise self._doubt
