"""Coordinator: records a run, then enqueues it; enlists hardware that joins later."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from farm import unsupported
from farm.run import Run, new_id, read_manifest
from jobs.spec import JobSpec
from workers.client import connect, explained
from workers.ledger import Ledger
from workers.registry import Registry, WorkerRecord

if TYPE_CHECKING:
    from farm.suite import Suite


class Coordinator:
    """Speaks for one farm, to the Redis at `url`."""

    def __init__(self, url: str) -> None:
        from workers.app import make_app

        self.url = url
        self.app = make_app(url)  # first of all: nothing is recorded that cannot be enqueued
        self.client = connect(url)
        self.ledger = Ledger(self.client)
        self.registry = Registry(self.client)

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
            present = self.registry.present()
            for worker in present:
                self._enlist(run, worker.hardware, worker.tags, present)
        return run

    def enlist(self, hardware: str, tags: Collection[str]) -> list[Run]:
        """Enqueue the hardware's jobs in every open run that selects it; return those runs."""
        with explained(self.url):
            runs = [self.run(name) for name in sorted(self.ledger.open_runs())]
            present = self.registry.present()
            return [run for run in runs if run and self._enlist(run, hardware, tags, present)]

    def enlist_present(self) -> None:
        """Enlist everyone who is here: someone out of reach at the submission may be back."""
        with explained(self.url):
            columns = {(worker.hardware, worker.tags) for worker in self.registry.present()}
        for hardware, tags in sorted(columns):
            self.enlist(hardware, tags)

    def waits_for(self, run: Run) -> str | None:
        """Return in words which selected hardware may still join the run, or None."""
        if self.superseded_by(run):
            return None  # late hardware joins the newest run of a suite
        return run.waits_for(list(self.ledger.columns(run.id).values()))

    def superseded_by(self, run: Run) -> str | None:
        """Return the newer run of the same suite that late hardware joins instead, or None."""
        newest = self.ledger.newest(run.suite)
        return newest if newest != run.id else None

    def run(self, run: str) -> Run | None:
        """Return a recorded run, or None."""
        manifest = self.ledger.manifest(run)
        return None if manifest is None else read_manifest(run, manifest)

    def _enlist(
        self, run: Run, hardware: str, tags: Collection[str], present: Sequence[WorkerRecord]
    ) -> bool:
        if not run.selector.matches(tags):
            return False
        jobs = run.jobs(hardware)
        if hardware not in self.ledger.columns(run.id):
            self.ledger.add_column(run.id, hardware, tags, jobs)
        if not self.ledger.may_enqueue(run.id, hardware):
            return False
        alike = [worker for worker in present if worker.hardware == hardware]
        self._enqueue(hardware, self._runnable(jobs, alike))
        self.ledger.enqueued(run.id, hardware)
        return True

    def _runnable(self, jobs: Sequence[JobSpec], workers: Sequence[WorkerRecord]) -> list[JobSpec]:
        """Return the jobs that one of these workers can run; the others end here, unsupported."""
        reasons: dict[int, str | None] = {}  # by the cell, which the repeats share
        runnable = []
        for job in jobs:
            if id(job.cell) not in reasons:
                reasons[id(job.cell)] = unsupported.reason(job.cell, workers)
            why = reasons[id(job.cell)]
            if why is None:
                runnable.append(job)
            else:
                self.ledger.finish(unsupported.result(job, workers[0], why))
        return runnable

    def _enqueue(self, hardware: str, jobs: Sequence[JobSpec]) -> None:
        from workers.app import TASK, queue_of

        queue = queue_of(hardware)
        with self.app.producer_or_acquire() as producer, producer.batch():
            for job in jobs:
                self.app.send_task(
                    TASK,
                    args=[job.model_dump(mode="json")],
                    task_id=job.id,
                    queue=queue,
                    producer=producer,
                )
