"""Folders that mean something by their name, in the languages mail programs speak.

Captured by default is every folder but Drafts, Outbox, RSS and Sync Issues (design.md 2.5); each source may choose others. Junk
and Deleted Items are captured. A circulated draft is a sent message and lies in a Sent folder (36 CFR 1222.12(c), REG-16).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

FolderPolicy = Callable[[str], str | None]
"""Takes a folder path joined by "/" and gives the name of the policy that leaves it out, or None."""

_NAMES = {
    "sent": (
        "sent|sent items|sent mail|sent messages|gesendet|gesendete elemente|gesendete objekte|éléments envoyés|messages envoyés|"
        "envoyés|enviados|elementos enviados|itens enviados|mensagens enviadas|posta inviata|inviati|verzonden|verzonden items|"
        "skickat|skickade objekt|sendte elementer|sendt post|lähetetyt|wysłane|elementy wysłane|отправленные|送信済み|"
        "送信済みアイテム|已发送|已发送邮件|寄件備份"
    ),
    "folder_drafts": (
        "drafts|draft|entwürfe|brouillons|borradores|rascunhos|bozze|concepten|utkast|kladder|luonnokset|wersje robocze|"
        "черновики|下書き|草稿"
    ),
    "folder_outbox": (
        "outbox|unsent messages|postausgang|boîte d'envoi|bandeja de salida|caixa de saída|posta in uscita|postvak uit|utkorg|"
        "udbakke|utboks|lähtevät|skrzynka nadawcza|исходящие|送信トレイ|发件箱"
    ),
    "folder_rss": "rss|rss feeds|rss subscriptions|flux rss|fuentes rss|feed rss",
    "folder_sync_issues": (
        "sync issues|synchronisierungsprobleme|problèmes de synchronisation|problemas de sincronización|"
        "problemas de sincronização|problemi di sincronizzazione|synchronisatieproblemen"
    ),
}
POLICIES = ("folder_drafts", "folder_outbox", "folder_rss", "folder_sync_issues")
"""The policies that leave folders out by what these are for: their names in settings, checks and counts."""

FOLDER_LEFT_OUT = "folder_left_out"
"""The policy of a folder that a person left out by its path."""

_BY_SPECIAL_USE = {
    "\\drafts": "folder_drafts",
    "\\sent": "sent",
    "\\all": "",
    "\\archive": "",
    "\\flagged": "",
    "\\important": "",
    "\\junk": "",
    "\\trash": "",
}
"""What a mail server's own word for a folder means (RFC 6154, 8457); "" is a folder like any other, whatever its name."""

_MEANING = {
    unicodedata.normalize("NFC", name).casefold(): meaning for meaning, names in _NAMES.items() for name in names.split("|")
}
_BLANKS = re.compile(r"[\s_-]+")
_FILE_ENDING = re.compile(r"\.(?:mbox|mbx|mbs|sbd)$", re.IGNORECASE)


def _meanings(folder: str) -> list[str]:
    """What the components of the path mean, outermost first."""
    return [meaning for part in folder.split("/") if (meaning := _meaning(part))]


def _meaning(name: str) -> str:
    """What one name means; "" for most. An MBOX file is a folder, its ending is no part of the name."""
    plain = _FILE_ENDING.sub("", name).removeprefix(".")
    return _MEANING.get(_BLANKS.sub(" ", unicodedata.normalize("NFC", plain).casefold()).strip(), "")


@lru_cache(maxsize=1024)
def is_sent(folder: str) -> bool:
    """Whether the path is, or lies in, a folder for sent mail (domain.md 6.1 rule 5)."""
    return "sent" in _meanings(folder)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a source leaves out: folders for some purposes, and those of some paths with all that lies below. Without more said
    it is the default."""

    policies: frozenset[str] = frozenset(POLICIES)
    paths: tuple[str, ...] = ()

    def policy_of(self, path: str, meanings: Iterable[str]) -> str | None:
        """The policy that leaves a folder out, as the code of its items; None for one that is taken. `meanings` says of each
        level of the path what it is for, outermost first: a policy, "sent", or ""."""
        by_purpose = next((meaning for meaning in meanings if meaning in self.policies), None)
        return by_purpose or (FOLDER_LEFT_OUT if any(f"{path}/".startswith(f"{one}/") for one in self.paths) else None)

    def excluded_by(self, folder: str) -> str | None:
        """A FolderPolicy that goes by names alone."""
        return self.policy_of(folder, _meanings(folder))


BY_DEFAULT = LeftOut()


@lru_cache(maxsize=1024)
def excluded_by(folder: str) -> str | None:
    """The default policy: which of the outermost folders left out the path is or lies in, as the code of its items; else None."""
    return BY_DEFAULT.excluded_by(folder)


@dataclass(frozen=True, slots=True)
class MarkedFolders:
    """Folders of a server that says what some are for. Its word goes before the name; where it says nothing, the name counts."""

    special_uses: Mapping[str, Iterable[str]]
    """Folder path: attributes as the server lists them, also ones that mean nothing here."""

    def is_sent(self, folder: str) -> bool:
        """As `is_sent`."""
        return "sent" in self._meanings(folder)

    def excluded_by(self, folder: str, below: str = "", left_out: LeftOut = BY_DEFAULT) -> str | None:
        """As the function `excluded_by`. `below` is a folder that a person named: what it and what it lies in are for is not
        judged."""
        named = len(below.split("/")) if below else 0
        return left_out.policy_of(folder, self._meanings(folder)[named:])

    def _meanings(self, folder: str) -> list[str]:
        names = folder.split("/")
        return [self._meaning("/".join(names[:depth]), name) for depth, name in enumerate(names, 1)]

    def _meaning(self, path: str, name: str) -> str:
        uses = (use.casefold() for use in self.special_uses.get(path, ()))
        return next((_BY_SPECIAL_USE[use] for use in uses if use in _BY_SPECIAL_USE), _meaning(name))


def none_excluded(folder: str) -> str | None:
    """The policy that leaves out nothing."""
    return None
