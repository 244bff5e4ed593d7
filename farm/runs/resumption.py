"""Resumption: completing a run whose jobs are not all in a queue, or in somebody's hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.run import Run
from farm.runs.enqueuer import LockHeldError, LockLostError
from workers.client import explained
from workers.enqueue_lock import LOCK_SECONDS
from workers.job_states import RUNNING
from workers.ledger import unless_damaged

if TYPE_CHECKING:
    from farm.runs.coordinator import Coordinator

PATIENCE_SECONDS = 2 * LOCK_SECONDS  # somebody who died at it has lost the lock by then


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """What was done, by hardware."""

    joined: tuple[str, ...]  # hardware that is here, and had no job in the run
    enqueued: dict[str, int]  # jobs that had no message, of all other hardware of the run
    problems: tuple[str, ...]  # why those of some hardware were left as they are


def resume(coordinator: Coordinator, run: Run) -> Resumed:
    """Enlist who is here and may join, and enqueue every open job that has no message.

    Safe at any time, by several people at once: a job that has a message gets no other.
    """
    with explained(coordinator.url):
        before = set(coordinator.ledger.columns(run.id))
        if run.id in coordinator.ledger.open_runs():
            coordinator.enlist_in(run)
        enqueued: dict[str, int] = {}
        problems = []
        for hardware in coordinator.ledger.columns(run.id):
            try:
                with unless_damaged(run.id, hardware):
                    enqueued[hardware] = _complete(coordinator, run, hardware)
            except (LockHeldError, LockLostError) as error:
                problems.append(str(error))  # nobody else has to wait for that
    return Resumed(
        joined=tuple(hardware for hardware in enqueued if hardware not in before),
        enqueued={hardware: sent for hardware, sent in enqueued.items() if hardware in before},
        problems=tuple(problems),
    )


def _complete(coordinator: Coordinator, run: Run, hardware: str) -> int:
    enqueuer, column = coordinator.enqueuer, coordinator.ledger.column(run.id, hardware)
    jobs = list({job.id: job for job in column.jobs()}.values())  # Redis may tell one twice
    lock = coordinator.enqueue_lock(run.id, hardware)
    if not lock.acquire(PATIENCE_SECONDS):
        raise LockHeldError(lock, PATIENCE_SECONDS)
    try:
        states = column.states()
        order = {job.id: at for at, job in enumerate(run.jobs(hardware))}
        missing = sorted(
            enqueuer.missing(jobs, hardware), key=lambda job: (job.retry, order.get(job.id, 0))
        )
        for job in missing:
            if states.get(job.id) == RUNNING and lock.extend(when_due=True):
                column.release(job)  # by nobody: its message would be in somebody's hands
        alike = coordinator.registry.present(hardware)
        sent = enqueuer.send(lock, missing, alike)
        lock.release(all_enqueued=True)
        return sent
    finally:
        lock.release()
