"""Compare and check addresses. Headers may hold anything; the roster of officials may not."""

from __future__ import annotations

import hashlib
import unicodedata

_PUBLIC_NAME = "com"
_MARK_LENGTH = 16


def normal_form(address: str) -> str:
    """The form in which two addresses are compared: NFC, no outer blanks, lower case. Never raises."""
    return unicodedata.normalize("NFC", address).strip().lower()


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
