"""Coordinator: records a run, then enqueues it; enlists hardware that joins later."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from farm.run import Run, new_id
from jobs.spec import JobSpec
from workers.client import connect, explained
from workers.ledger import Ledger
from workers.registry import Registry

if TYPE_CHECKING:
    from farm.suite import Suite


class Coordinator:
    """Speaks for one farm, to the Redis at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
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
            for worker in self.registry.present():
                self._enlist(run, worker.hardware, worker.tags)
        return run

    def enlist(self, hardware: str, tags: Collection[str]) -> list[Run]:
        """Enqueue the hardware's jobs in every open run that selects it; return those runs."""
        with explained(self.url):
            runs = [self.run(name) for name in sorted(self.ledger.open_runs())]
            return [run for run in runs if run and self._enlist(run, hardware, tags)]

    def enlist_present(self) -> None:
        """Enlist everyone who is here: someone out of reach at the submission may be back."""
        with explained(self.url):
            columns = {(worker.hardware, worker.tags) for worker in self.registry.present()}
        for hardware, tags in sorted(columns):
            self.enlist(hardware, tags)

    def run(self, run: str) -> Run | None:
        """Return a recorded run, or None."""
        manifest = self.ledger.manifest(run)
        return None if manifest is None else Run.model_validate_json(manifest)

    def _enlist(self, run: Run, hardware: str, tags: Collection[str]) -> bool:
        if not run.selector.matches(tags) or hardware in self.ledger.columns(run.id):
            return False
        jobs = run.jobs(hardware)
        if not self.ledger.add_column(run.id, hardware, jobs):
            return False
        self._enqueue(hardware, jobs)
        return True

    def _enqueue(self, hardware: str, jobs: Sequence[JobSpec]) -> None:
        from workers.app import TASK, make_app, queue_of

        app = make_app(self.url)
        queue = queue_of(hardware)
        with app.producer_or_acquire() as producer, producer.batch():
            for job in jobs:
                app.send_task(
                    TASK,
                    args=[job.model_dump(mode="json")],
                    task_id=job.id,
                    queue=queue,
                    producer=producer,
                )
        app.close()
