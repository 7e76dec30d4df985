"""Whose mail a journal brings: the registered accounts behind addresses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from capstone.domain.addresses import address_mark, normal_form
from capstone.domain.roster import Roster

_AROUND = " '."
"""What mail programs write around an address, and the root of all domains."""


class Addressees:
    """The register as a journal asks it. An address leads to every account that ever had it, whatever the message's date.

    Only where several accounts had one address one after another do the dates decide: then it leads to those that hold it on
    one of the days, and to all of them where none does. In doubt a record is kept for one account too many.
    """

    def __init__(self, roster: Roster) -> None:
        """Sort the accounts by the marks of their addresses."""
        self._roster = roster
        self._accounts: dict[str, frozenset[str]] = {}
        for account in roster.accounts():
            for mark in roster.marks_of(account):
                self._accounts[mark] = self._accounts.get(mark, frozenset()) | {account}

    def accounts_of(self, addresses: Iterable[str], days: Iterable[date]) -> frozenset[str]:
        """The accounts that these addresses lead to, as written, on any of the days."""
        days = tuple(days)
        every = [self._accounts_of(address_mark(normal_form(address.strip(_AROUND))), days) for address in addresses]
        return frozenset().union(*every)

    def _accounts_of(self, mark: str, days: Iterable[date]) -> frozenset[str]:
        ever = self._accounts.get(mark, frozenset())
        if len(ever) < 2:
            return ever
        # An account without any row has no dates to decide by.
        with_rows = {row.account for row, _ in self._roster.holdings_of(mark)}
        holding = {row.account for day in days for row in self._roster.holders_of(mark, day)}
        return frozenset(holding | (ever - with_rows)) if holding else ever
