"""Unsupported: what a hardware cannot run, told before anything is sent to it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from jobs.capabilities import Capabilities, without_workload
from jobs.catalogue import find
from jobs.errors import UnknownNameError
from jobs.result import JobFailure, Result, Status
from jobs.spec import Cell, JobSpec
from workers.registry import WorkerRecord


def reason(cell: Cell, workers: Sequence[WorkerRecord]) -> str | None:
    """Return why none of the workers of one hardware can run the cell; None where one can.

    None also for a worker that states nothing of itself, or for work whose definition only the
    workers have: they will say.
    """
    reasons = []
    for worker in workers:
        if worker.capabilities is None:
            return None
        lacking = _lacking(cell, worker.capabilities)
        if lacking is None:
            return None
        reasons.append(lacking)
    return reasons[0] if reasons else None


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


def _lacking(cell: Cell, has: Capabilities) -> str | None:
    unknown = without_workload(cell.workload, cell.workload_version, has)
    if unknown is not None:
        return unknown
    try:
        return find(cell.workload).lacking(cell, has)
    except UnknownNameError:
        return None
