"""What lies in the mailboxes at first, and what happens to them between the first run and the second."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from tests.dags.imap_accounts import Account, large_letter

SLOW = ("ibis", "kite", "lark", "wren")
"""Accounts on the slow server."""

CUT_AFTER_BYTES = 400_000
"""More than everything but a large letter takes on the line, and less than one of those."""
LARGE_BYTES, HUGE_BYTES = 900_000, 2_500_000
"""One that comes in one answer, and one that is asked for in parts."""

NEW = {"finch": 20, "reed": 6, "lane": 8, "moss": 7, "vale": 3, "yew": 5} | dict.fromkeys(SLOW, 3)
"""Messages that arrive between the first run and the second."""
RENAMED, REMADE, EXPUNGED = 90, 47, {"finch": 5, "reed": 14}
"""Messages in renamed folders; in the folder with a new UIDVALIDITY; known ones that lie nowhere any more."""


class Post:
    """Real messages, each given out once."""

    def __init__(self, mail: list[bytes]) -> None:
        self._mail: Iterator[bytes] = iter(mail)
        self.given: list[bytes] = []

    def next(self, count: int) -> list[bytes]:
        taken = list(islice(self._mail, count))
        assert len(taken) == count, "the corpus is used up"
        self.given += taken
        return taken

    def subjects(self) -> set[str]:
        """Of the messages given out, those that are long enough to be nothing else."""
        said = (re.search(rb"^Subject: (.{20,}?)\r?$", raw, re.MULTILINE) for raw in self.given)
        return {subject[1].decode("latin-1") for subject in said if subject}


def fill(accounts: Mapping[str, Account], post: Post) -> None:
    """Folders in folders, names in other letters, the same bytes in two folders, drafts; some mail read and marked."""
    finch = accounts["finch"]
    inbox = post.next(120)
    finch.fill("INBOX", inbox)
    finch.fill("Projects", [*post.next(40), *inbox[:10]])
    finch.fill("Projects/Forêts/Œuvres & Co", post.next(40))
    finch.fill("Sent", post.next(30))
    finch.fill("Drafts", post.next(10))
    finch.mark("INBOX", "1:20", "\\Seen")
    finch.mark("INBOX", "5:8", "\\Flagged \\Answered")
    reed = accounts["reed"]
    reed.fill("INBOX", post.next(80))
    reed.fill("Field/Notes", post.next(50))
    for name in ("lane", "moss", "vale", "yew"):
        accounts[name].fill("INBOX", post.next(30))
        accounts[name].fill("Archive/Old", post.next(10))
        accounts[name].fill("Drafts", post.next(2))
    for name in SLOW:
        accounts[name].fill("INBOX", post.next(12))


def change(accounts: Mapping[str, Account], post: Post) -> None:
    """New mail everywhere; folders renamed, messages expunged, a folder made anew, letters that a bad line cannot carry."""
    finch, reed = accounts["finch"], accounts["reed"]
    finch.box.rename("Projects", "Old projects")
    finch.box.delete("INBOX", *range(6, 16))
    finch.fill("INBOX", post.next(15))
    finch.fill("Old projects/New", post.next(5))
    reed.box.delete("Field/Notes", 1, 2, 3)
    reed.remake("Field/Notes")
    reed.box.delete("INBOX", *range(70, 81))
    reed.fill("Field/Notes", post.next(6))
    accounts["lane"].fill("INBOX", post.next(NEW["lane"]))
    accounts["moss"].fill("INBOX", [*post.next(3), large_letter(1, LARGE_BYTES), large_letter(2, HUGE_BYTES), *post.next(2)])
    accounts["vale"].fill("INBOX", [large_letter(number, LARGE_BYTES) for number in (3, 4, 5)])
    accounts["yew"].fill("INBOX", [*post.next(2), large_letter(6, LARGE_BYTES), *post.next(2)])
    for name in SLOW:
        accounts[name].fill("INBOX", post.next(NEW[name]))
