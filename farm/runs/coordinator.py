"""Coordinator: records a run, then enqueues it; enlists hardware that joins later."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from farm.run import Run, new_id, read_manifest
from farm.runs.enqueuer import Enqueuer, LockLostError
from jobs.errors import BrokerDownError
from workers.client import connect, explained, hardware_of
from workers.enqueue_lock import EnqueueLock
from workers.ledger import Ledger, unless_damaged
from workers.registry import Registry, WorkerRecord

if TYPE_CHECKING:
    from farm.suite.suite import Suite

logger = logging.getLogger(__name__)


class Coordinator:
    """Speaks for one farm, to the Redis at `url`."""

    def __init__(self, url: str) -> None:
        from workers.app import make_app

        self.url = url
        self.app = make_app(url)  # first of all: nothing is recorded that cannot be enqueued
        self.client = connect(url)
        self.ledger = Ledger(self.client)
        self.registry = Registry(self.client)
        self.enqueuer = Enqueuer(self.app, self.ledger)

    def submit(self, suite: Suite) -> Run:
        """Record the suite as a new run, and enqueue it for all selected hardware that is here."""
        run = Run(
            id=new_id(suite.name),
            suite=suite.name,
            description=suite.description,
            created_at=time.time(),
            selector=suite.hardware,
            seed=suite.seed,
            cells=suite.planned_cells(),
        )
        with explained(self.url):
            # Recorded before anyone is looked for: hardware that joins in between finds the run.
            self.ledger.create(run.id, run.suite, run.created_at, run.model_dump_json())
        try:
            self.enlist_in(run)
        except BrokerDownError as error:
            raise BrokerDownError(
                f"{error}\nrun {run.id} is recorded, and not yet enqueued for everybody: "
                f"`farm resume {run.id}` completes it"
            ) from error
        return run

    def enlist_in(self, run: Run) -> list[str]:
        """Enqueue the run for all selected hardware that is here; return that which is new to it.

        Hardware that somebody else is enlisting is left to them.
        """
        with explained(self.url):
            present = self.registry.present()
            columns = sorted({(worker.hardware, worker.tags) for worker in present})
            return [each for each, tags in columns if self._enlist(run, each, tags, present)]

    def enlist(self, hardware: str, tags: Collection[str]) -> list[Run]:
        """Enqueue the hardware's jobs in every open run that selects it; return those runs."""
        with explained(self.url):
            runs = [self.run(name) for name in sorted(self.ledger.open_runs())]
            present = self.registry.present(hardware)
            return [run for run in runs if run and self._enlist(run, hardware, tags, present)]

    def enlist_present(self) -> None:
        """Enlist everyone who is here: someone out of reach at the submission may be back.

        With the line of one hardware nobody is: its worker has enlisted itself.
        """
        if hardware_of(self.url) is not None:
            return
        with explained(self.url):
            columns = {(worker.hardware, worker.tags) for worker in self.registry.present()}
        for hardware, tags in sorted(columns):
            self.enlist(hardware, tags)

    def waits_for(self, run: Run) -> str | None:
        """Return in words which selected hardware may still join the run, or None."""
        if run.id not in self.ledger.open_runs():
            return None  # closed, forgotten, or late hardware joins a newer one
        return run.waits_for(list(self.ledger.columns(run.id).values()))

    def superseded_by(self, run: Run) -> str | None:
        """Return the newer run of the same suite that late hardware joins instead, or None."""
        newest = self.ledger.newest(run.suite)
        return newest if newest != run.id else None

    def run(self, run: str) -> Run | None:
        """Return a recorded run, or None."""
        manifest = self.ledger.manifest(run)
        return None if manifest is None else read_manifest(run, manifest)

    def enqueue_lock(self, run: str, hardware: str) -> EnqueueLock:
        """Return the lock at a hardware's queue, not taken."""
        return EnqueueLock(self.client, run, hardware)

    def _enlist(
        self, run: Run, hardware: str, tags: Collection[str], present: Sequence[WorkerRecord]
    ) -> bool:
        tags = self.ledger.tags(hardware, tags)
        if not run.selector.matches(tags):
            return False
        with unless_damaged(run.id, hardware):
            if self._enqueue(run, hardware, tags, present):
                return True
        return False

    def _enqueue(
        self, run: Run, hardware: str, tags: Collection[str], present: Sequence[WorkerRecord]
    ) -> bool:
        lock = self.enqueue_lock(run.id, hardware)
        if lock.done_before():
            return False
        jobs = run.jobs(hardware)
        column = self.ledger.column(run.id, hardware)
        if not column.add(tags, jobs, open_only=True) and not column.exists():
            return False  # closed, or forgotten, since the caller looked
        if not lock.acquire():
            return False
        try:
            if lock.done_before():  # by whoever had the lock until now
                return False
            alike = [worker for worker in present if worker.hardware == hardware]
            self.enqueuer.send(lock, self.enqueuer.missing(jobs, hardware), alike)
            return lock.release(all_enqueued=True)
        except LockLostError as error:
            logger.warning("%s", error)
            return False
        finally:
            lock.release()
