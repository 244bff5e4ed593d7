"""Withdrawal: ending a run's jobs that have not ended, or those of some hardware, as cancelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs.errors import UnknownNameError
from workers.client import explained
from workers.job_states import OPEN
from workers.ledger import unless_damaged
from workers.messages import Messages

if TYPE_CHECKING:
    from farm.run import Run
    from farm.runs.coordinator import Coordinator


def withdraw(coordinator: Coordinator, run: Run, hardware: Collection[str] = ()) -> dict[str, int]:
    """Cancel the run's jobs, or those of this hardware; return how many were queued and running.

    Their messages leave the queues, workers stop those that run, and of a whole run no hardware
    joins any more. Whoever is enqueueing at the moment stops. Raises UnknownNameError for hardware
    that has no jobs in the run.
    """
    ledger = coordinator.ledger
    with explained(coordinator.url):
        if not hardware:
            ledger.close(run.id)
        columns = ledger.columns(run.id)
        for name in hardware:
            if name not in columns:
                raise UnknownNameError(f"hardware with jobs in run {run.id}", name, columns)
        chosen = sorted(hardware or columns)
        locks = [coordinator.enqueue_lock(run.id, name) for name in chosen]
        for lock in locks:
            with unless_damaged(run.id, lock.hardware):
                lock.take_over()
        counted: Counter[str] = Counter()
        for lock in locks:
            column = ledger.column(run.id, lock.hardware)
            with unless_damaged(run.id, lock.hardware):
                still = {job for job, state in column.states().items() if state in OPEN}
                were = column.cancel(sorted(still | {job.id for job in run.jobs(lock.hardware)}))
                counted.update(were.values())
                Messages(coordinator.client, lock.hardware).remove(were.keys())
                lock.release()
    return {state: counted[state] for state in OPEN}
