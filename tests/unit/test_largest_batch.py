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
from workers.outcome import PERHAPS_MEMORY, failed

EFFORT = Effort(budget_seconds=10, warmup_seconds=10, lap_seconds=1)


@dataclass
class Machine:
    """Runs children in no time: their seconds pass on its clock, their memory is arithmetic."""

    fitting: int = 1 << 30
    try_seconds: float = 2.0  # and as much again for a thousand samples
    seconds: float = 0.0
    hangs_at: int | None = None
    fails_above: int = 1 << 30  # by something else than memory
    died: str | None = None  # and that is what is said of it
    fixed_bytes: int = 100  # of a child's peak; and so much for each sample:
    sample_bytes: int = 10
    samples: int = 1 << 20
    spare_bytes: int = 1 << 60
    spare_bytes_later: int | None = None  # after a try that did not fit
    tried: list[tuple[int, bool, float]] = field(default_factory=list)

    def measure(self, job: JobSpec, timeout_seconds: float, trial: bool) -> Attempt:
        size = job.cell.samples_per_step
        self.tried.append((size, trial, timeout_seconds))
        if size == self.hangs_at:
            self.seconds += timeout_seconds
            report = failed(Status.TIMED_OUT, kind="timeout", message="still running")
            return self.attempt(report, size)
        self.seconds += self.try_seconds * (1 + size / 1000)
        if size > self.fails_above:
            said = f"RuntimeError: no index of 32 bits\nreaches a batch of {size}: {'x' * 300}"
            message = self.died or said
            report = failed(Status.FAILED, kind="exception", message=message)
            return self.attempt(report, size)
        if size > self.fitting:
            message = "out of host memory: no"
            self.spare_bytes = self.spare_bytes_later or self.spare_bytes
            report = failed(Status.OUT_OF_MEMORY, kind="memory", message=message)
            return self.attempt(report, 0)
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
        return self.attempt(report, size)

    def attempt(self, report: ChildReport, size: int) -> Attempt:
        peak = self.fixed_bytes + self.sample_bytes * size
        return Attempt(
            report=report,
            noise=(),
            telemetry=None,
            usage=Usage(cpu_seconds=0.0, peak_bytes=peak),
            peak_device_bytes=7 * size,
        )


def largest(
    machine: Machine,
    *,
    device: str = "cpu",
    timeout_seconds: float = 10_000.0,
    base_bytes: int = 100,
    **cell: Any,
) -> LargestBatch:
    changes: dict[str, Any] = {"batch_size": "max", "protocol": "steady", "epochs": None, **cell}
    job = make_job(make_cell(**changes), timeout_seconds=timeout_seconds, effort=EFFORT)
    return LargestBatch(
        job,
        machine.measure,
        device=device,
        base_bytes=base_bytes,
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


MIB = 1 << 20


@pytest.mark.parametrize("base", [331 * MIB, 0], ids=["fork", "spawn"])
@pytest.mark.parametrize("sample", [0, 1, 40_000, MIB, 5 * MIB, 11 * MIB])
def test_what_a_child_takes_once_is_not_taken_for_growth(base: int, sample: int) -> None:
    # Given a child that takes 805 MiB at any size, and a host that can spare little more
    machine = Machine(fixed_bytes=805 * MIB, sample_bytes=sample, samples=4096)
    machine.spare_bytes = 900 * MIB - base
    search = largest(machine, base_bytes=base)
    assert search.find() is None
    # Then what was found is within a sixteenth of what really fits, and none above it was tried
    truth = min(4096, 95 * MIB // sample if sample else 4096)
    found = max(trial.batch_size for trial in search.trials)
    assert truth - found <= max(1, found // 16)
    assert found <= truth
    assert search.limited_by == ("samples" if found == 4096 else "memory, foreseen")


def test_a_host_with_room_enough_needs_no_smaller_try() -> None:
    machine = Machine(fixed_bytes=805 * MIB, samples=64)
    search = largest(machine)
    assert search.find() is None
    assert [size for size, *_ in machine.tried] == [8, 16, 32, 64]


def test_growth_that_begins_late_is_foreseen_from_where_it_began() -> None:
    # Given memory that is taken at first and suffices for 60 samples; above, 10 a sample
    class Arena(Machine):
        def attempt(self, report: ChildReport, size: int) -> Attempt:
            return super().attempt(report, max(size, 60))

    machine = Arena(spare_bytes=2000)
    search = largest(machine)
    assert search.find() is None
    # Then the flat beginning, on which 256 would fit, does not hide that 200 are the most
    assert [size for size, *_ in machine.tried] == [8, 16, 32, 64, 128, 200]
    assert search.limited_by == "memory, foreseen"


def test_an_error_above_a_size_that_fitted_is_a_limit_and_not_the_jobs_end() -> None:
    machine = Machine(fails_above=100)
    search = largest(machine)
    assert search.find() is None
    assert search.limited_by == "error"
    assert {trial.batch_size: trial.fits for trial in search.trials}[128] is False
    measured = search.measure().report
    assert measured.measurement is not None
    assert 95 <= (measured.measurement.batch_size or 0) <= 100
    assert measured.environment["batch_limited_by"] == "error"
    said = str(measured.environment["batch_limit_error"])
    assert said.startswith("RuntimeError: no index of 32 bits reaches a batch of 1")
    assert len(said) == 300


def test_memory_below_an_error_is_the_limit() -> None:
    machine = Machine(fails_above=127, fitting=90)
    search = largest(machine)
    assert search.find() is None
    assert search.limited_by == "memory"
    assert "batch_limit_error" not in search.measure().report.environment


def test_a_death_under_a_memory_limit_is_a_size_that_does_not_fit() -> None:
    # Seen: under `ulimit -d` TensorFlow died at 8 of refused memory, at 4 of oneDNN's exception
    died = f"the child process was killed by SIGSEGV; {PERHAPS_MEMORY}"
    search = largest(Machine(fails_above=2, died=died))
    assert search.find() is None
    tried = [(trial.batch_size, trial.fits) for trial in search.trials]
    assert tried[:3] == [(8, False), (4, False), (2, True)]


def test_an_error_before_anything_has_fitted_is_the_jobs() -> None:
    report = largest(Machine(fails_above=0)).find()
    assert report is not None
    assert report.status is Status.FAILED
    assert report.error is not None
    assert "none has fitted before" in report.error.message


@pytest.mark.parametrize(
    ("mode", "parameters"),
    [("train", {"train_samples": 5}), ("infer", {"train_samples": 3, "test_samples": 5})],
)
def test_no_batch_is_tried_that_the_data_cannot_fill(mode: str, parameters: dict[str, int]) -> None:
    machine = Machine(samples=5)
    search = largest(machine, mode=mode, parameters=parameters)
    assert search.find() is None
    assert search.measure().report.measurement is not None
    assert [size for size, *_ in machine.tried] == [5, 5]
    assert search.limited_by == "samples"


def test_data_that_tells_its_size_only_in_a_try_is_measured_at_that_size() -> None:
    machine = Machine(samples=5)
    search = largest(machine)
    assert search.find() is None
    measured = search.measure().report.measurement
    assert measured is not None
    assert measured.batch_size == 5
    assert [(size, trial) for size, trial, _ in machine.tried] == [(8, True), (5, False)]
    assert [(trial.batch_size, trial.fits) for trial in search.trials] == [(8, True), (5, True)]
    assert search.limited_by == "samples"


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
