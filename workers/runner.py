"""Runner: a JobSpec in, a Result out, whatever becomes of the child that measures it."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from jobs.errors import UnsupportedError
from jobs.result import ChildReport, JobFailure, Result, Status
from jobs.spec import Backend, JobSpec
from workers.nursery import Ending, Nursery

if TYPE_CHECKING:
    from workers.hardware import Hardware

logger = logging.getLogger(__name__)


class Runner:
    """Runs jobs one after the other, each in a child of its backend's template."""

    def __init__(
        self, worker: str, hardware: Hardware, isolation: str, environment: Mapping[str, str]
    ) -> None:
        self.worker = worker
        self.hardware = hardware
        self.isolation = isolation
        self.environment = environment
        self._nurseries: dict[Backend, Nursery] = {}

    def run(self, job: JobSpec, taken_at: float) -> Result:
        """Measure one job; `taken_at` (seconds since the epoch) is when it left the queue."""
        backend = job.cell.backend
        nursery = self._nurseries.get(backend)
        if nursery is None:
            nursery = Nursery(backend, self.isolation, self.environment)
            self._nurseries[backend] = nursery
        started_at = time.time()
        kills_before = _memory_kills()
        try:
            ending = nursery.run(job.model_dump_json(), job.timeout_seconds)
        except UnsupportedError as error:
            failure = JobFailure(kind="unsupported", message=str(error))
            report = ChildReport(status=Status.UNSUPPORTED, error=failure, environment={})
        except Exception as error:
            # Whatever it is, the job has an end: a job without a result would be waited for.
            logger.exception("the farm itself failed at %s", job.label)
            nursery.close()
            message = f"the farm itself failed at this job: {type(error).__name__}: {error}"
            report = _report(Status.FAILED, kind="exception", message=message)
        else:
            memory_killed = _memory_kills() > kills_before
            report = read_report(ending, job.timeout_seconds, memory_killed=memory_killed)
        latency = None
        if report.workload_started_at is not None:
            latency = report.workload_started_at - taken_at
        return Result(
            job=job,
            status=report.status,
            measurement=report.measurement,
            error=report.error,
            worker=self.worker,
            facts={
                **self.hardware.facts,
                "device": self.hardware.device,
                "declared": self.hardware.declared,  # the name was given, not detected
                "fingerprint": self.hardware.fingerprint,
            },
            environment={**report.environment, "isolation": self.isolation},
            started_at=started_at,
            finished_at=time.time(),
            start_latency_seconds=latency,
        )

    def close(self) -> None:
        """End all templates."""
        for nursery in self._nurseries.values():
            nursery.close()


def read_report(ending: Ending, timeout_seconds: float, *, memory_killed: bool) -> ChildReport:
    """Turn the way a child ended into a report, its own where it left one that can be read."""
    tail = ending.stderr_tail
    if ending.timed_out:
        message = (
            f"still running after its timeout of {timeout_seconds:g} s, and killed; "
            f"set a longer 'timeout' in the suite if it needs one"
        )
        return _report(Status.TIMED_OUT, kind="timeout", message=message, stderr_tail=tail)
    if ending.oversized:
        message = "wrote a report of more than 64 MiB, and was killed for it"
        return _report(Status.FAILED, kind="garbage", message=message, stderr_tail=tail)
    if ending.status is None:
        message = "the process that starts the jobs died during this one; `farm` started it again"
        return _report(Status.FAILED, kind="exit", message=message, stderr_tail=tail)
    code = os.waitstatus_to_exitcode(ending.status)
    if code < 0:
        return _killed(-code, tail, memory_killed=memory_killed)
    if code > 0:
        words = tail.strip().splitlines()[-1:] or ["nothing"]
        message = f"the child process ended with exit code {code}; last it said: {words[0][:300]}"
        return _report(
            Status.FAILED, kind="exit", message=message, exit_code=code, stderr_tail=tail
        )
    try:
        report = ChildReport.model_validate_json(ending.report)
    except ValidationError as error:
        what = "no report" if not ending.report else f"no readable report ({_first_line(error)})"
        message = f"the child process ended without an error and left {what}"
        return _report(Status.FAILED, kind="garbage", message=message, stderr_tail=tail)
    if report.error is not None:
        report = report.model_copy(
            update={"error": report.error.model_copy(update={"stderr_tail": tail})}
        )
    return report


def _killed(number: int, tail: str, *, memory_killed: bool) -> ChildReport:
    name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
    if number == signal.SIGKILL and memory_killed:
        message = (
            "out of host memory: the kernel killed the child process; take a smaller batch or "
            "less data, or give the machine more memory"
        )
        return _report(
            Status.OUT_OF_MEMORY, kind="memory", message=message, signal=name, stderr_tail=tail
        )
    message = f"the child process was killed by {name}"
    if number == signal.SIGKILL:
        message += ", not by the farm; often that is somebody's memory limit"
    return _report(Status.FAILED, kind="signal", message=message, signal=name, stderr_tail=tail)


def _report(status: Status, **failure: object) -> ChildReport:
    return ChildReport(status=status, error=JobFailure.model_validate(failure), environment={})


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'report'}: {first['msg']}"


def _memory_kills() -> int:
    """Return how many processes the kernel has killed for memory since boot; 0 where untold."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
