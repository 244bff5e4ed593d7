"""The Celery task: a thin shell around Bench, and the worker that runs it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from celery.platforms import SecurityWarning

from workers.app import TASK, make_app, queue_of

if TYPE_CHECKING:
    from celery import Celery
    from celery.app.task import Task

    from workers.bench import Bench


def serve(url: str, bench: Bench) -> None:
    """Run a Celery worker on the bench's queue until it is told to stop (SIGINT or SIGTERM)."""
    # Celery warns root of pickled messages; only JSON is accepted here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app = make_app(url)
    app.conf.task_queues = [queue_of(bench.record.hardware)]
    register(app, bench)
    worker = app.Worker(
        hostname=bench.record.name,
        # The one thread waits for a child, so the worker goes on answering while a job runs.
        pool="threads",
        concurrency=1,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel="WARNING",
    )
    with bench.pulse:
        worker.start()


def register(app: Celery, bench: Bench) -> None:
    """Make the bench answer to the farm's one task."""

    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]
    def run_job(self: Task, spec: dict[str, Any]) -> None:
        bench.serve(spec, self.request.properties["delivery_tag"])
