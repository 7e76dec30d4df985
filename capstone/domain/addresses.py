"""Compare and check addresses. Headers may hold anything; the roster of officials may not."""

from __future__ import annotations

import unicodedata

_PUBLIC_NAME = "com"


def normal_form(address: str) -> str:
    """The form in which two addresses are compared: NFC, no outer blanks, lower case. Never raises."""
    return unicodedata.normalize("NFC", address).strip().lower()


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
