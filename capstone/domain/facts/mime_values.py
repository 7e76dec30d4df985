"""Content-Type and Content-Disposition values: the token and its parameters, RFC 2231 and RFC 2047 included. Never raises."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from capstone.domain.facts.charsets import decoded, without_surrogates
from capstone.domain.facts.words import unwrapped

_MAX_LENGTH, _SHORT = 65_536, 100
_PARAMETER = re.compile(r""";[ \t]*([^\s=;"]{1,128})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_PATH = re.compile(r".*[/\\]", re.DOTALL)


def read_value(value: str) -> tuple[str, dict[str, str]]:
    """(the token in lower case, parameters by name in lower case). The first of doubled parameters counts.

    The answer may be shared: do not change it.
    """
    return _read_short(value) if len(value) < _SHORT else _read(value[:_MAX_LENGTH])


def _read(value: str) -> tuple[str, dict[str, str]]:
    token, semicolon, _ = value.partition(";")
    found: dict[str, str] = {}
    if semicolon:
        for match in _PARAMETER.finditer(value, len(token)):
            name, quoted, plain = match.groups()
            text = plain.strip() if quoted is None else _ESCAPED.sub(r"\1", quoted)
            found.setdefault(name.lower(), text)
    if "*" in value:
        found = _continued(found)
    return token.strip().lower(), found


def file_name(disposition: dict[str, str], content_type: dict[str, str]) -> str:
    """The file name a part gives itself, decoded; "" if none. A path in it is kept out of the name."""
    name = disposition.get("filename") or content_type.get("name") or ""
    if not name:
        return ""
    if "=?" in name:
        name = unwrapped(name, _ignored)
    name = without_surrogates(name.replace("\0", "").replace("\n", " ").replace("\r", " "))
    return _PATH.sub("", name).strip() or name.strip()


def _ignored(_: str) -> None:
    """A broken file name is seen in the name itself."""


_read_short = lru_cache(maxsize=1024)(_read)


def _continued(found: dict[str, str]) -> dict[str, str]:
    """RFC 2231: name*0*, name*1 ... joined, percent-encoded ones decoded."""
    out: dict[str, str] = {}
    for key, text in found.items():
        name, star, rest = key.partition("*")
        if not star:
            out.setdefault(name, text)
        elif rest == "":
            out[name] = _extended([(text, True)])
        elif rest in ("0", "0*"):
            out[name] = _extended(_pieces(found, name))
    return out


def _pieces(found: dict[str, str], name: str) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    for number in range(len(found)):
        plain, coded = found.get(f"{name}*{number}"), found.get(f"{name}*{number}*")
        if plain is None and coded is None:
            break
        pieces.append((plain or "", False) if coded is None else (coded, True))
    return pieces


def _extended(pieces: list[tuple[str, bool]]) -> str:
    charset, raw = "", b""
    for position, (text, is_coded) in enumerate(pieces):
        if is_coded and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw += unquote_to_bytes(text) if is_coded else text.encode("utf-8")
    return decoded(raw, charset or "utf-8")[0]
