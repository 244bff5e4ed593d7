"""Enqueuer: puts a hardware's jobs into its queue, each that has no message there once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from redis import RedisError

from farm.runs import unsupported
from jobs.errors import BrokerDownError, FarmError
from jobs.spec import JobSpec
from workers.job_states import OPEN
from workers.messages import Messages
from workers.registry import WorkerRecord
from workers.result_log import is_damage

if TYPE_CHECKING:
    from celery import Celery

    from workers.enqueue_lock import EnqueueLock
    from workers.ledger import Ledger

BATCH = 100  # messages in one go, before each of which the lock is looked at


class LockLostError(FarmError):
    """Somebody else looks after the hardware's queue now."""

    def __init__(self, lock: EnqueueLock) -> None:
        super().__init__(
            f"somebody else looks after the jobs of {lock.hardware} in run {lock.run} now, or this "
            f"machine was silent for too long; `farm resume {lock.run}` completes what is missing"
        )


class LockHeldError(FarmError):
    """Somebody looks after the hardware's queue, and has done so for long."""

    def __init__(self, lock: EnqueueLock, seconds: float) -> None:
        super().__init__(
            f"somebody else is putting the jobs of {lock.hardware} in run {lock.run} into its "
            f"queue, and has been for {seconds:.0f} s; wait until they are done, and type it again"
        )


class Enqueuer:
    """Sends jobs through the farm's Celery application."""

    def __init__(self, app: Celery, ledger: Ledger) -> None:
        self.app = app
        self.ledger = ledger

    def missing(self, jobs: Sequence[JobSpec], hardware: str) -> list[JobSpec]:
        """Return those of the jobs, all of one run, that have not ended and have no message.

        Ask it holding the lock: nobody else adds messages meanwhile.
        """
        if not jobs:
            return []
        # Messages first: a job that ends in between has lost its message, and is not open any more.
        there = Messages(self.ledger.client, hardware).jobs()
        states = self.ledger.column(jobs[0].run, hardware).states()
        return [job for job in jobs if job.id not in there and states.get(job.id) in OPEN]

    def send(
        self, lock: EnqueueLock, jobs: Sequence[JobSpec], workers: Sequence[WorkerRecord]
    ) -> int:
        """Enqueue the jobs that one of these workers of the hardware can run; return how many.

        The others end here, unsupported. Without workers all are enqueued. Raises LockLostError,
        and BrokerDownError when Redis does not take them; some may be in the queue then.
        """
        from kombu.exceptions import KombuError

        from workers.app import queue_of
        from workers.message_check import TASK

        queue = queue_of(lock.hardware)
        runnable = self._runnable(lock, jobs, workers)
        try:
            with self.app.producer_or_acquire() as producer:
                for start in range(0, len(runnable), BATCH):
                    if not lock.extend():
                        raise LockLostError(lock)
                    with producer.batch():
                        for job in runnable[start : start + BATCH]:
                            self.app.send_task(
                                TASK,
                                args=[job.model_dump(mode="json")],
                                task_id=job.id,
                                queue=queue,
                                producer=producer,
                            )
        except KombuError as error:
            if isinstance(error.__cause__, RedisError) and is_damage(error.__cause__):
                raise error.__cause__ from None  # of this hardware's queue, not of Redis
            raise BrokerDownError(
                f"Redis did not take all the messages ({error.__cause__ or error}); when it is "
                f"well again, `farm resume {lock.run}` sends those that are missing"
            ) from error
        return len(runnable)

    def _runnable(
        self, lock: EnqueueLock, jobs: Sequence[JobSpec], workers: Sequence[WorkerRecord]
    ) -> list[JobSpec]:
        reasons: dict[int, str | None] = {}  # by the cell, which the repeats share
        runnable = []
        for job in jobs:
            if id(job.cell) not in reasons:
                reasons[id(job.cell)] = unsupported.reason(job.cell, workers)
            why = reasons[id(job.cell)]
            if why is None:
                runnable.append(job)
            elif not lock.extend(when_due=True):
                raise LockLostError(lock)
            else:
                result = unsupported.result(job, workers[0], why)
                self.ledger.column_of(job).finish(result)
        return runnable
