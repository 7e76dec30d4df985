"""Tells a mailbox that is empty by now from one that was never the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sized

from capstone.domain.errors import NoMailFound


def check_emptiness(where: str, named: str, cursors: Mapping[str, str], folders: Sized) -> None:
    """To be asked where no folder shows any mail: it is believed of a mailbox that was read before and shows its folders still.

    `named` is what the settings call it. Raises NoMailFound.
    """
    if not cursors:
        why = f"The mailbox on {where} shows no mail at all, and nothing was captured from it before."
        raise NoMailFound(why, f"Mostly the address is a wrong one: check {named} of this source. Nothing was stored.")
    if not len(folders):
        raise NoMailFound(
            f"The mailbox on {where} shows no folder at all, and gave mail before.",
            f"Ask the mail server's administrator what became of it, and check {named} of this source.",
        )
