"""Windows codepages by the names that mail has for them."""

from __future__ import annotations

_CODEPAGES = {
    932: "shift_jis",
    936: "gb2312",
    949: "ks_c_5601-1987",
    950: "big5",
    1200: "utf-16le",
    10000: "macintosh",
    20127: "us-ascii",
    20866: "koi8-r",
    20932: "euc-jp",
    21866: "koi8-u",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    51932: "euc-jp",
    51936: "gb2312",
    51949: "euc-kr",
    52936: "hz-gb-2312",
    54936: "gb18030",
    65000: "utf-7",
    65001: "utf-8",
}


def charset_of(codepage: int | None) -> str | None:
    """The name that mail has for a Windows codepage; None where it has none."""
    if codepage is None:
        return None
    if codepage in _CODEPAGES:
        return _CODEPAGES[codepage]
    if 1250 <= codepage <= 1258 or codepage == 874:
        return f"windows-{codepage}"
    return f"iso-8859-{codepage - 28590}" if 28591 <= codepage <= 28605 else None
