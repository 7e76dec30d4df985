"""Folders that mean something by their name, in the languages mail programs speak.

Captured by default is every folder but Drafts, Outbox, RSS and Sync Issues (design.md 2.5). Junk and Deleted Items are
captured. A circulated draft is a sent message and lies in a Sent folder (36 CFR 1222.12(c), REG-16).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
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
_MEANING = {
    unicodedata.normalize("NFC", name).casefold(): meaning for meaning, names in _NAMES.items() for name in names.split("|")
}
_BLANKS = re.compile(r"[\s_-]+")
_FILE_ENDING = re.compile(r"\.(?:mbox|mbx|mbs|sbd)$", re.IGNORECASE)


def _meanings(folder: str) -> list[str]:
    """What the components of the path mean, outermost first. An MBOX file is a folder, its ending is no part of the name."""
    names = (_FILE_ENDING.sub("", part).removeprefix(".") for part in folder.split("/"))
    forms = (_BLANKS.sub(" ", unicodedata.normalize("NFC", name).casefold()).strip() for name in names)
    return [_MEANING[form] for form in forms if form in _MEANING]


@lru_cache(maxsize=1024)
def is_sent(folder: str) -> bool:
    """Whether the path is, or lies in, a folder for sent mail (domain.md 6.1 rule 5)."""
    return "sent" in _meanings(folder)


@lru_cache(maxsize=1024)
def excluded_by(folder: str) -> str | None:
    """The default policy: which of the outermost folders left out the path is or lies in, as the code of its items; else None."""
    return next((meaning for meaning in _meanings(folder) if meaning != "sent"), None)


def none_excluded(folder: str) -> str | None:
    """The policy that leaves out nothing."""
    return None
