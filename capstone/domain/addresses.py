"""Compare and check addresses. Headers may hold anything; the roster of officials may not."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_PUBLIC_NAME = "com"
_MARK_LENGTH = 16
_QUOTES, _AT_END = ("'", '"'), ("'", '"', ".")
_QUOTED, _ESCAPED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL), re.compile(r"\\(.)", re.DOTALL)
_NEEDS_NO_QUOTES = re.compile(r"[^\s\"(),:;<>@\[\]\\.]++(?:\.[^\s\"(),:;<>@\[\]\\.]++)*+")
_ASCII_FORM, _LONGEST_LABEL, _AFTER_DOMAIN, _MOST_LAYERS = "xn--", 63, " .\t\r\n", 4


def normal_form(address: str) -> str:
    """The form in which two addresses are compared: NFC, no outer blanks, lower case. Never raises.

    Left out is what says nothing: quotes around a local part that needs none or around the whole, and the root of all domains.
    A domain in ASCII form (`xn--`) becomes the letters that it stands for.
    """
    normal = unicodedata.normalize("NFC", address).strip().lower()
    if not (normal[:1] in _QUOTES or normal[-1:] in _AT_END or _ASCII_FORM in normal):
        return normal
    found = normal
    for _ in range(_MOST_LAYERS):
        found, before = unicodedata.normalize("NFC", _plain(found)).strip(), found
        if found == before:
            return found
    return normal  # nobody writes so


def _plain(normal: str) -> str:
    if normal[:1] == normal[-1:] and normal[:1] in _QUOTES and "@" in normal:
        normal = normal[1:-1].strip()  # of the whole: no domain ends so
    local, at, domain = normal.rpartition("@")
    if not at:
        return normal
    quoted = _QUOTED.fullmatch(local)
    unquoted = _ESCAPED.sub(r"\1", quoted.group(1)) if quoted else local
    domain = ".".join(_letters(label) for label in domain.rstrip(_AFTER_DOMAIN).split("."))
    return f"{unquoted if _NEEDS_NO_QUOTES.fullmatch(unquoted) else local}@{domain}"


def _letters(label: str) -> str:
    """What a label stands for; as it is where it is no ASCII form of other letters."""
    if not label.startswith(_ASCII_FORM) or len(label) > _LONGEST_LABEL:
        return label
    code = label[len(_ASCII_FORM) :]
    try:
        letters = code.encode("ascii").decode("punycode")
        is_sound = not letters.isascii() and letters.encode("punycode") == code.encode("ascii")
    except (ValueError, IndexError, OverflowError):  # of which only the first is documented
        return label
    return letters.lower() if is_sound else label


def address_mark(normal: str) -> str:
    """Sixteen hex digits that stand for an address in the ledger, where no address of a message may stand itself.

    Whoever has the address can tell that it is the one; nobody reads it from the ledger of a record that is gone.
    """
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK_LENGTH]


def roster_problem(address: str, internal_domains: frozenset[str] = frozenset()) -> str | None:
    """Why an address may not stand in the register of officials; None when it may.

    `internal_domains` are names such as "local" or "corp.agency.example": addresses below them are checked for form only,
    as no public name system knows them. Nothing is looked up on a network.
    """
    # Slow to import, and needed for the register only.
    from email_validator import EmailNotValidError, validate_email

    local, _, domain = address.rpartition("@")
    is_internal = any(domain.lower() == name or domain.lower().endswith("." + name) for name in internal_domains)
    # The library refuses special-use names whatever its options; under a public name it checks the same form.
    checked = f"{local}@{domain}.{_PUBLIC_NAME}" if local and is_internal else address
    try:
        validate_email(checked, check_deliverability=False)
    except EmailNotValidError as exc:
        return str(exc)
    return None
