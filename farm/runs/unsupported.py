"""Unsupported: what a hardware cannot run, told before anything is sent to it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from jobs.result import JobFailure, Result, Status
from jobs.spec import Cell, JobSpec
from workers.ability import lacking
from workers.registry import WorkerRecord


def reason(cell: Cell, workers: Sequence[WorkerRecord]) -> str | None:
    """Return why none of the workers of one hardware can run the cell; None where one can.

    None also for a worker that states nothing of itself, or for work whose definition only the
    workers have: they will say.
    """
    reasons = [lacking(cell, worker) for worker in workers]
    return None if None in reasons or not reasons else reasons[0]


def result(job: JobSpec, worker: WorkerRecord, why: str) -> Result:
    """Return the result of a job that is not sent, in the name of the worker that cannot run it."""
    now = time.time()
    return Result(
        job=job,
        status=Status.UNSUPPORTED,
        error=JobFailure(kind="unsupported", message=why),
        worker=worker.name,
        facts={
            **worker.facts,
            "device": worker.capabilities.device if worker.capabilities else None,
            "declared": worker.declared,
            "fingerprint": worker.fingerprint,
        },
        environment={},
        started_at=now,
        finished_at=now,
    )
