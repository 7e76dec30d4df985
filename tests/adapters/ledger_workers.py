"""Work on one ledger by several processes at once, for the tests of both databases."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from capstone.domain.errors import ServerBusy
from capstone.ports import CaptureBatch
from connectors.ledger.ledger import open_ledger
from tests.contracts.ledger_values import NOON, TEMPORARY, after, archived, batch, batch_of, digest, entry, reclassified, run

PROCESSES = multiprocessing.get_context("forkserver")  # clean processes, begun by one that has loaded the program already
PROCESSES.set_forkserver_preload([__name__])
SERVER = "mail.agency.example:993"
R = TypeVar("R")


def at_once(work: Callable[..., R], arguments: Sequence[tuple[Any, ...]]) -> list[R]:
    """The work, begun by as many processes as there are arguments, all at the same moment; what each gave, in order."""
    with PROCESSES.Manager() as manager:
        begin = manager.Barrier(len(arguments))
        with ProcessPoolExecutor(len(arguments), PROCESSES) as pool:
            return [done.result() for done in [pool.submit(work, *one, begin) for one in arguments]]


def capture_much(url: str, account: str, batches: int, size: int, begin: Any) -> int:
    """One capture: a run of batches, each with a class that changes. Gives how many it committed."""
    ledger = open_ledger(url)
    run_id, source = f"run-{account}", "imap"
    ledger.capture.take_lease(account, account, NOON, 3600)
    ledger.capture.start_run(run(run_id, account, source))
    begin.wait()
    for number in range(batches):
        ledger.capture.take_lease(account, account, after(number), 3600)
        ledger.capture.commit(batch_in(account, number, size, run_id))
    ledger.capture.finish_run(run_id, after(batches), "complete", None)
    ledger.audit.append(after(batches), account, "capture", {"account": account})
    ledger.close()
    return batches


def batch_in(account: str, number: int, size: int, run_id: str) -> CaptureBatch:
    """Batch `number` of an account; each but the first changes the class of a record of the one before."""
    names = [f"{account}.{number}.{item}" for item in range(size)]
    changed = reclassified(f"{account}.{number - 1}.0", TEMPORARY)
    changes = (type(changed)(account, changed.digest, TEMPORARY),) if number else ()
    return batch_of(names, number, account, run_id=run_id, reclassified=changes, cursors={"Inbox": str(number)})


def index_until(url: str, holder: str, how_many: int, begin: Any) -> list[str]:
    """One indexer: claims and finishes until all indexers together must have seen so many. Gives what it finished, in order."""
    ledger = open_ledger(url)
    finished: list[str] = []
    begin.wait()
    while True:
        ids = ledger.outbox.claim(holder, NOON, 37, 3600)
        assert len(ledger.records.entries(ids)) == len(ids)
        if ids:
            ledger.audit.append(NOON, holder, "index", {"records": len(ids)})
        ledger.outbox.done(holder, ids)
        finished += ids
        if not ids and sum(one.messages for one in ledger.records.totals()) >= how_many and not ledger.outbox.pending():
            ledger.close()
            return finished


def take_slots(url: str, holder: str, most: int, rounds: int, begin: Any) -> tuple[int, int]:
    """Take and give back a slot many times. Gives how often it had one, and how many holders it saw at most while it did."""
    ledger = open_ledger(url)
    taken, crowd = 0, 0
    begin.wait()
    for _ in range(rounds):
        try:
            ledger.slots.take_slot(SERVER, holder, most, NOON, 3600)
        except ServerBusy:
            continue
        taken, crowd = taken + 1, max(crowd, len(ledger.slots.slot_holders(SERVER)))
        ledger.slots.give_back_slot(SERVER, holder)
    ledger.close()
    return taken, crowd


def keep_slot(url: str, holder: str, most: int, begin: Any) -> bool:
    """Take a slot and keep it. Says whether there was one."""
    ledger = open_ledger(url)
    begin.wait()
    try:
        ledger.slots.take_slot(SERVER, holder, most, NOON, 3600)
    except ServerBusy:
        return False
    finally:
        ledger.close()
    return True


def append_audit(url: str, actor: str, how_many: int, begin: Any) -> list[int]:
    """Add links to the audit chain. Gives their numbers."""
    ledger = open_ledger(url)
    begin.wait()
    numbers = [ledger.audit.append(after(one), actor, "search", {"number": one}).seq for one in range(how_many)]
    ledger.close()
    return numbers


def write_same_account(url: str, name: str, begin: Any) -> None:
    """Commit a batch of one account that others write as well, as a writer does whose lease ran out unnoticed."""
    ledger = open_ledger(url)
    begin.wait()
    number = int(name)
    same = [archived("shared"), archived(name)]
    ledger.capture.commit(batch(number, same, [entry("shared"), entry(name)], run_id=f"run-{name}"))
    assert digest(name) in ledger.capture.known(entry(name).account, [digest(name)])
    ledger.close()
