"""Typed settings: one TOML file named by CAPSTONE_CONFIG, overridden by CAPSTONE_<SECTION>__<KEY>. A bad key fails at start.

Without CAPSTONE_CONFIG the embedded default is used: everything in the one folder that CAPSTONE_HOME names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from capstone.domain.errors import BadSettings, MissingSecret
from capstone.domain.layout import is_account

DATA = Path(__file__).resolve().parents[1] / "config"
"""Data that comes with the program: schedules, and examples of settings."""

_PREFIX, _NESTED = "CAPSTONE_", "__"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Agency(_Section):
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


class Store(_Section):
    """Where records lie."""

    kind: Literal["folder"] = "folder"
    path: Path | None = None


class Ledger(_Section):
    """Where the evidence lies. A URL with a password is given by `url_file` or `url_env`."""

    url: str | None = None
    url_file: Path | None = None
    url_env: str | None = None


class Index(_Section):
    """Where search looks."""

    kind: Literal["fts5"] = "fts5"
    path: Path | None = None
    text_limit: Annotated[int, Field(ge=1_000)] = 1_000_000
    """Characters of one message that are made searchable; longer ones are counted as cut off."""


class Lock(_Section):
    """How long a lock lasts at least."""

    minimum_days: Annotated[int, Field(ge=1)] = 1


class Workers(_Section):
    """Processes for reading messages, as many for capture as for the index; 0: half as many as there are processors."""

    processes: Annotated[int, Field(ge=0)] = 0
    limit_s: Annotated[float, Field(gt=0)] = 120
    """How long a few messages may take to read before their process counts as hung and is ended."""


class Source(_Section):
    """One source of one account's mail."""

    name: Annotated[str, Field(min_length=1)]
    kind: Literal["files"]
    account: str
    path: Path

    @field_validator("account")
    @classmethod
    def _is_an_account(cls, account: str) -> str:
        if not is_account(account):
            raise ValueError(f"{account!r} is no account id: a to z, 0 to 9 and dashes, up to 63")
        return account


class Settings(BaseSettings):
    """All settings. Paths are absolute: those in the file are taken from the file's folder."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter=_NESTED, extra="forbid", frozen=True)

    agency: Agency = Agency()
    store: Store = Store()
    ledger: Ledger = Ledger()
    index: Index = Index()
    lock: Lock = Lock()
    workers: Workers = Workers()
    sources: tuple[Source, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; no other places."""
        file = config_file()
        return (env_settings, *([TomlConfigSettingsSource(settings_cls, file)] if file else []))


def home() -> Path:
    """The folder of the embedded default: CAPSTONE_HOME, else `.capstone` in the user's home."""
    named = os.environ.get("CAPSTONE_HOME")
    return Path(named).expanduser().absolute() if named else Path.home() / ".capstone"


def config_file() -> Path | None:
    """The file that CAPSTONE_CONFIG names; None: embedded default. Raises BadSettings where it is not there."""
    named = os.environ.get("CAPSTONE_CONFIG")
    if not named:
        return None
    file = Path(named).expanduser().absolute()
    if not file.is_file():
        raise BadSettings(f"CAPSTONE_CONFIG names {file}, which is not a file.")
    return file


def read_settings() -> Settings:
    """The settings in force. Raises BadSettings for an unknown key, a bad value or a file that is no TOML."""
    _refuse_unknown_variables()
    try:
        settings = Settings()
    except ValidationError as exc:
        raise BadSettings("Settings cannot be used: " + "; ".join(_complaints(exc))) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSettings(f'The settings file is no TOML: {exc}. A text stands in quotes: item = "010".') from exc
    except OSError as exc:
        raise BadSettings(f"The settings file cannot be read: {exc.strerror}.") from exc
    names = [source.name for source in settings.sources]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise BadSettings(f"Several sources have the name {', '.join(doubled)}.")
    return settings


def absolute(path: Path) -> Path:
    """A path of the settings file, taken from the file's folder."""
    file = config_file()
    expanded = path.expanduser()
    return expanded if expanded.is_absolute() else (file.parent if file else home()) / expanded


def secret(section: str, key: str, file: Path | None, variable: str | None) -> str | None:
    """The secret that `<key>_file` or `<key>_env` names; None where neither does. Raises MissingSecret."""
    if file is not None:
        try:
            return absolute(file).read_text().strip()
        except OSError as exc:
            raise MissingSecret(f"[{section}] {key}_file names a file that cannot be read: {exc.strerror}.") from exc
    if variable is not None:
        if variable not in os.environ:
            raise MissingSecret(f"[{section}] {key}_env names the variable {variable}, which is not set.")
        return os.environ[variable]
    return None


def roles_file() -> Path:
    """`roles.toml` beside the settings file where it is there, else in the home of the embedded default."""
    file = config_file()
    beside = file.parent / "roles.toml" if file else None
    return beside if beside and beside.is_file() else home() / "roles.toml"


def schedules_folder() -> Path:
    """`schedules/` beside the settings file where it is there, else the schedules that come with the program."""
    file = config_file()
    beside = file.parent / "schedules" if file else None
    return beside if beside and beside.is_dir() else DATA / "schedules"


def _refuse_unknown_variables() -> None:
    sections = set(Settings.model_fields)
    for name in os.environ:
        if name.startswith(_PREFIX) and _NESTED in name:
            section = name.removeprefix(_PREFIX).partition(_NESTED)[0].lower()
            if section not in sections:
                raise BadSettings(
                    f"The variable {name} names no section of the settings.", f"Sections: {', '.join(sorted(sections))}."
                )


def _complaints(exc: ValidationError) -> Iterator[str]:
    for error in exc.errors():
        where = ".".join(str(part) for part in error["loc"])
        said = "is no known key" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
        yield f"{where}: {said}"
