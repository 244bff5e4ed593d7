"""Retrial: which jobs of a run to measure once more, and putting others in their place."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.matrix.matrix import build
from farm.readings.entry import Entry
from farm.runs.enqueuer import LockHeldError, LockLostError
from farm.runs.resumption import PATIENCE_SECONDS
from jobs.errors import FarmError, UnknownNameError
from jobs.result import Status
from jobs.spec import MAX_RETRIES, JobSpec
from workers.client import explained
from workers.ledger import unless_damaged

if TYPE_CHECKING:
    from farm.run import Run
    from farm.runs.coordinator import Coordinator

logger = logging.getLogger(__name__)

FAILED = (Status.FAILED, Status.TIMED_OUT, Status.OUT_OF_MEMORY)


class TooOftenError(FarmError):
    """A job cannot be measured once more."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which jobs; of several kinds all of them, of none whatever did not succeed."""

    failed: bool = False  # also those that timed out or ran out of memory
    invalid: bool = False  # those whose speed does not count in the matrix
    noisy: bool = False
    hardware: frozenset[str] = frozenset()  # of this only; all, when empty

    @property
    def states(self) -> frozenset[str]:
        """The states that a job is wanted for by itself."""
        if self.failed:
            return frozenset(state.value for state in FAILED)
        if self.invalid or self.noisy:
            return frozenset()
        states = {*FAILED, Status.CANCELLED}
        if self.hardware:  # whoever names a machine may have installed something there
            states.add(Status.UNSUPPORTED)
        return frozenset(state.value for state in states)


def choose(entries: Sequence[Entry], wanted: Wanted, baseline: str | None = None) -> list[Entry]:
    """Return the jobs to measure once more.

    Invalid is what `farm matrix` calls so with that baseline (None: its first column): repeats that
    are invalid by themselves, else all those of a cell that deviates. Raises UnknownNameError for
    hardware that has no jobs here.
    """
    known = {entry.hardware for entry in entries}
    for name in sorted(wanted.hardware):
        if name not in known:
            raise UnknownNameError("hardware", name, known)
    invalid = _invalid(entries, baseline) if wanted.invalid and entries else set()
    return [
        entry
        for entry in entries
        if (not wanted.hardware or entry.hardware in wanted.hardware)
        and (
            entry.state in wanted.states
            or _place(entry) in invalid
            or (wanted.noisy and entry.reading is not None and entry.reading.noise)
        )
    ]


def _invalid(entries: Sequence[Entry], baseline: str | None) -> set[tuple[str, str, int]]:
    found = set()
    for row in build(entries, baseline=baseline, intervals=False).rows:
        for hardware, cell in row.cells.items():
            if cell.invalid is None:
                continue
            measured = list(zip(cell.repeated, cell.readings, strict=True))
            by_itself = [repeat for repeat, reading in measured if reading.invalid]
            for repeat in by_itself or [repeat for repeat, _ in measured]:
                found.add((row.cell_id, hardware, repeat))
    return found


def _place(entry: Entry) -> tuple[str, str, int]:
    return entry.cell.id, entry.hardware, entry.repeat


def put_back(
    coordinator: Coordinator, run: Run, jobs: Mapping[str, Collection[str]]
) -> list[JobSpec]:
    """Put another job in the place of each of these, and enqueue it; return the new ones.

    `jobs` are their ids, by hardware. Those that have not ended, or in whose place there is another
    already, are left as they are: of two people who ask at once, one is told of each job.
    """
    with explained(coordinator.url):
        new: list[JobSpec] = []
        for hardware, ids in sorted(jobs.items()):
            try:
                with unless_damaged(run.id, hardware):
                    new += _put_back(coordinator, run, hardware, ids)
            except (LockHeldError, LockLostError, TooOftenError) as error:
                logger.error("%s", error)  # nobody else has to wait for that
        return new


def _put_back(
    coordinator: Coordinator, run: Run, hardware: str, ids: Collection[str]
) -> list[JobSpec]:
    column = coordinator.ledger.column(run.id, hardware)
    jobs = _in_order(run, column.specs(sorted(ids)).values())
    for job in jobs:
        if job.retry >= MAX_RETRIES:
            raise TooOftenError(
                f"{job.label} was asked for {MAX_RETRIES:,} times; that is the most"
            )
    lock = coordinator.enqueue_lock(run.id, hardware)
    if not lock.acquire(PATIENCE_SECONDS):
        raise LockHeldError(lock, PATIENCE_SECONDS)
    try:
        new = []
        for job in jobs:
            if not lock.extend(when_due=True):
                raise LockLostError(lock)
            successor = job.model_copy(update={"retry": job.retry + 1})
            if column.supersede(job.id, successor, lock.token):
                new.append(successor)
        alike = coordinator.registry.present(hardware)
        coordinator.enqueuer.send(lock, new, alike)
        return new
    finally:
        lock.release()


def _in_order(run: Run, jobs: Iterable[JobSpec]) -> list[JobSpec]:
    """Return the jobs round by round, as they were sent at first."""
    found = list(jobs)
    rank = {
        (hardware, job.cell.id, job.repeat): at
        for hardware in sorted({job.hardware for job in found})
        for at, job in enumerate(run.jobs(hardware))
    }
    return sorted(
        found, key=lambda job: (job.hardware, rank.get((job.hardware, job.cell.id, job.repeat), 0))
    )
