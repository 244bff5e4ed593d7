"""Bench: one worker at work: takes a job, holds its lease, measures it, hands in the result."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from redis import RedisError

from jobs.problem import first_problem
from jobs.result import Result
from jobs.spec import JobSpec
from workers.ability import lacking
from workers.attempts import MAX_ATTEMPTS, died_again, never_ended, told
from workers.host_lock import host_lock, lock_path
from workers.job_in_hand import JobInHand
from workers.job_states import OPEN
from workers.lease import Pulse
from workers.ledger import Ledger
from workers.message_check import UnreadableJobError
from workers.outbox import Outbox
from workers.outcome import killed_from_outside
from workers.refusal import Refusal
from workers.registry import Registry, WorkerRecord
from workers.runner import Runner
from workers.stop_token import Stopped, Why

if TYPE_CHECKING:
    import redis

logger = logging.getLogger(__name__)


class NotHereError(Exception):
    """Another worker of the same hardware can run the job, and this one cannot."""


class HandedBackError(Exception):
    """This worker stops: the job goes back into its queue, for another."""


class Bench:
    """What stands behind the Celery task; knows no Celery.

    `grace_seconds` is how long a job may go on after the worker was told to stop; None: to its end.
    """

    def __init__(
        self,
        client: redis.Redis,
        record: WorkerRecord,
        runner: Runner,
        outbox: Outbox,
        *,
        share_host: bool,
        grace_seconds: float | None = None,
    ) -> None:
        self.ledger = Ledger(client)
        self.registry = Registry(client)
        self.record = record
        self.runner = runner
        self.outbox = outbox
        self.share_host = share_host
        self.busy = False  # it holds a delivery
        self.hand = JobInHand(runner.stop_token, grace_seconds)
        self.pulse = Pulse(client, record.hardware, record.beat_seconds, self.beat)
        self.pulse.also(self.drop_if_over)

    def beat(self) -> None:
        """Tell the registry what this worker does."""
        self.registry.beat(self.record)

    def drop_if_over(self) -> None:
        """Stop the job in hand if it has ended without us: it was cancelled, or measured elsewhere.

        A cancellation is heard at once, unless Redis was away just then.
        """
        job = self.hand.job
        if job is not None and self.ledger.column_of(job).state(job.id) not in (*OPEN, None):
            self.hand.drop(job.id)

    def serve(self, payload: dict[str, Any], delivery_tag: str) -> None:
        """Bring one delivery to its end: when this returns, the message can be acknowledged.

        Raises NotHereError and HandedBackError for one that is to go back into its queue.
        """
        taken_at = time.time()
        try:
            job = JobSpec.model_validate(payload)
        except ValidationError as error:
            logger.error("dropped a message that is no job: %s", first_problem(error))
            return
        if job.hardware != self.record.hardware:
            logger.error("dropped a job for %s that was in this queue", job.hardware)
            return
        self._leave_to_another(job)
        self.busy = True
        try:
            received_at = time.time()
            with self.hand.take(job), self.pulse.lease(delivery_tag), self._host():
                self._begin(job, taken_at + time.time() - received_at)
        except Stopped as stopped:
            if stopped.why is Why.HANDED_BACK:
                raise HandedBackError(f"{job.label} goes back into its queue") from None
            logger.info("stopped %s: %s [job %s]", job.label, stopped.why.value, job.id)
        finally:
            self.busy = False
            if self.record.state == "running":
                self._say(state="idle", job=None, job_id=None)

    def refuse(self, error: UnreadableJobError) -> None:
        """End a job of this hardware that this version of farm does not understand.

        What is not word for word a job that was recorded ends none: somebody else has written it.
        """
        column = self.ledger.column(error.run, self.record.hardware)
        if column.recorded(error.job) != error.content:
            logger.error("dropped a message that is no job: %s", error)
            return
        refusal = Refusal(
            refused_by=self.record.name,
            version=self.record.version,
            reason=str(error),
            refused_at=time.time(),
        )
        column.refuse(error.job, refusal)
        logger.error("refused job %s of run %s: %s", error.job, error.run, error)

    def _leave_to_another(self, job: JobSpec) -> None:
        """Raise NotHereError for a job that this worker cannot run, and another of its name can.

        Two machines of one hardware share a queue, and need not have the same installed.
        """
        why = lacking(job.cell, self.record)
        if why is None:
            return
        for other in self._twins():
            if lacking(job.cell, other) is None:
                raise NotHereError(f"{job.label} is left to {other.name}: {why}")

    def _twins(self) -> list[WorkerRecord]:
        """Return the other workers of this hardware that are here now."""
        here = self.registry.present(self.record.hardware)
        return [other for other in here if other.name != self.record.name]

    def leave(self) -> None:
        """Say goodbye, and end the templates unless one is at work."""
        self._say(state="left", job=None, job_id=None)
        if not self.busy:
            self.runner.close()

    def _begin(self, job: JobSpec, taken_at: float) -> None:
        attempt = self.ledger.column_of(job).begin(job)
        if not attempt:
            logger.info("skipped %s: it has ended already [job %s]", job.label, job.id)
            return
        if attempt > MAX_ATTEMPTS:
            self._give_up(job)
            return
        self.hand.begin()
        self._say(state="running", job=job.label, job_id=job.id)
        logger.info("measuring %s [job %s, run %s]", job.label, job.id, job.run)
        try:
            result = self._measured(job, taken_at, attempt)
        except (Stopped, RedisError) as error:
            if not (isinstance(error, Stopped) and error.why is Why.OVER):
                self._release(job)
            raise
        self._hand_in(result)

    def _give_up(self, job: JobSpec) -> None:
        """End a job whose workers died, unless one of them only seemed to.

        Where Redis was away for longer than a lease, a job is begun again beside a worker that is
        at it still.
        """
        for other in self._twins():
            if other.job_id == job.id:
                raise NotHereError(f"{job.label} is left to {other.name}, which is at it")
        self._hand_in(self.runner.result(job, never_ended(job, MAX_ATTEMPTS), time.time()))

    def _measured(self, job: JobSpec, taken_at: float, attempt: int) -> Result:
        """Measure the job, again when its process was killed from outside; raise Stopped."""
        deaths: list[str] = ["its worker died"] * (attempt - 1)
        while True:
            result = self.runner.run(job, taken_at)
            death = killed_from_outside(result.error)
            if death is None:
                return told(result, attempt)
            deaths.append(death)
            if attempt >= MAX_ATTEMPTS:
                return told(died_again(result, deaths), attempt)
            logger.warning("%s: %s; it is tried again", job.label, death)
            attempt = self.ledger.column_of(job).begin(job)
            if not attempt:
                raise Stopped(Why.OVER)
            taken_at = time.time()

    def _release(self, job: JobSpec) -> None:
        """Have the ledger take this attempt back; without Redis it counts as one more."""
        try:
            self.ledger.column_of(job).release(job)
        except RedisError as error:
            logger.warning("Redis does not hear that %s is handed back: %s", job.label, error)

    def _hand_in(self, result: Result) -> None:
        if result.error is not None:
            said = (result.job.label, result.status.value, result.error.message)
            logger.warning("%s: %s: %s", *said)
        else:
            logger.info("%s: %s", result.job.label, result.status.value)
        try:
            self.outbox.keep(result)
        except OSError as error:
            # A full disk: then Redis must take it at once, or the job is measured again.
            logger.error("%s cannot be kept on disk: %s", result.job.label, error)
            self.ledger.column_of(result.job).finish(result)
            return
        try:
            self.outbox.deliver(self.ledger)
        except RedisError:
            # Not acknowledged: until Redis has the result, the job is not off anybody's hands.
            logger.error("the result of %s waits on disk for Redis", result.job.label)
            raise

    def _say(self, **update: object) -> None:
        self.record = self.record.model_copy(update=update)
        try:
            self.beat()
        except RedisError as error:
            logger.warning("Redis does not hear this worker: %s", error)

    def _host(self) -> AbstractContextManager[None]:
        return nullcontext() if self.share_host else host_lock(lock_path(), self.runner.stop_token)
