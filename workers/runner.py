"""Runner: a JobSpec in, a Result out, whatever becomes of the child that measures it."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from jobs import catalogue
from jobs.errors import UnknownNameError, UnsupportedError
from jobs.result import ChildReport, Result, Status
from jobs.spec import LARGEST, Backend, JobSpec, Scalar
from jobs.workload import Workload
from workers import memory
from workers.attempt import Attempt, attempt
from workers.conditions import conditions, unit
from workers.cpus import usable_cpus
from workers.instruments import Instruments, instruments_of
from workers.largest_batch import LargestBatch
from workers.load import with_siblings
from workers.nursery import Nursery
from workers.outcome import failed
from workers.stop_token import Stopped, StopToken
from workers.telemetry import Recorder
from workers.template_process import TemplateKilledError

if TYPE_CHECKING:
    from workers.hardware import Hardware
    from workers.preflight import Preflight

logger = logging.getLogger(__name__)


class Runner:
    """Runs jobs one after the other, each in a child of its backend's template.

    Without a `preflight` it looks at nothing before a job; without `telemetry` it reads the CPUs'
    counters alone. `spare_cpus` are CPUs that this process may use and the jobs do not. When the
    `stop_token` asks for it, the job that runs is killed, and has no result.
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
        stop_token: StopToken | None = None,
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
        self.stop_token = stop_token or StopToken()
        self._nurseries: dict[Backend, Nursery] = {}

    def run(self, job: JobSpec, taken_at: float) -> Result:
        """Measure one job; `taken_at` (seconds since the epoch) is when it left the queue.

        Resting, looking at the machine, waiting until it is quiet and finding the largest batch are
        no part of the latency. Raises Stopped, as soon as nothing is left of the job, when the
        stop token asks for it.
        """
        noise: tuple[str, ...] = ()
        around: dict[str, Scalar | None] = {}
        largest: LargestBatch | None = None
        measured: Attempt | None = None
        report: ChildReport | None = None
        started_at = time.time()
        try:
            nursery = self._nursery(job)
            nursery.prepare()
            begun_at = time.time()
            if job.cell.batch_size == LARGEST:
                largest = self._largest(nursery, job)
                report = largest.find()
            if report is None:
                resting_at = time.monotonic()
                noise = self._clear(job)
                around = conditions(self.hardware, self.instruments.sensors)
                started_at = time.time()
                taken_at += started_at - begun_at
                if largest is None:
                    measured = attempt(nursery, self.recorder(), job, job.timeout_seconds)
                else:
                    largest.extend(time.monotonic() - resting_at)
                    measured = largest.measure()
                report = measured.report
        except Stopped:
            raise
        except UnsupportedError as error:
            report = failed(Status.UNSUPPORTED, kind="unsupported", message=str(error))
        except TemplateKilledError as error:
            said = {"signal": error.signal, "message": str(error)}
            report = failed(Status.FAILED, kind="signal", **said)
        except MemoryError as error:
            message = f"out of host memory: {error or 'the worker itself has none'}"
            report = failed(Status.OUT_OF_MEMORY, kind="memory", message=message)
        except Exception as error:
            # Whatever it is, the job has an end: a job without a result would be waited for.
            logger.exception("the farm itself failed at %s", job.label)
            self.close()
            message = f"the farm itself failed at this job: {type(error).__name__}: {error}"
            report = failed(Status.FAILED, kind="exception", message=message)
        latency = None
        if measured is not None and report.workload_started_at is not None:
            latency = report.workload_started_at - taken_at
        return self.result(
            job,
            report,
            started_at,
            environment={**around, **report.environment, "isolation": self.isolation},
            noise=(*noise, *(measured.noise if measured else ())),
            telemetry=measured.telemetry if measured else None,
            frontier=tuple(largest.trials) if largest else (),
            start_latency_seconds=latency,
        )

    def result(
        self,
        job: JobSpec,
        report: ChildReport,
        started_at: float,
        *,
        environment: Mapping[str, Scalar | None] | None = None,
        **said: Any,
    ) -> Result:
        """Return what the report says of the job, with the machine; `said` are more of its fields.

        Without them it is the result of a job that was not run.
        """
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
            environment=dict(environment or {}),
            started_at=started_at,
            finished_at=time.time(),
            unit=unit(self.hardware),
            **said,
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
            self._nurseries[backend] = Nursery(
                backend, self.isolation, self.environment, self.stop_token
            )
        return self._nurseries[backend]

    def _largest(self, nursery: Nursery, job: JobSpec) -> LargestBatch:
        try:
            learning_steps = catalogue.find(job.cell.workload).learning_steps
        except UnknownNameError:  # the first try will say so
            learning_steps = Workload.learning_steps
        return LargestBatch(
            job,
            lambda sized, seconds, trial: attempt(
                nursery, self.recorder(), sized, seconds, trial=trial
            ),
            device=self.hardware.device,
            base_bytes=memory.shared_bytes(nursery.pid) if self.isolation == "fork" else 0,
            spare_bytes=memory.spare_bytes,
            learning_steps=learning_steps,
        )

    def _clear(self, job: JobSpec) -> tuple[str, ...]:
        """Rest as the job asks, and have the machine looked at; return what is wrong with it."""
        self.stop_token.sleep(job.effort.cooldown_seconds)
        return () if self.preflight is None else self.preflight.clear()
