"""Kernels: what is executed, what is timed, and which results are found wrong."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from farm.readings.correctness import invalid
from jobs import catalogue, device_arrays, kernels
from jobs.kernels import Check, Kernel
from jobs.result import Measurement
from jobs.spec import Effort
from jobs.workloads import matmul, memory_bandwidth
from tests.conftest import make_cell, make_job

STEP_SECONDS = 0.01


class Device:
    """Computes nothing until it is waited for, and takes a second for 100 steps."""

    def __init__(self, cold_seconds: float = 0.0) -> None:
        self.now, self.queued, self.done = 0.0, 0, 0
        self.cold_seconds = cold_seconds
        self.operands: list[tuple[str, str]] = []

    def compute(self, x: str, y: str, before: Any) -> str:
        self.queued += 1
        self.operands.append((x, y))
        return x + y

    def wait(self, result: str) -> None:
        self.now += self.queued * STEP_SECONDS + (0 if self.done else self.cold_seconds)
        self.done += self.queued
        self.queued = 0

    def clock(self) -> float:
        return self.now

    def kernel(self) -> Kernel:
        return Kernel(operands=("b", "c"), compute=self.compute, wait=self.wait)


def run(device: Device, effort: Effort, error: float = 0.0) -> Measurement:
    job = make_job(make_cell(batch_size=None, protocol="steady", epochs=None), effort=effort)
    return kernels.measure(
        device.kernel(),
        lambda kernel: Check(relative_error=error, bound=1e-6),
        job,
        device.clock,
        item="products",
        items=1,
        flops=7.0,
    )


def test_operands_change_places_at_every_execution() -> None:
    device = Device()
    kernel = device.kernel()
    kernel.execute(3)
    assert device.operands == [("b", "c"), ("c", "b"), ("b", "c")]
    assert (kernel.ordered, kernel.result, kernel.executions) == (("b", "c"), "bc", 3)
    kernel.execute(1)
    assert (kernel.ordered, kernel.result) == (("c", "b"), "cb")


@pytest.mark.parametrize("array", [None, "a"])
def test_a_result_that_is_replaced_is_let_go_before_the_next_is_made(array: str | None) -> None:
    seen = []

    def compute(x: str, y: str, before: Any) -> str:
        seen.append((before, kernel.result))
        return "a"

    kernel = Kernel(operands=("b", "c"), compute=compute, wait=lambda _: None, result=array)
    kernel.execute(2)
    assert seen == [(array, array)] * 2


def test_a_lap_is_as_long_as_asked_and_ends_when_the_device_has_finished() -> None:
    device = Device(cold_seconds=5.0)
    effort = Effort(lap_seconds=0.5, budget_seconds=4.0, warmup_seconds=9.0)
    measurement = run(device, effort)
    assert measurement.steps_per_lap == measurement.samples_per_lap == 50
    assert measurement.lap_seconds == pytest.approx([0.5] * 6)  # six laps make an interval
    assert measurement.stopped_by == "precision"
    assert measurement.warmup_ended == "steady"
    assert measurement.cold_start_seconds == pytest.approx(5.0 + STEP_SECONDS)
    # A single step, then a lap to see whether it is long enough.
    assert measurement.learning_seconds == pytest.approx(STEP_SECONDS + 0.5)
    assert measurement.total_seconds == pytest.approx(device.now)
    assert measurement.epoch_seconds == pytest.approx([STEP_SECONDS] * 6)
    assert device.queued == 0
    laps = len(measurement.lap_seconds) + len(measurement.warmup_lap_seconds)
    assert device.done == 1 + 1 + 50 * (1 + laps) + 1  # the last is for the check


def test_a_step_longer_than_a_lap_is_a_lap() -> None:
    measurement = run(Device(), Effort(lap_seconds=0.001, budget_seconds=0.05, warmup_seconds=0))
    assert measurement.steps_per_lap == 1
    assert measurement.warmup_ended == "cap"
    assert measurement.warmup_lap_seconds == ()


def test_both_results_that_are_checked_have_to_be_right() -> None:
    right = Check(relative_error=1e-7, bound=1e-6)
    wrong, odd = (Check(relative_error=error, bound=1e-6) for error in (1.0, float("nan")))
    assert kernels.values([right, right]) == {"correct": 1.0, "relative_error": 1e-7}
    for other in (wrong, odd):
        for checks in ((right, other), (other, right)):
            assert kernels.values(checks)["correct"] == 0.0
            assert not kernels.values(checks)["relative_error"] <= 1e-6


@pytest.mark.parametrize("error", [1e-7, 1e-5, float("nan")])
def test_a_wrong_result_is_invalid_and_a_right_one_is_not(error: float) -> None:
    measurement = run(Device(), Effort(lap_seconds=0.1), error)
    assert set(measurement.test) == {"correct", "relative_error"}
    cell = make_cell("matmul", mode="run", protocol="steady", epochs=None, batch_size=None)
    judged = catalogue.find("matmul").with_floors(cell, measurement)
    assert judged.floors == {"correct": 1.0}
    assert (invalid(judged) is None) is (error == 1e-7)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [16, 64, 256])
def test_float32_products_are_right_and_less_exact_ones_are_not(size: int, seed: int) -> None:
    random = np.random.RandomState(seed)
    left, right = (device_arrays.random_array(random, (size, size)) for _ in range(2))
    exact = left.astype(np.float64), right.astype(np.float64)
    single = (left @ right).astype(np.float64)
    coarse = (_kept(left, 11) @ _kept(right, 11)).astype(np.float64)  # TF32's significands
    bounds = {name: roundoff for name, (_, roundoff) in matmul.TYPES.items()}

    def correct(found: Any, precision: str) -> bool:
        return matmul.error_of(found, *exact, bounds[precision]).correct

    assert correct(single, "float32")
    assert correct(coarse, "tf32")
    assert not correct(coarse, "float32")
    check = matmul.error_of(coarse, *exact, bounds["float32"])
    assert check.relative_error > 100 * check.bound
    for precision, bits in (("float16", 11), ("bfloat16", 8)):
        halves = _kept(left, bits), _kept(right, bits)
        held = [each.astype(np.float64) for each in halves]
        found = _kept(halves[0] @ halves[1], bits).astype(np.float64)
        assert matmul.error_of(found, held[0], held[1], bounds[precision]).correct
    broken = single.copy()
    broken[:, 1] = np.nan
    for precision, wrong in itertools.product(
        bounds, (np.zeros_like(single), exact[1] @ exact[0], -single, broken, 2 * single)
    ):
        assert not correct(wrong, precision)


def test_the_bound_of_the_triad_is_that_of_two_roundings() -> None:
    random = np.random.RandomState(1)
    left, right = (device_arrays.random_array(random, (10_000,)) for _ in range(2))
    held = left.astype(np.float64), right.astype(np.float64)
    found = left + np.float32(3) * right
    check = memory_bandwidth.error_of(found.astype(np.float64), *held, "triad")
    assert check.correct
    assert 0 < check.relative_error <= check.bound < 1.3e-7
    for wrong in (left + 2 * right, right + np.float32(3) * left, np.zeros_like(left)):
        check = memory_bandwidth.error_of(wrong.astype(np.float64), *held, "triad")
        assert not check.correct


def test_a_copy_is_exact() -> None:
    left = device_arrays.random_array(np.random.RandomState(1), (1000,)).astype(np.float64)
    right = left[::-1]
    assert memory_bandwidth.error_of(left, left, right, "copy") == Check(
        relative_error=0.0, bound=0.0
    )
    changed = left.copy()
    changed[7] *= 1 + 2**-23
    assert not memory_bandwidth.error_of(changed, left, right, "copy").correct


def test_random_arrays_are_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    made = device_arrays.random_array(np.random.RandomState(42), (100, 100))
    assert made.dtype == np.dtype("float32")
    assert made.shape == (100, 100)
    assert made[0, :3].tolist() == [0.7645385265350342, 0.8300079107284546, -0.23427248001098633]
    assert made.min() >= -1
    assert made.max() < 1
    assert float(made.std()) == pytest.approx(3**-0.5, rel=0.02)
    monkeypatch.setattr(device_arrays, "CHUNK", 3_333)
    assert (device_arrays.random_array(np.random.RandomState(42), (100, 100)) == made).all()


@pytest.mark.parametrize(
    ("name", "precision", "parameters", "needed"),
    [
        ("matmul", "float32", {"size": 1024}, 3 * 4 * 1024**2),
        ("matmul", "bfloat16", {"size": 1024}, 3 * 2 * 1024**2),
        ("memory_bandwidth", "float32", {"array_mib": 256}, 3 * 256 * 2**20),
    ],
)
def test_the_memory_needed_is_that_of_three_arrays(
    name: str, precision: str, parameters: dict[str, int], needed: int
) -> None:
    cell = make_cell(name, precision=precision, parameters=parameters)
    assert catalogue.find(name).memory_needed(cell) == needed


def _kept(array: Any, bits: int) -> Any:
    """Return float32 rounded to so many bits of the significand."""
    mantissa, exponent = np.frexp(array)
    return np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent).astype(np.float32)
