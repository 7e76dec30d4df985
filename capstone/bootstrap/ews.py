"""A mailbox on an Exchange server as a source, made from its settings."""

from __future__ import annotations

from pathlib import Path

from capstone import settings as config
from capstone.domain.errors import MissingSecret
from capstone.ports import CheckableSource, HeldItems
from capstone.settings import EwsSource, absolute
from connectors.mailboxes.ews.sign_in import PUBLIC_AUTHORITY
from connectors.mailboxes.ews.source import EwsApplication, EwsChoice, EwsLogin, EwsServer, Trust
from connectors.mailboxes.ews.source import EwsSource as EwsMailbox


def open_ews(source: EwsSource, held: HeldItems) -> CheckableSource:
    """The source as a port; nothing is read yet. `held` is asked before items are fetched. Raises MissingSecret."""
    ca_file = absolute(source.ca_file) if source.ca_file else None
    server = EwsServer(
        source.mailbox,
        str(source.url) if source.url else None,
        source.access,
        Trust(ca_file, source.connect_timeout_s, source.timeout_s),
    )
    choice = EwsChoice(
        source.folders, source.archive, source.recoverable, source.public_folders, source.calendars, source.left_out
    )
    return EwsMailbox(source.name, server, _login(source), choice, held)


def _login(source: EwsSource) -> EwsLogin:
    where = f"sources.{source.name}"
    if source.sign_in == "oauth2":
        return EwsLogin("oauth2", application=_application(source, where))
    password = config.secret(where, "password", source.password_file, source.password_env)
    return EwsLogin(source.sign_in, source.user or "", password or "")


def _application(source: EwsSource, where: str) -> EwsApplication:
    return EwsApplication(
        source.tenant or "",
        source.client_id or "",
        config.secret(where, "client_secret", source.client_secret_file, source.client_secret_env),
        _certificate(where, absolute(source.certificate_file)) if source.certificate_file else None,
        str(source.authority) if source.authority else PUBLIC_AUTHORITY,
    )


def _certificate(where: str, path: Path) -> str:
    """A PEM file as text; no more than a certificate and its key can be."""
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as exc:
        raise MissingSecret(f"{where}.certificate_file cannot be read as PEM.") from exc
