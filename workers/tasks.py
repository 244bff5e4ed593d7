"""The Celery task: a thin shell around Bench, and the worker that runs it."""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from celery.exceptions import CPendingDeprecationWarning, Reject
from celery.platforms import SecurityWarning
from celery.worker import state
from redis import RedisError

from workers.app import make_app, queue_of
from workers.bench import HandedBackError, NotHereError
from workers.message_check import TASK
from workers.stop_signals import StopSignals
from workers.transport import Listener
from workers.watchdog import Watchdog, start_anew

if TYPE_CHECKING:
    from celery import Celery
    from celery.app.task import Task

    from workers.bench import Bench


logger = logging.getLogger(__name__)

REQUEUE_SECONDS = 5.0  # so that a job that cannot be handled is not handled all the time


def serve(url: str, bench: Bench) -> None:
    """Run a Celery worker on the bench's queue until it is told to stop (see StopSignals)."""
    # Celery warns root of pickled messages; only JSON is accepted here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    # Of each delivery that goes back into its queue it logs a traceback; `register` says why.
    logging.getLogger("celery.app.trace").setLevel(logging.ERROR)
    listener = Listener()
    listener.unreadable = bench.refuse
    app = make_app(url, bench.record.hardware, listener)
    app.conf.task_queues = [queue_of(bench.record.hardware)]
    register(app, bench, listener)

    class Worker(app.Worker):  # type: ignore[misc, name-defined]
        def install_platform_tweaks(self, worker: object) -> None:
            signals.install()  # in place of Celery's own, which wait for ever, or lose the job

    worker = Worker(
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
    # At each lost connection it would say what its version 6 will do with the tasks that run.
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)

    def restart() -> None:
        bench.leave()
        start_anew(bench.runner.spare_cpus)

    def deliver_waiting() -> None:
        if not bench.busy:  # else it is about to deliver by itself
            bench.outbox.deliver_once(bench.ledger)

    watchdog = Watchdog(
        bench.ledger.client, bench.record.hardware, listener, lambda: bench.busy, restart
    )
    bench.pulse.also(deliver_waiting)
    bench.pulse.also(watchdog.look)

    def leave() -> None:
        watchdog.stopped = True
        state.should_stop = 0  # the exit code

    signals = StopSignals(bench.hand, leave)
    with bench.pulse:
        worker.start()
    if worker.exitcode and not watchdog.stopped:
        logger.error("Celery stopped by itself (see above); the worker starts anew")
    while worker.exitcode and not watchdog.stopped:
        time.sleep(REQUEUE_SECONDS)
        with suppress(RedisError):  # one that starts without Redis gives up
            bench.beat()
            restart()


def register(app: Celery, bench: Bench, listener: Listener) -> None:
    """Make the bench answer to the farm's one task."""

    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]
    def run_job(self: Task, spec: dict[str, Any]) -> None:
        try:
            # A result of this very job may wait on disk: then it is not measured again.
            bench.outbox.deliver_once(bench.ledger)
            bench.serve(spec, self.request.properties["delivery_tag"])
        except HandedBackError as error:
            logger.info("%s", error)
            listener.leaving = True
            raise Reject(str(error), requeue=True) from error
        except NotHereError as error:
            logger.info("%s", error)
            time.sleep(REQUEUE_SECONDS)
            raise Reject(str(error), requeue=True) from error
        except RedisError as error:
            logger.warning("a job goes back into its queue: Redis: %s", error)
            time.sleep(REQUEUE_SECONDS)
            raise Reject(str(error), requeue=True) from error
        except Exception as error:
            # Celery would acknowledge a task that raises, and the job would be gone.
            logger.exception("a job is put back into its queue")
            time.sleep(REQUEUE_SECONDS)
            raise Reject(str(error), requeue=True) from error
