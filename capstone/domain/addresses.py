"""Compare and check addresses. Headers may hold anything; the roster of officials may not."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email


def normal_form(address: str) -> str:
    """The form in which two addresses are compared: NFC, no outer blanks, lower case. Never raises."""
    return unicodedata.normalize("NFC", address).strip().lower()


def roster_problem(address: str, internal_domains: frozenset[str] = frozenset()) -> str | None:
    """Why an address may not stand in the register of officials; None when it may.

    `internal_domains` are names such as "local" or "corp.agency.example": addresses below them are checked for form only,
    as no public name system knows them. Nothing is looked up on a network.
    """
    domain = address.rpartition("@")[2].lower()
    is_internal = any(domain == name or domain.endswith("." + name) for name in internal_domains)
    try:
        validate_email(address, check_deliverability=False, globally_deliverable=not is_internal)
    except EmailNotValidError as exc:
        return str(exc)
    return None
