"""How much an archive may unpack to before it counts as a bomb: small on disk, and made to fill one."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


class ArchiveBomb(Exception):
    """An archive unpacks to more than is allowed. Says which limit it passed."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """For one archive, with all archives inside it. Chosen so that real collections of mail stay far below."""

    total_bytes: int = 200 * _GIB
    member_bytes: int = 100 * _GIB
    """A PST file ends at 50 GB as Outlook is delivered."""
    members: int = 500_000
    ratio: int = 500
    """Unpacked bytes to packed ones. Mail comes to 2 to 20, many copies of one attachment to more; a bomb to 1,000."""
    free_bytes: int = 512 * _MIB
    """So much may be unpacked whatever the ratio."""
    depth: int = 3
    """Archives within archives."""
    listing_bytes: int = 64 * _MIB
    """The central directory of a ZIP file, which is read into memory."""
    reserve_bytes: int = 256 * _MIB
    """What stays free on the disk that is unpacked to."""


LIMITS = ArchiveLimits()


class Budget:
    """What one archive and all inside it have used up."""

    def __init__(self, limits: ArchiveLimits, packed_bytes: int) -> None:
        """`packed_bytes` is the size of the outermost archive."""
        self._limits = limits
        self._most = min(limits.total_bytes, max(limits.free_bytes, packed_bytes * limits.ratio))
        self._is_ratio = self._most < limits.total_bytes
        self._bytes = self._members = 0

    @property
    def left(self) -> int:
        """How many bytes may be unpacked still."""
        return self._most - self._bytes

    def take(self, more_bytes: int) -> None:
        """So many bytes more are unpacked. Raises ArchiveBomb."""
        self._bytes += more_bytes
        if self._bytes > self._most:
            of_what = f"{self._limits.ratio} times its size" if self._is_ratio else f"{self._limits.total_bytes:,} bytes"
            raise ArchiveBomb(f"it unpacks to more than {of_what}")

    def count(self) -> None:
        """One member more is listed. Raises ArchiveBomb."""
        self._members += 1
        if self._members > self._limits.members:
            raise ArchiveBomb(f"it has more than {self._limits.members:,} members")

    def check_size(self, size_bytes: int) -> None:
        """A member says, or turns out, to be so large. Raises ArchiveBomb."""
        if size_bytes > self._limits.member_bytes:
            raise ArchiveBomb(f"a member is larger than {self._limits.member_bytes:,} bytes")

    def check_listing(self, size_bytes: int) -> None:
        """Its list of members takes so many bytes. Raises ArchiveBomb."""
        if size_bytes > self._limits.listing_bytes:
            raise ArchiveBomb(f"its list of members is larger than {self._limits.listing_bytes:,} bytes")
