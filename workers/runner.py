"""Runner: a JobSpec in, a Result out, whatever becomes of the child that measures it."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from jobs.errors import UnsupportedError
from jobs.result import ChildReport, JobFailure, Result, Status
from jobs.spec import Backend, JobSpec, Scalar
from workers.conditions import conditions, unit
from workers.cpus import usable_cpus
from workers.instruments import Instruments, instruments_of
from workers.load import with_siblings
from workers.nursery import Ending, Nursery, Usage
from workers.telemetry import Recorder

if TYPE_CHECKING:
    from workers.hardware import Hardware
    from workers.preflight import Preflight

logger = logging.getLogger(__name__)


class Runner:
    """Runs jobs one after the other, each in a child of its backend's template.

    Without a `preflight` it looks at nothing before a job; without `telemetry` it reads the CPUs'
    counters alone. `spare_cpus` are CPUs that this process may use and the jobs do not.
    """

    def __init__(
        self,
        worker: str,
        hardware: Hardware,
        isolation: str,
        environment: Mapping[str, str],
        *,
        preflight: Preflight | None = None,
        telemetry: bool = True,
        instruments: Instruments | None = None,
        spare_cpus: Collection[int] = (),
    ) -> None:
        self.worker = worker
        self.hardware = hardware
        self.isolation = isolation
        self.environment = environment
        self.preflight = preflight
        self.telemetry = telemetry
        self.instruments = instruments or instruments_of(hardware)
        self.cpus = with_siblings(usable_cpus())
        self.spare_cpus = tuple(sorted({*spare_cpus}.difference(self.cpus)))
        self._nurseries: dict[Backend, Nursery] = {}

    def run(self, job: JobSpec, taken_at: float) -> Result:
        """Measure one job; `taken_at` (seconds since the epoch) is when it left the queue.

        Resting, looking at the machine and waiting until it is quiet are no part of the latency.
        """
        noise: tuple[str, ...] = ()
        around: dict[str, Scalar | None] = {}
        usage: Usage | None = None
        recorder = self.recorder()
        started_at = time.time()
        try:
            nursery = self._nursery(job)
            nursery.prepare()
            begun_at = time.time()
            noise = self._clear(job)
            around = conditions(self.hardware, self.instruments.sensors)
            started_at = time.time()
            taken_at += started_at - begun_at
            kills_before = _memory_kills()
            with recorder:
                ending = nursery.run(job.model_dump_json(), job.timeout_seconds)
        except UnsupportedError as error:
            failure = JobFailure(kind="unsupported", message=str(error))
            report = ChildReport(status=Status.UNSUPPORTED, error=failure, environment={})
        except Exception as error:
            # Whatever it is, the job has an end: a job without a result would be waited for.
            logger.exception("the farm itself failed at %s", job.label)
            self.close()
            message = f"the farm itself failed at this job: {type(error).__name__}: {error}"
            report = _report(Status.FAILED, kind="exception", message=message)
        else:
            memory_killed = _memory_kills() > kills_before
            report = read_report(ending, job.timeout_seconds, memory_killed=memory_killed)
            usage = ending.usage
        latency = None
        if report.workload_started_at is not None:
            latency = report.workload_started_at - taken_at
        window = report.measurement.laps_window if report.measurement else None
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
            environment={**around, **report.environment, "isolation": self.isolation},
            started_at=started_at,
            finished_at=time.time(),
            unit=unit(self.hardware),
            noise=(*noise, *recorder.noise(usage)),
            telemetry=recorder.telemetry(usage, window),
            start_latency_seconds=latency,
        )

    def recorder(self) -> Recorder:
        """Return what watches the machine while one child lives."""
        return Recorder(
            self.instruments if self.telemetry else None,
            cpus=self.cpus,
            spare_cpus=self.spare_cpus,
        )

    def close(self) -> None:
        """End all templates."""
        for nursery in self._nurseries.values():
            nursery.close()

    def _nursery(self, job: JobSpec) -> Nursery:
        backend = job.cell.backend
        if backend is None:
            raise UnsupportedError(
                "the job names no backend, as only measurements made elsewhere do; "
                "submit it with one (tensorflow, torch or jax)"
            )
        if backend not in self._nurseries:
            self._nurseries[backend] = Nursery(backend, self.isolation, self.environment)
        return self._nurseries[backend]

    def _clear(self, job: JobSpec) -> tuple[str, ...]:
        """Rest as the job asks, and have the machine looked at; return what is wrong with it."""
        time.sleep(job.effort.cooldown_seconds)
        return () if self.preflight is None else self.preflight.clear()


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
