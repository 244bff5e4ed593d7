"""The protocol `steady` on every installed backend: both pipelines, in real children."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import catalogue
from jobs.result import Measurement, Result, Status
from jobs.spec import Effort
from tests.conftest import NOOP_FOLDER, make_job
from tests.integration.children import BACKENDS, cell
from workers.hardware import detect
from workers.runner import Runner

QUICK = Effort(lap_seconds=0.02, budget_seconds=0.2, warmup_seconds=0.2, lap_precision=0.2)


@pytest.fixture(scope="module")
def runners() -> Iterator[dict[str, Runner]]:
    """Give a healthy worker and one whose device loses what it learns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_WORKLOADS", str(NOOP_FOLDER))
        patch.delenv("OMP_NUM_THREADS", raising=False)
        catalogue.catalogue.cache_clear()
        runners = {
            "healthy": Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"}),
            "broken": Runner("worker-2", detect(device="cpu"), "fork", {"NOOP_BROKEN_DEVICE": "1"}),
        }
        yield runners
        for runner in runners.values():
            runner.close()
    catalogue.catalogue.cache_clear()


def run(runner: Runner, name: str = "fashion_mnist_mlp", **changes: object) -> Result:
    values: dict[str, Any] = {"protocol": "steady", "data_pipeline": "staged", "epochs": None}
    job = make_job(cell(name, **{**values, **changes}), timeout_seconds=300.0, effort=QUICK)
    return runner.run(job, time.time())


def measured(result: Result) -> Measurement:
    assert result.measurement is not None, result.error
    return result.measurement


@pytest.mark.parametrize("pipeline", ["staged", "host"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_laps_of_steps_are_measured(
    runners: dict[str, Runner], backend: str, pipeline: str
) -> None:
    result = run(runners["healthy"], backend=backend, data_pipeline=pipeline)
    measurement = measured(result)
    assert measurement.steps_per_lap is not None
    assert measurement.samples_per_lap == measurement.steps_per_lap * 64
    assert measurement.samples_per_epoch == 512
    assert measurement.warmup_ended in ("steady", "cap")
    assert measurement.discarded_laps == 0
    assert measurement.stopped_by in ("precision", "budget")
    assert len(measurement.lap_seconds) >= 1
    assert measurement.laps_window is not None
    began, ended = measurement.laps_window
    assert sum(measurement.lap_seconds) <= ended - began + 1e-3
    assert result.started_at < began < ended < result.finished_at
    # The learning phase: 64 steps, a loss for each 8 of them, and nothing of validation.
    assert measurement.steps_per_history == 8
    assert {len(values) for values in measurement.history.values()} == {8}
    assert set(measurement.history) == {"loss", "accuracy"}
    # What is on the clock adds up.
    assert measurement.total_seconds is not None
    assert measurement.cold_start_seconds is not None
    assert measurement.learning_seconds is not None
    laps = sum(measurement.lap_seconds) + sum(measurement.warmup_lap_seconds)
    apart = measurement.cold_start_seconds + measurement.learning_seconds
    assert measurement.total_seconds > apart + laps
    # It has learnt, and was asked to.
    assert measurement.floors["accuracy"] <= measurement.test["accuracy"]
    loss = measurement.history["loss"]
    assert measurement.floors["loss_drop"] <= 1 - loss[-1] / loss[0]
    assert measurement.floors_waived is None
    assert measurement.output_spread is not None
    assert measurement.output_spread > 0.1
    assert measurement.flops_per_sample == 4 * 784 * 512 + 6 * (512 * 64 + 64 * 10)
    # 512 samples make 8 batches of 64.
    assert result.environment["staged_batches"] == (8 if pipeline == "staged" else None)
    assert result.environment["data_pipeline"] == pipeline


@pytest.mark.parametrize("pipeline", ["staged", "host"])
def test_a_batch_larger_than_the_data_repeats_it(runners: dict[str, Runner], pipeline: str) -> None:
    sizes = {"train_samples": 100, "validation_samples": 8, "test_samples": 64}
    result = run(runners["healthy"], batch_size=256, parameters=sizes, data_pipeline=pipeline)
    measurement = measured(result)
    assert measurement.steps_per_lap is not None
    assert measurement.samples_per_lap == measurement.steps_per_lap * 256
    assert measurement.samples_per_epoch == 100
    assert result.environment["staged_batches"] == (1 if pipeline == "staged" else None)


def test_the_learning_phase_is_the_same_for_the_same_seed(runners: dict[str, Runner]) -> None:
    first, again = (measured(run(runners["healthy"])) for _ in range(2))
    assert first.history == again.history
    # Had the first step been kept, the first losses would be lower.
    assert first.history["loss"][0] > math.log(10) * 0.5


def test_a_broken_device_misses_its_floors_and_a_healthy_one_does_not(
    runners: dict[str, Runner],
) -> None:
    for health in ("healthy", "broken"):
        measurement = measured(run(runners[health], "frozen"))
        loss = measurement.history["loss"]
        reached = {**measurement.test, "loss_drop": 1 - loss[-1] / loss[0]}
        floors = measurement.floors
        missed = {name for name, floor in floors.items() if not reached[name] >= floor}
        assert set(floors) == {"accuracy", "loss_drop"}
        assert missed == (set() if health == "healthy" else set(floors))


def test_staged_data_is_refused_where_the_sources_had_none(runners: dict[str, Runner]) -> None:
    result = run(runners["healthy"], protocol="train", epochs=1)
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert "take protocol: steady" in result.error.message


@pytest.mark.parametrize("backend", BACKENDS)
def test_tf32_is_refused_on_a_cpu(runners: dict[str, Runner], backend: str) -> None:
    result = run(runners["healthy"], backend=backend, precision="tf32")
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert "this device has no TF32" in result.error.message
    # A failure says what was in force, too.
    assert result.environment["keras_version"]
    assert result.environment["usable_cpus"]


def test_weights_that_are_not_on_the_gpu_are_no_gpu_measurement(tmp_path: Path) -> None:
    # A backend that claims a GPU and computes on the CPU all the same.
    (tmp_path / "fallback.py").write_text(
        "import os\n"
        "from jobs.workloads.fashion_mnist_mlp import FashionMnistMlp\n"
        "class Fallback(FashionMnistMlp):\n"
        "    def build(self, parameters):\n"
        "        os.environ['FARM_DEVICE'] = 'gpu'\n"
        "        return super().build(parameters)\n"
        "WORKLOAD = Fallback()\n"
    )
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_WORKLOADS": str(tmp_path)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_WORKLOADS", str(tmp_path))
        catalogue.catalogue.cache_clear()
        try:
            result = run(runner, "fallback")
        finally:
            runner.close()
            catalogue.catalogue.cache_clear()
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert "fell back to the CPU" in result.error.message
