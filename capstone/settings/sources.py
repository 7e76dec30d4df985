"""Where mail comes from: one class each kind of source. config/settings.example.toml explains every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, field_validator, model_validator

from capstone.domain.folders import POLICIES, LeftOut
from capstone.domain.layout import is_account
from capstone.settings.sections import LOOPBACK, Section


class _Source(Section):
    """One source of one account's mail."""

    name: Annotated[str, Field(min_length=1)]
    account: str
    leave_out: tuple[str, ...] = POLICIES
    """What folders are left out by what they are for, as policies."""
    leave_out_folders: tuple[str, ...] = ()
    """Paths of more folders that are left out, with all that lies below."""

    @property
    def left_out(self) -> LeftOut:
        """Both, as one policy."""
        return LeftOut(frozenset(self.leave_out), self.leave_out_folders)

    @field_validator("leave_out")
    @classmethod
    def _are_policies(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in POLICIES]:
            known = ", ".join(POLICIES)
            raise ValueError(f"{unknown[0]!r} is no policy; known are {known}; paths stand in leave_out_folders")
        return names

    @field_validator("leave_out_folders")
    @classmethod
    def _are_paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [path for path in paths if not all(path.split("/"))]:
            raise ValueError(f"{odd[0]!r} is no path of a folder: its levels are joined by '/', and none is empty")
        return paths

    @field_validator("account")
    @classmethod
    def _is_an_account(cls, account: str) -> str:
        if not is_account(account):
            raise ValueError(f"{account!r} is no account id: a to z, 0 to 9 and dashes, up to 63")
        return account


class _ServerSource(_Source):
    """A mailbox on a server, which bears so many readers."""

    ca_file: Path | None = None
    folders: tuple[str, ...] = ()
    """Only these; none: every folder but those left out by policy."""
    connections: Annotated[int, Field(ge=1)] = 4
    """How many captures may read from this server at a time."""
    wait_s: Annotated[float, Field(ge=0)] = 600
    """How long a capture waits for one of the `connections`."""
    connect_timeout_s: Annotated[float, Field(gt=0)] = 10
    timeout_s: Annotated[float, Field(gt=0)] = 60

    @model_validator(mode="after")
    def _reads_what_it_names(self) -> _ServerSource:
        for folder in self.folders:
            if any(f"{folder}/".startswith(f"{path}/") for path in self.leave_out_folders):
                raise ValueError(f"folders names {folder!r}, and leave_out_folders leaves it out")
        return self


class FilesSource(_Source):
    """Mail in a file or a folder: EML, MBOX, Maildir, PST, MSG, and archives of them."""

    kind: Literal["files"]
    path: Path


class ImapSource(_ServerSource):
    """A mailbox on an IMAP server. `password_*` or, for XOAUTH2, `token_*`."""

    kind: Literal["imap"]
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    tls: Literal["tls", "starttls", "none"] = "tls"
    user: Annotated[str, Field(min_length=1)]
    password_file: Path | None = None
    password_env: str | None = None
    token_file: Path | None = None
    token_env: str | None = None

    @model_validator(mode="after")
    def _has_one_secret(self) -> ImapSource:
        given = [self.password_file, self.password_env, self.token_file, self.token_env]
        if sum(one is not None for one in given) != 1:
            raise ValueError("an imap source needs one of password_file, password_env, token_file, token_env")
        return self


class EwsSource(_ServerSource):
    """A mailbox on an Exchange server, by Exchange Web Services."""

    kind: Literal["ews"]
    mailbox: Annotated[str, Field(min_length=3)]
    """The primary address of the mailbox."""
    url: AnyHttpUrl | None = None
    """The service's address, `https://mail.agency.example/EWS/Exchange.asmx`; None: by Autodiscover."""
    access: Literal["impersonation", "delegate"] = "impersonation"
    sign_in: Literal["oauth2", "ntlm", "kerberos", "basic"] = "ntlm"
    user: str | None = None
    """For ntlm and basic: `DOMAIN\\name` or an address."""
    password_file: Path | None = None
    password_env: str | None = None
    tenant: str | None = None
    """For oauth2, with `client_id` and a secret or a certificate."""
    client_id: str | None = None
    client_secret_file: Path | None = None
    client_secret_env: str | None = None
    certificate_file: Path | None = None
    """A PEM file with the certificate and its private key."""
    authority: AnyHttpUrl | None = None
    """Where tokens come from; None: the public cloud's."""
    archive: bool = True
    """Read the archive mailbox too, where there is one."""
    recoverable: bool = True
    """Read the Recoverable Items: what was deleted and not yet gone."""
    public_folders: tuple[str, ...] = ()
    """Paths of public folders that belong to this account."""
    calendars: bool = False
    """Take appointments and tasks too, as iCalendar."""

    @model_validator(mode="after")
    def _can_sign_in(self) -> EwsSource:
        secrets = [self.client_secret_file, self.client_secret_env, self.certificate_file]
        passwords = [self.password_file, self.password_env]
        if self.sign_in == "oauth2" and not (self.tenant and self.client_id and sum(one is not None for one in secrets) == 1):
            raise ValueError("oauth2 needs tenant, client_id and one of client_secret_file, client_secret_env, certificate_file")
        if self.sign_in in ("ntlm", "basic") and not (self.user and sum(one is not None for one in passwords) == 1):
            raise ValueError(f"{self.sign_in} needs user and one of password_file, password_env")
        return self

    @model_validator(mode="after")
    def _keeps_secrets(self) -> EwsSource:
        if any(
            url and url.scheme != "https" and (url.host or "").strip("[]") not in LOOPBACK for url in (self.url, self.authority)
        ):
            own = ", ".join(LOOPBACK)
            raise ValueError(f"url and authority of an ews source begin with https: secrets go there (http only to {own})")
        return self


class GraphSource(_ServerSource):
    """A mailbox in Microsoft 365, by Microsoft Graph with the rights of an application."""

    kind: Literal["graph"]
    mailbox: Annotated[str, Field(min_length=3)]
    """The user's principal name or id."""
    cloud: Literal["global", "usgov", "usgov-dod"] = "global"
    url: AnyHttpUrl | None = None
    """Where Graph answers, in place of the cloud's own address."""
    authority: AnyHttpUrl | None = None
    """Where tokens come from, in place of the cloud's own address."""
    tenant: Annotated[str, Field(min_length=1)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_file: Path | None = None
    client_secret_env: str | None = None
    certificate_file: Path | None = None
    """A PEM file with the certificate and its private key."""
    archive: bool = True
    """Read the in-place archive too, where the tenant answers (a beta interface); where it does not, that is told as a gap."""
    recoverable: bool = True
    """Read the Recoverable Items: what was deleted and not yet gone."""
    requests: Annotated[int, Field(ge=1, le=4)] = 4
    """Requests at a time to one mailbox; Graph bears four."""

    @model_validator(mode="after")
    def _has_one_secret(self) -> GraphSource:
        if sum(one is not None for one in (self.client_secret_file, self.client_secret_env, self.certificate_file)) != 1:
            raise ValueError("a graph source needs one of client_secret_file, client_secret_env, certificate_file")
        if any(url is not None and url.scheme != "https" for url in (self.url, self.authority)):
            raise ValueError("url and authority of a graph source begin with https: a token goes there")
        return self


Source = Annotated[FilesSource | ImapSource | EwsSource | GraphSource, Field(discriminator="kind")]
