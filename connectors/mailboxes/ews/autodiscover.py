"""Finds the service that holds a mailbox: Autodiscover by SOAP, with the trust of the source and nothing kept on disk.

exchangelib's own keeps its answers in a file for all users of the machine and its trust in a class, so only its question is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from exchangelib import errors as ews
from exchangelib.properties import UserResponse
from exchangelib.services import GetUserSettings

from capstone.domain.errors import SourceMissing, SourceRefused, SourceUnavailable
from connectors.mailboxes.ews.answers import parts_of, root_of
from connectors.mailboxes.ews.errors import STUMBLES
from connectors.mailboxes.ews.line import Line, Trust, keeps_secrets
from connectors.mailboxes.ews.sign_in import EwsLogin, auth_for

_PATH = "autodiscover/autodiscover.svc"
_MOST_STEPS = 10
_URLS = ("external_ews_url", "internal_ews_url")
_SETTINGS = (*_URLS, "ews_supported_schemas")


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom a service is looked for, and by whom."""

    mailbox: str
    trust: Trust
    login: EwsLogin


@dataclass(frozen=True, slots=True)
class Service:
    """Where a mailbox is."""

    url: str
    mailbox: str
    """Its address there: another than was asked for where that one leads to it."""


class _Question(GetUserSettings):  # type: ignore[misc]
    """exchangelib's, of which only a whole answer counts: half an address is another server's."""

    @classmethod
    def _get_soap_parts(cls, response: Any) -> tuple[Any, Any]:
        return parts_of(root_of(response.content))


def services_of(domain: str) -> Sequence[str]:
    """Where Autodiscover answers for a domain: the host of that name, then the domain itself, which may be a public web site.

    The step over plain http is left out: whoever answers it would be given the password.
    """
    return [f"https://autodiscover.{domain}/{_PATH}", f"https://{domain}/{_PATH}"]


def find_service(asked: Asked, services: Callable[[str], Sequence[str]] = services_of) -> Service:
    """The service of a mailbox. Follows redirections, to https only. Raises SourceMissing, SourceRefused, SourceUnavailable."""
    mailbox, steps, tried = asked.mailbox, 0, set[tuple[str, str]]()
    waiting = list(services(_domain(mailbox)))
    refused: Exception | None = None
    while waiting and steps < _MOST_STEPS:
        url, steps = waiting.pop(0), steps + 1
        if (url, mailbox) in tried:
            continue
        tried.add((url, mailbox))
        try:
            told = _settings(asked, url, mailbox)
        except ews.UnauthorizedError as exc:
            refused = exc
            continue
        except (ews.EWSError, requests.RequestException, OSError, *STUMBLES):
            continue
        if told.error_code == "InvalidUser":
            raise SourceMissing("Autodiscover knows no such mailbox.", "Check `mailbox` of this source, or give its `url`.")
        if service := _service(told):
            return Service(service, mailbox)
        mailbox, waiting = _next(told, mailbox, waiting, services)
    if refused is not None:
        raise SourceRefused("Autodiscover does not take this user with this password, ticket or token.")
    raise SourceUnavailable("Autodiscover did not find the server of this mailbox.", "Give the `url` of this source.")


def _settings(asked: Asked, url: str, mailbox: str) -> Any:
    service = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    with closing(Line(url, asked.trust, auth_for(asked.login, service, asked.trust))) as line:
        return _Question(protocol=line).get(users=[mailbox], settings=list(_SETTINGS))


def _service(told: UserResponse) -> str | None:
    """The first address that is safe to send a password to. Raises SourceRefused where it tells only others."""
    if told.redirect_url or told.redirect_address or not told.user_settings:
        return None
    found = [str(url) for name in _URLS if (url := told.user_settings.get(name))]
    if found and not any(map(keeps_secrets, found)):
        raise SourceRefused("Autodiscover tells no https address of the service.", "Give the `url` of this source, with https.")
    return next(filter(keeps_secrets, found), None)


def _next(
    told: UserResponse, mailbox: str, waiting: list[str], services: Callable[[str], Sequence[str]]
) -> tuple[str, list[str]]:
    """Another address of the mailbox begins anew; another place to ask goes first. Passwords go over https only."""
    if told.redirect_address:
        moved = str(told.redirect_address)
        return moved, list(services(_domain(moved)))
    if told.redirect_url and str(told.redirect_url).startswith("https://"):
        return mailbox, [str(told.redirect_url), *waiting]
    return mailbox, waiting


def _domain(mailbox: str) -> str:
    return mailbox.rpartition("@")[2].lower()
