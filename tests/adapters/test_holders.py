"""Holders: a process that died is known to be gone; a living one, or one of elsewhere, is not."""

from __future__ import annotations

import subprocess
import sys

from connectors.holders import ProcessHolders

NAME = "from connectors.holders import ProcessHolders; print(ProcessHolders().name(), flush=True); input()"


def test_a_living_process_is_not_gone_and_a_killed_one_is() -> None:
    holders = ProcessHolders()
    child = subprocess.Popen([sys.executable, "-c", NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    assert not holders.is_gone(name)
    child.kill()
    child.communicate()
    assert holders.is_gone(name)


def test_this_process_is_not_gone_and_gives_each_work_a_name_of_its_own() -> None:
    holders = ProcessHolders()
    assert holders.name() != holders.name()
    assert not holders.is_gone(holders.name())


def test_a_process_id_that_was_given_to_another_process_since_counts_as_gone() -> None:
    holders = ProcessHolders()
    where, _, own = holders.name().rpartition("/")[0].rpartition("/")
    pid = own.partition("-")[0]
    assert holders.is_gone(f"{where}/{pid}-1/abcd")


def test_holders_of_other_machines_and_strange_names_are_never_said_to_be_gone() -> None:
    holders = ProcessHolders()
    own = holders.name()
    for other in ("", "first", "another-host/boot/pid:[1]/1-1/x", own.replace("pid:[", "pid:[9"), own.replace("-", "+")):
        assert not holders.is_gone(other)
