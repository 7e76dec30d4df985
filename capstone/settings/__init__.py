"""Typed settings: one TOML file named by CAPSTONE_CONFIG, overridden by CAPSTONE_<SECTION>__<KEY>. A bad key fails at start.

Without CAPSTONE_CONFIG the embedded default is used: everything in the one folder that CAPSTONE_HOME names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from capstone.domain.errors import BadSettings, MissingSecret
from capstone.settings.sections import Agency, Classification, Gaps, Index, Journal, Ledger, Lock, Store, Workers
from capstone.settings.sources import EwsSource, FilesSource, GraphSource, ImapSource, Source

__all__ = [
    "DATA", "Agency", "Classification", "EwsSource", "FilesSource", "Gaps", "GraphSource", "ImapSource", "Index", "Journal",
    "Ledger", "Lock", "Settings", "Source", "Store", "Workers", "absolute", "config_file", "home", "read_settings", "roles_file",
    "schedules_folder", "secret",
]  # fmt: skip

DATA = Path(__file__).resolve().parents[2] / "config"
"""Data that comes with the program: schedules, and examples of settings."""

_PREFIX, _NESTED = "CAPSTONE_", "__"


class Settings(BaseSettings):
    """All settings. Paths are absolute: those in the file are taken from the file's folder."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_NESTED, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    agency: Agency = Agency()
    store: Store = Store()
    ledger: Ledger = Ledger()
    index: Index = Index()
    classification: Classification = Classification()
    gaps: Gaps = Gaps()
    journal: Journal = Journal()
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
    except SettingsError as exc:  # what it stems from quotes the variable
        raise BadSettings(f"A CAPSTONE_ variable holds no JSON, as a whole section or a list must: {exc}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSettings(f'The settings file is no TOML: {exc}. A text stands in quotes: item = "010".') from exc
    except OSError as exc:
        raise BadSettings(f"The settings file cannot be read: {exc.strerror}.") from exc
    received = [settings.journal.name] if "journal" in settings.model_fields_set else []
    names = [*received, *(source.name for source in settings.sources)]
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
            return absolute(file).read_text("utf-8").strip()
        except OSError as exc:
            raise MissingSecret(f"[{section}] {key}_file names a file that cannot be read: {exc.strerror}.") from exc
        except UnicodeDecodeError:  # not chained: it holds the bytes
            raise MissingSecret(f"[{section}] {key}_file names a file that is no text.") from None
    if variable is not None:
        if variable not in os.environ:
            raise MissingSecret(f"[{section}] {key}_env names the variable {variable}, which is not set.")
        return os.environ[variable]
    return None


def roles_file() -> Path:
    """`roles.toml` beside the settings file; where nothing has that name there, in CAPSTONE_HOME if that is set.

    With a settings file never in the caller's own home, where everybody could give themselves every role.
    """
    file = config_file()
    if file is None:
        return home() / "roles.toml"
    beside = file.parent / "roles.toml"
    return home() / beside.name if os.environ.get("CAPSTONE_HOME") and not os.path.lexists(beside) else beside


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
