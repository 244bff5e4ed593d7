"""The child process: a JobSpec in, a report of one measurement out, then it ends.

Started for one job alone, by a fork of the warm template or as `python -m jobs.child FD` with the
request on its standard input. The report goes to its own pipe, so that whatever libraries print
cannot damage it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import time
import traceback
from typing import NoReturn, TextIO

from jobs import catalogue, environment, memory
from jobs.errors import DataMissingError, JobError, UnsupportedError
from jobs.keras import device as keras_device
from jobs.result import ChildReport, JobFailure, Measurement, Status
from jobs.spec import KERAS_BACKENDS, Cell, Effort, JobSpec, Scalar
from jobs.workload import Workload

logger = logging.getLogger(__name__)

TRACEBACK_CHARACTERS = 20_000
TRIAL_STEPS = 4  # of training: by the second, optimizer and allocator hold all they ever will
TRIAL_EFFORT = Effort(lap_precision=0.5, budget_seconds=0.001, warmup_seconds=0, lap_seconds=0.001)


def request_of(job: JobSpec, *, trial: bool = False) -> str:
    """Return what `run` takes; a trial does as little of the job as shows whether it fits."""
    said = job.model_dump_json()
    return f'{{"trial": {said}}}' if trial else said


def run(request: str, report_fd: int) -> None:
    """Measure the job in `request` (see `request_of`) and write the report to `report_fd`."""
    memory.be_killed_first()
    asked = json.loads(request)
    job = JobSpec.model_validate(asked.get("trial", asked))
    report = measure(job, trial="trial" in asked)
    with os.fdopen(report_fd, "wb") as channel:
        channel.write(report.model_dump_json().encode())


def measure(job: JobSpec, *, trial: bool = False) -> ChildReport:
    """Measure the job in this process; every exception becomes an error in the report.

    A trial builds the same network, trains it by a few steps of batches of the same size and tests
    it, so that it needs as much memory. What it measures says nothing of speed. Of a GPU's memory
    its report, as that of a job which had too little, tells the peak in `environment`, under
    `peak_device_bytes`.
    """
    started: float | None = None
    subject: Workload | None = None
    try:
        subject = catalogue.find(job.cell.workload)
        if subject.version != job.cell.workload_version:
            raise UnsupportedError(
                f"version {job.cell.workload_version} of {subject.name} was submitted and this "
                f"worker has version {subject.version}; install the same benchfarm everywhere"
            )
        subject.parameters_of(job.cell)
        if trial:
            job = cut_down(job, subject)
            type(subject).learning_steps = TRIAL_STEPS
        with_keras = job.cell.backend in KERAS_BACKENDS
        if with_keras:
            keras_device.prepare(job.cell)
        started = time.time()
        measurement = subject.run(job, time.perf_counter)
        if not isinstance(measurement, Measurement):
            raise TypeError(f"{subject.name} returned no Measurement but {measurement!r}")
        if odd := [lap for lap in measurement.lap_seconds if not 0 < lap < math.inf]:
            raise ValueError(f"{subject.name} measured a lap of {odd[0]} s, which is no time")
        measurement = subject.with_floors(job.cell, measurement)
    except Exception as error:  # noqa: BLE001 - the error is the result
        status, failure = _failure(error)
        said = _environment(job, subject)
        if status is Status.OUT_OF_MEMORY:
            said |= _peak(job.cell)
        return ChildReport(
            status=status, error=failure, environment=said, workload_started_at=started
        )
    return ChildReport(
        status=Status.SUCCEEDED,
        measurement=measurement,
        environment=_environment(job, subject) | (_peak(job.cell) if trial else {}),
        workload_started_at=started,
    )


def cut_down(job: JobSpec, subject: Workload) -> JobSpec:
    """Return the job with as little effort as there is; training goes by steps, if it can."""
    cell = job.cell
    if cell.protocol == "train":
        by_steps = {"protocol": "steady", "epochs": None}
        shorter = by_steps if "steady" in subject.protocols else {"epochs": 1}
        cell = cell.model_copy(update=shorter)
    return job.model_copy(update={"cell": cell, "effort": TRIAL_EFFORT})


def _environment(job: JobSpec, subject: Workload | None) -> dict[str, Scalar | None]:
    """Return what was in force: all that can be told, the versions at least."""
    said = environment.versions(job.cell.backend)
    try:
        if job.cell.backend in KERAS_BACKENDS and "keras" in sys.modules:
            said = keras_device.environment(job.cell)
        if subject is not None:
            said |= subject.environment(job.cell)
    except Exception:
        logger.warning("what was in force cannot be told", exc_info=True)
    return said


def _peak(cell: Cell) -> dict[str, Scalar | None]:
    peak = memory.device_peak_bytes(cell.backend)
    return {} if peak is None else {"peak_device_bytes": peak}


def _failure(error: Exception) -> tuple[Status, JobFailure]:
    text = str(error) or type(error).__name__
    if isinstance(error, UnsupportedError):
        return Status.UNSUPPORTED, JobFailure(kind="unsupported", message=text)
    if isinstance(error, DataMissingError):
        return Status.FAILED, JobFailure(kind="data", message=text)
    trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    refused = memory.refusal(error)
    if refused is not None:
        traceback.clear_frames(error.__traceback__)  # what is left to do takes memory too
        message = f"out of {refused.place} memory: {refused.said}"
        status = Status.OUT_OF_MEMORY
    else:
        message = text if isinstance(error, JobError) else f"{name}: {text}"
        status = Status.FAILED
    kind: str = "memory" if status is Status.OUT_OF_MEMORY else "exception"
    return status, JobFailure.model_validate(
        {"kind": kind, "message": message, "exception": name, "traceback": trace}
    )


def main(argv: list[str], stdin: TextIO) -> NoReturn:
    """Run as a program: `python -m jobs.child FD`, the request on standard input."""
    run(stdin.read(), int(argv[0]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a library that crashes while the interpreter ends must not spoil the report


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdin)
