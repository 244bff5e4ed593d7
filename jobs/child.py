"""The child process: a JobSpec in, a report of one measurement out, then it ends.

Started for one job alone, by a fork of the warm template or as `python -m jobs.child FD` with the
request on its standard input. The report goes to its own pipe, so that whatever libraries print
cannot damage it.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from typing import NoReturn, TextIO

from jobs import environment, keras_device, workload
from jobs.errors import DataMissingError, JobError, UnsupportedError
from jobs.result import ChildReport, JobFailure, Measurement, Status
from jobs.spec import JobSpec, Scalar

logger = logging.getLogger(__name__)

TRACEBACK_CHARACTERS = 20_000


def run(request: str, report_fd: int) -> None:
    """Measure the job in `request` (a JobSpec as JSON) and write the report to `report_fd`."""
    report = measure(JobSpec.model_validate_json(request))
    with os.fdopen(report_fd, "wb") as channel:
        channel.write(report.model_dump_json().encode())


def measure(job: JobSpec) -> ChildReport:
    """Measure the job in this process; every exception becomes an error in the report."""
    started: float | None = None
    try:
        subject = workload.find(job.cell.workload)
        if subject.version != job.cell.workload_version:
            raise UnsupportedError(
                f"version {job.cell.workload_version} of {subject.name} was submitted and this "
                f"worker has version {subject.version}; install the same benchfarm everywhere"
            )
        subject.parameters_of(job.cell)
        keras_device.prepare(job.cell)
        started = time.time()
        measurement = subject.run(job, time.perf_counter)
        if not isinstance(measurement, Measurement):
            raise TypeError(f"{subject.name} returned no Measurement but {measurement!r}")
        measurement = subject.with_floors(job.cell, measurement)
    except Exception as error:  # noqa: BLE001 - the error is the result
        status, failure = _failure(error)
        return ChildReport(
            status=status,
            error=failure,
            environment=_environment(job),
            workload_started_at=started,
        )
    return ChildReport(
        status=Status.SUCCEEDED,
        measurement=measurement,
        environment=keras_device.environment(job.cell),
        workload_started_at=started,
    )


def _environment(job: JobSpec) -> dict[str, Scalar | None]:
    """Return what was in force when a job failed: all that can be told, the versions at least."""
    if "keras" in sys.modules:
        try:
            return keras_device.environment(job.cell)
        except Exception:
            logger.warning("what was in force cannot be told", exc_info=True)
    return environment.versions(job.cell.backend)


def _failure(error: Exception) -> tuple[Status, JobFailure]:
    text = str(error) or type(error).__name__
    if isinstance(error, UnsupportedError):
        return Status.UNSUPPORTED, JobFailure(kind="unsupported", message=text)
    if isinstance(error, DataMissingError):
        return Status.FAILED, JobFailure(kind="data", message=text)
    trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, MemoryError):
        message = f"out of host memory in {error!r}; take a smaller batch or less data"
        status = Status.OUT_OF_MEMORY
    elif keras_device.is_device_memory_error(error):
        message = f"out of device memory; take a smaller batch ({text.splitlines()[0]})"
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
