"""The mapping of the Elasticsearch index, its names, and how what stands on a server is known to be ours.

Only what every distribution of Elasticsearch holds is used: no analysis module, no script, no template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from capstone.domain.query import TEXT_FIELDS

MAPPING_VERSION = 1
"""Raised with every change of the mapping, the tokeniser or the meaning of a field; the index is then rebuilt."""
UNDATED = "undated"

# Words come folded and joined by blanks, so all that is left to do is to part them there. Answers are in order of date: no norms.
_WORDS = {"type": "text", "analyzer": "whitespace", "norms": False}
_VALUE = {"type": "keyword"}
_MAPPINGS = {
    "dynamic": "strict",
    "_meta": {"mapping_version": MAPPING_VERSION},
    "properties": {
        **{field: _WORDS for field in TEXT_FIELDS},
        **{field: _VALUE for field in ("record_id", "account", "class", "item", "addresses", "unsearchable")},
        "sent": {"type": "long"},  # microseconds: dates of Elasticsearch count milliseconds, or end in 2262
        "day": {"type": "date", "format": "strict_date"},
        "has_attachment": {"type": "boolean"},
        "shown": {"type": "object", "enabled": False},  # kept, neither read nor indexed by the engine
    },
}
# Whoever searches asks for what is new to be made visible first, so the server need not do it every second of a busy pass.
_SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "60s"}


@dataclass(frozen=True, slots=True)
class Names:
    """The names on the server. `alias` stands for all years; each year has an index, and an alias to write to it."""

    alias: str

    def writing(self, day: date | None) -> str:
        """The alias that documents of this day are written to."""
        return f"{self.alias}-{UNDATED if day is None else f'{day.year:04}'}"

    def index_behind(self, writing: str) -> str:
        """The index of the present mapping version that the alias for writing stands for."""
        return f"{self.alias}-v{MAPPING_VERSION}-{writing.removeprefix(f'{self.alias}-')}"

    def all_versions(self) -> str:
        """A pattern that finds every index of ours, and perhaps others."""
        return f"{self.alias},{self.alias}-v*"

    def is_ours(self, index: str) -> bool:
        """Whether the name is one that this program gives, of whatever mapping version."""
        return re.fullmatch(rf"{re.escape(self.alias)}-v[0-9]+-([0-9]{{4}}|{UNDATED})", index) is not None

    def body(self, writing: str) -> dict[str, Any]:
        """What a new index is made of."""
        return {"mappings": _MAPPINGS, "settings": _SETTINGS, "aliases": {self.alias: {}, writing: {"is_write_index": True}}}


def what_is_wrong(names: Names, found: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why the indices found on the server cannot be used as ours; None when they can. `found` is theirs by name."""
    for index, described in found.items():
        aliases, mappings = described.get("aliases", {}), described.get("mappings", {})
        present = re.fullmatch(rf"{re.escape(names.alias)}-v{MAPPING_VERSION}-(.*)", index) if names.is_ours(index) else None
        if index == names.alias:
            return "an index stands where its alias should be"
        if names.alias not in aliases:
            if present:
                return f"{index} is not in the alias"
            continue
        version = mappings.get("_meta", {}).get("mapping_version")
        if version != MAPPING_VERSION or not present:
            return f"{index} has mapping version {version or 'none'}, this program needs {MAPPING_VERSION}"
        if mappings.get("dynamic") != "strict" or f"{names.alias}-{present[1]}" not in aliases:
            return f"{index} was changed by others"
    return None
