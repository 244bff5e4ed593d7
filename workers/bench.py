"""Bench: one worker at work: takes a job, holds its lease, measures it, hands in the result."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from redis import RedisError

from jobs.result import Result
from jobs.spec import JobSpec
from workers.ability import lacking
from workers.host_lock import host_lock, lock_path
from workers.lease import Pulse
from workers.ledger import Ledger
from workers.outbox import Outbox
from workers.registry import Registry, WorkerRecord
from workers.runner import Runner

if TYPE_CHECKING:
    import redis

logger = logging.getLogger(__name__)


class NotHereError(Exception):
    """Another worker of the same hardware can run the job, and this one cannot."""


class Bench:
    """What stands behind the Celery task; knows no Celery."""

    def __init__(
        self,
        client: redis.Redis,
        record: WorkerRecord,
        runner: Runner,
        outbox: Outbox,
        *,
        share_host: bool,
    ) -> None:
        self.ledger = Ledger(client)
        self.registry = Registry(client)
        self.record = record
        self.runner = runner
        self.outbox = outbox
        self.share_host = share_host
        self.busy = False  # it holds a delivery
        self.pulse = Pulse(client, record.beat_seconds, self.beat)

    def beat(self) -> None:
        """Tell the registry what this worker does."""
        self.registry.beat(self.record)

    def serve(self, payload: dict[str, Any], delivery_tag: str) -> None:
        """Bring one delivery to its end: when this returns, the message can be acknowledged."""
        taken_at = time.time()
        try:
            job = JobSpec.model_validate(payload)
        except ValidationError as error:
            logger.error("dropped a message that is no job: %s", error.errors(include_url=False))
            return
        if job.hardware != self.record.hardware:
            logger.error("dropped a job for %s that was in this queue", job.hardware)
            return
        self._leave_to_another(job)
        self.busy = True
        try:
            received_at = time.time()
            with self.pulse.lease(delivery_tag), self._host():
                waited = time.time() - received_at
                if self.ledger.begin(job):
                    self._measure(job, taken_at + waited)
                else:
                    logger.info("skipped %s: it has ended already [job %s]", job.label, job.id)
        finally:
            self.busy = False
            if self.record.state == "running":
                self._say(state="idle", job=None)

    def _leave_to_another(self, job: JobSpec) -> None:
        """Raise NotHereError for a job that this worker cannot run, and another of its name can.

        Two machines of one hardware share a queue, and need not have the same installed.
        """
        why = lacking(job.cell, self.record)
        if why is None:
            return
        for other in self.registry.present():
            alike = other.hardware == self.record.hardware and other.name != self.record.name
            if alike and lacking(job.cell, other) is None:
                raise NotHereError(f"{job.label} is left to {other.name}: {why}")

    def leave(self) -> None:
        """Say goodbye, and end the templates unless one is at work."""
        if not self.busy:
            self.runner.close()
        self._say(state="left", job=None)

    def _measure(self, job: JobSpec, taken_at: float) -> None:
        self._say(state="running", job=job.label)
        logger.info("measuring %s [job %s, run %s]", job.label, job.id, job.run)
        result = self.runner.run(job, taken_at)
        self._hand_in(result)
        if result.error is not None:
            logger.warning("%s: %s: %s", job.label, result.status.value, result.error.message)
        else:
            logger.info("%s: %s", job.label, result.status.value)

    def _hand_in(self, result: Result) -> None:
        try:
            self.outbox.keep(result)
        except OSError as error:
            # A full disk: then Redis must take it at once, or the job is measured again.
            logger.error("%s cannot be kept on disk: %s", result.job.label, error)
            self.ledger.finish(result)
            return
        try:
            self.outbox.deliver(self.ledger)
        except RedisError:
            logger.exception("the result of %s waits on disk for Redis", result.job.label)

    def _say(self, **update: object) -> None:
        self.record = self.record.model_copy(update=update)
        try:
            self.beat()
        except RedisError as error:
            logger.warning("Redis does not hear this worker: %s", error)

    def _host(self) -> AbstractContextManager[None]:
        return nullcontext() if self.share_host else host_lock(lock_path())
