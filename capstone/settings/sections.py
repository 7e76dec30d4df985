"""The sections of the settings: one class each, one field a key. config/settings.example.toml explains every key."""

from __future__ import annotations

from datetime import date
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, field_validator, model_validator

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""This machine's own addresses: what goes there needs no encryption."""


class Section(BaseModel):
    """A table of the settings: an unknown key is an error. What a value was is never told: it may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Agency(Section):
    """The agency whose records these are."""

    name: str = "Our agency"
    time_zone: str = "America/New_York"
    record_group: str | None = None
    internal_domains: frozenset[str] = frozenset()
    """Domains that no public name system knows, such as "local", and that may stand in the register."""
    mail_since: date = date(1990, 1, 1)
    """No message of this agency is older; a Date header before it is not believed."""

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError(f"{name!r} is no time zone; write one such as America/New_York") from exc
        return name

    @property
    def zone(self) -> ZoneInfo:
        """Agency local time, in which days are counted."""
        return ZoneInfo(self.time_zone)


class Store(Section):
    """Where records lie: a folder, or a bucket with Object Lock. Credentials come from the usual AWS chain, never from here."""

    kind: Literal["folder", "s3"] = "folder"
    path: Path | None = None
    bucket: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    ca_file: Path | None = None
    path_style: bool | None = None
    """Bucket in the path instead of the host name. None: where an `endpoint_url` is given."""
    connect_timeout_s: Annotated[float, Field(gt=0)] = 5
    read_timeout_s: Annotated[float, Field(gt=0)] = 60
    attempts: Annotated[int, Field(ge=1)] = 4
    threads: Annotated[int, Field(ge=1)] = 16
    """Requests at a time."""

    @model_validator(mode="after")
    def _names_its_place(self) -> Store:
        if self.kind == "s3" and not self.bucket:
            raise ValueError("an s3 store needs `bucket`")
        if self.kind == "folder" and (self.bucket or self.endpoint_url):
            raise ValueError('`bucket` and `endpoint_url` belong to kind = "s3"')
        return self


class Ledger(Section):
    """Where the evidence lies. A URL with a password is given by `url_file` or `url_env`."""

    url: str | None = None
    url_file: Path | None = None
    url_env: str | None = None
    owner_url: str | None = None
    """PostgreSQL: the role that owns the tables, used by `init` and `rebuild` only, so that no run can rewrite history."""
    owner_url_file: Path | None = None
    owner_url_env: str | None = None
    wait_s: Annotated[float, Field(gt=0)] = 30
    """How long a transaction waits for others before LedgerUnavailable."""


class Index(Section):
    """Where search looks."""

    kind: Literal["fts5", "elasticsearch"] = "fts5"
    path: Path | None = None
    url: str | None = None
    ca_file: Path | None = None
    api_key_file: Path | None = None
    api_key_env: str | None = None
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = "capstone"
    """The alias over the yearly indices, and what their names begin with."""
    threads: Annotated[int, Field(ge=1)] = 4
    """Bulk requests at a time."""
    timeout_s: Annotated[float, Field(gt=0)] = 30
    attempts: Annotated[int, Field(ge=1)] = 4
    text_limit: Annotated[int, Field(ge=1_000)] = 1_000_000
    """Characters of one message that are made searchable; longer ones are counted as cut off."""

    @model_validator(mode="after")
    def _names_its_place(self) -> Index:
        if self.kind == "elasticsearch" and not self.url:
            raise ValueError("an elasticsearch index needs `url`")
        return self

    @model_validator(mode="after")
    def _keeps_secrets(self) -> Index:
        url = urlsplit(self.url or "")
        has_secret = self.api_key_file or self.api_key_env or url.username is not None
        if has_secret and url.scheme == "http" and url.hostname not in LOOPBACK:
            own = ", ".join(LOOPBACK)
            raise ValueError(f"the url of an index that asks for a key begins with https: it goes there (http only to {own})")
        return self


class Lock(Section):
    """How long a lock lasts at least, and whether anybody can shorten it."""

    mode: Literal["governance", "compliance"] = "governance"
    """compliance can never be shortened, also not where a court orders destruction (36 CFR 1226.14(e))."""
    minimum_days: Annotated[int, Field(ge=1)] = 1


class Classification(Section):
    """What the agency may choose about the classes of its records."""

    acting_days: Annotated[int, Field(ge=0)] = 0
    """An acting stint counts as a Capstone role, from its first day, once it has lasted longer than so many days."""


class Gaps(Section):
    """What `officials gaps` counts as soon, and as long ago."""

    ending_days: Annotated[int, Field(ge=0)] = 90
    """A designation that ends within so many days is told."""
    capture_days: Annotated[int, Field(ge=1)] = 7
    """An account in office is told of which nothing was captured for so many days."""
    due_days: Annotated[int, Field(ge=0)] = 365
    """A form is told whose window of resubmission opens within so many days."""


class Workers(Section):
    """Processes for reading messages, as many for capture as for the index; 0: half as many as there are processors."""

    processes: Annotated[int, Field(ge=0)] = 0
    limit_s: Annotated[float, Field(gt=0)] = 120
    """How long a few messages may take to read before their process counts as hung and is ended."""


class Journal(Section):
    """The receiver of SMTP journal reports, `capstone journal`."""

    name: Annotated[str, Field(min_length=1)] = "journal"
    """The source that stands in every place of what it receives."""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 2525
    allowed_peers: tuple[IPvAnyNetwork, ...] = (IPv4Network("127.0.0.1/32"), IPv6Network("::1/128"))
    """Addresses and networks that may deliver; everybody else is refused."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    require_tls: bool = False
    """Whether mail is taken only after STARTTLS."""
    size_limit_bytes: Annotated[int, Field(ge=1)] = 150 * 1024 * 1024
    unregistered: Literal["quarantine", "exclude"] = "quarantine"
    """What becomes of a report that names no registered account."""
    form: Literal["reports", "copies"] = "reports"
    """"copies": nothing that comes is read as a journal report."""
    sessions: Annotated[int, Field(ge=1)] = 100
    """Connections at a time."""
    batch: Annotated[int, Field(ge=1)] = 200
    """Messages that are made durable together at most."""
    wait_s: Annotated[float, Field(gt=0)] = 60
    """How long a sender waits for its 250 before it is told to try again."""

    @model_validator(mode="after")
    def _has_a_whole_certificate(self) -> Journal:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("`certificate_file` and `key_file` belong together")
        if self.require_tls and self.certificate_file is None:
            raise ValueError("`require_tls` needs `certificate_file` and `key_file`")
        return self
