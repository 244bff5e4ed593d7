"""The batch size `max` in its job's time and its machine's memory, with children by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from jobs.result import ChildReport, Status
from jobs.spec import Effort, JobSpec
from tests.conftest import make_cell, make_job, make_result
from workers.attempt import Attempt
from workers.largest_batch import LargestBatch
from workers.nursery import Usage
from workers.outcome import failed

EFFORT = Effort(budget_seconds=10, warmup_seconds=10, lap_seconds=1)


@dataclass
class Machine:
    """Runs children in no time: their seconds pass on its clock, their memory is arithmetic."""

    fitting: int = 1 << 30
    try_seconds: float = 2.0  # and as much again for a thousand samples
    seconds: float = 0.0
    hangs_at: int | None = None
    samples: int = 1 << 20
    spare_bytes: int = 1 << 60
    spare_bytes_later: int | None = None  # after a try that did not fit
    tried: list[tuple[int, bool, float]] = field(default_factory=list)

    def measure(self, job: JobSpec, timeout_seconds: float, trial: bool) -> Attempt:
        size = job.cell.samples_per_step
        self.tried.append((size, trial, timeout_seconds))
        if size == self.hangs_at:
            self.seconds += timeout_seconds
            return attempt(failed(Status.TIMED_OUT, kind="timeout", message="still running"), size)
        self.seconds += self.try_seconds * (1 + size / 1000)
        if size > self.fitting:
            message = "out of host memory: no"
            self.spare_bytes = self.spare_bytes_later or self.spare_bytes
            return attempt(failed(Status.OUT_OF_MEMORY, kind="memory", message=message), 0)
        measurement = make_result().measurement
        assert measurement is not None
        measured = measurement.model_copy(
            update={
                "lap_seconds": (0.001 * size,),
                "samples_per_lap": size,
                "samples_per_epoch": self.samples,
            }
        )
        report = ChildReport(status=Status.SUCCEEDED, measurement=measured, environment={})
        return attempt(report, size)


def attempt(report: ChildReport, size: int) -> Attempt:
    return Attempt(
        report=report,
        noise=(),
        telemetry=None,
        usage=Usage(cpu_seconds=0.0, peak_bytes=100 + 10 * size),
        peak_device_bytes=7 * size,
    )


def largest(
    machine: Machine,
    *,
    device: str = "cpu",
    timeout_seconds: float = 10_000.0,
    **cell: Any,
) -> LargestBatch:
    changes: dict[str, Any] = {"batch_size": "max", "protocol": "steady", "epochs": None, **cell}
    job = make_job(make_cell(**changes), timeout_seconds=timeout_seconds, effort=EFFORT)
    return LargestBatch(
        job,
        machine.measure,
        device=device,
        base_bytes=100,
        spare_bytes=lambda: machine.spare_bytes,
        learning_steps=64,
        clock=lambda: machine.seconds,
    )


@pytest.mark.parametrize(("device", "peak"), [("cpu", 100 + 80), ("gpu", 7 * 8)])
def test_a_trial_keeps_the_peak_of_the_memory_that_matters(device: str, peak: int) -> None:
    search = largest(Machine(samples=8), device=device)
    assert search.find() is None
    assert [trial.peak_memory_bytes for trial in search.trials] == [peak]


def test_what_the_host_cannot_spare_is_not_tried() -> None:
    machine = Machine(spare_bytes=1000)  # 10 a sample: 100 of them
    search = largest(machine)
    assert search.find() is None
    assert max(size for size, *_ in machine.tried) <= 100
    assert search.measure().report.measurement is not None
    assert machine.tried[-1][:2] == (100, False)
    assert search.limited_by == "memory, foreseen"


def test_a_try_that_did_not_fit_foresees_nothing() -> None:
    # Given a machine where 32 did not fit, and died early; and less memory from then on
    machine = Machine(fitting=20, spare_bytes_later=200)
    search = largest(machine)
    assert search.find() is None
    # Then those that fitted tell that 24 would not
    assert [size for size, *_ in machine.tried] == [8, 16, 32, 20]
    assert search.limited_by == "memory, foreseen"


def test_the_search_leaves_the_measurement_its_time() -> None:
    # Given 70 s, of which a measurement takes 25 to 27 and 64 steps of a millisecond a sample
    machine = Machine()
    search = largest(machine, timeout_seconds=70.0)
    assert search.find() is None
    # Then it stops in time, says so, and what is left is enough
    assert search.limited_by == "time"
    size = search.trials[-1].batch_size
    assert size >= 64
    assert 70.0 - machine.seconds >= 25.0 + 64 * 0.001 * size
    measured = search.measure().report
    assert measured.environment["batch_limited_by"] == "time"


def test_epochs_take_their_time_too() -> None:
    # 10,000 samples at a millisecond each, three times, and validation
    machine = Machine(samples=10_000)
    search = largest(machine, protocol="train", epochs=3, timeout_seconds=60.0)
    assert search.find() is None
    assert search.limited_by == "time"
    assert 60.0 - machine.seconds >= 1.3 * 30.0


def test_a_try_that_hangs_costs_the_larger_batch_and_not_the_job() -> None:
    machine = Machine(hangs_at=32)
    search = largest(machine)
    assert search.find() is None
    assert search.limited_by == "time"
    assert search.measure().report.measurement is not None
    assert machine.tried[-1][:2] == (16, False)
    # The one that hung was ended in time for the measurement.
    assert machine.tried[-1][2] >= 25.0


def test_a_measurement_that_is_too_slow_says_what_was_found() -> None:
    machine = Machine(samples=16)
    search = largest(machine)
    assert search.find() is None
    machine.hangs_at = 16
    report = search.measure().report
    assert report.status is Status.TIMED_OUT
    assert report.error is not None
    assert report.error.message == (
        "still running (at batch size 16 of `max`; 16 is the largest that fitted)"
    )


def test_stepping_down_is_bounded_and_keeps_all_that_was_tried() -> None:
    machine = Machine(samples=1024)
    search = largest(machine)
    assert search.find() is None
    machine.fitting = 8
    report = search.measure().report
    assert report.status is Status.OUT_OF_MEMORY
    assert [size for size, trial, _ in machine.tried if not trial] == [1024, 896, 784, 686, 601]
    assert [trial.fits for trial in search.trials[-5:]] == [False] * 5


def test_waiting_for_a_quiet_machine_is_no_part_of_the_jobs_time() -> None:
    machine = Machine(samples=8)
    search = largest(machine, timeout_seconds=100.0)
    assert search.find() is None
    spent = machine.seconds
    machine.seconds += 1_000.0
    search.extend(1_000.0)
    search.measure()
    assert machine.tried[-1][2] == pytest.approx(100.0 - spent)
