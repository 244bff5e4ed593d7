"""The Celery task: a thin shell around Bench, and the worker that runs it."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from typing import TYPE_CHECKING, Any

from celery.exceptions import Reject
from celery.platforms import SecurityWarning
from celery.signals import worker_shutting_down

from jobs.errors import BrokerError
from workers.app import TASK, make_app, queue_of
from workers.bench import NotHereError

if TYPE_CHECKING:
    from celery import Celery
    from celery.app.task import Task

    from workers.bench import Bench


logger = logging.getLogger(__name__)

REQUEUE_SECONDS = 5.0  # so that a job that cannot be handled is not handled all the time


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

    def stop_at_once(*_: object) -> None:
        # Celery cannot end the thread that waits for the job's child, and says so at length. This
        # process can end; the child dies with it, and the delivery goes to another worker.
        bench.leave()
        os._exit(1)

    def on_first_signal(*_: object, **__: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, stop_at_once)

    worker_shutting_down.connect(on_first_signal, weak=False)
    with bench.pulse:
        worker.start()
    if worker.exitcode:
        raise BrokerError(f"the worker stopped by itself (exit code {worker.exitcode}); see above")


def register(app: Celery, bench: Bench) -> None:
    """Make the bench answer to the farm's one task."""

    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]
    def run_job(self: Task, spec: dict[str, Any]) -> None:
        try:
            bench.serve(spec, self.request.properties["delivery_tag"])
        except NotHereError as error:
            logger.info("%s", error)
            time.sleep(REQUEUE_SECONDS)
            raise Reject(str(error), requeue=True) from error
        except Exception as error:
            # Celery would acknowledge a task that raises, and the job would be gone.
            logger.exception("a job is put back into its queue")
            time.sleep(REQUEUE_SECONDS)
            raise Reject(str(error), requeue=True) from error
