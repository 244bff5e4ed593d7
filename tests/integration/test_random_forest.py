"""Random forests in real children: their threads, their data, and that nothing outlives them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from farm.readings.correctness import invalid
from jobs import catalogue
from jobs.datasets.california_housing import FILE, MEANS, SAMPLES, TARGET_MEAN, california_housing
from jobs.errors import DataMissingError
from jobs.result import Result, Status
from jobs.spec import Cell, Effort
from tests.conftest import make_job
from workers.cpus import pin, usable_cpus
from workers.hardware import detect
from workers.runner import Runner

joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")

QUICK = Effort(budget_seconds=0.1, warmup_seconds=0.0)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"})
    yield runner
    runner.close()


def run(runner: Runner, data: str = "synthetic", seed: int = 42) -> Result:
    subject = catalogue.find("random_forest")
    cell = Cell.model_validate(
        {
            "workload": "random_forest",
            "workload_version": subject.version,
            "batch_size": None,
            "epochs": None,
            "precision": "float32",
            "backend": "sklearn",
            "mode": "train",
            "data": data,
            "optimizer": None,
            "protocol": "once",
            "parameters": subject.parameters.model_validate(subject.smallest).model_dump(),
        }
    )
    job = make_job(cell, timeout_seconds=120.0, effort=QUICK, seed=seed)
    return runner.run(job, time.time())


def test_split_and_search_are_measured_and_leave_nothing_behind(runner: Runner) -> None:
    result = run(runner)
    measurement = result.measurement
    assert measurement is not None, result.error
    assert (measurement.samples_per_epoch, measurement.samples_per_lap) == (400, 400)
    assert measurement.steps_per_lap == 1 * 2 + 1
    assert measurement.warmup_ended == "cap"
    assert len(measurement.lap_seconds) >= 1
    assert measurement.total_seconds is not None
    assert measurement.cold_start_seconds is not None
    assert measurement.total_seconds > measurement.cold_start_seconds + sum(measurement.lap_seconds)
    assert measurement.floors == {"r2": 0.5}
    assert measurement.test["r2"] > 0.6
    assert invalid(measurement) is None
    environment = result.environment
    assert environment["backend"] == "sklearn"
    assert environment["scikit_learn_version"]
    assert environment["threads"] == environment["usable_cpus"] == len(usable_cpus())
    template = runner._nurseries["sklearn"].pid
    assert template is not None
    assert psutil.Process(template).children(recursive=True) == []
    assert psutil.Process(template).num_threads() == 1  # a fork of it is safe


def test_the_same_seed_grows_the_same_forest_and_another_another(runner: Runner) -> None:
    first, again, other = (run(runner, seed=seed).measurement for seed in (42, 42, 43))
    assert first is not None
    assert again is not None
    assert other is not None
    # The trees' answers are added up in the order in which their threads finish.
    assert first.test["r2"] == pytest.approx(again.test["r2"], rel=1e-12)
    assert first.test["r2"] != pytest.approx(other.test["r2"], rel=1e-6)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_the_threads_follow_the_affinity() -> None:
    before = usable_cpus()
    pin(before[:1])
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"})
    try:
        environment = run(runner).environment
    finally:
        runner.close()
        pin(before)
    assert environment["threads"] == environment["usable_cpus"] == 1


def test_a_worker_that_measures_a_gpu_refuses() -> None:
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "gpu"})
    try:
        result = run(runner)
    finally:
        runner.close()
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert "start a worker with --device cpu" in result.error.message


def test_missing_data_fails_with_what_where_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No proxy and no name server: whatever this machine can reach, the child cannot.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"})
    try:
        result = run(runner, data="real")
    finally:
        runner.close()
    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.kind == "data"
    for said in (f"{FILE} is not in {tmp_path}", "$SCIKIT_LEARN_DATA", "data: synthetic"):
        assert said in result.error.message


def test_the_file_of_scikit_learn_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    write_file(tmp_path, SAMPLES)
    whole = california_housing("real", SAMPLES, 42)
    assert whole.verified is True
    assert whole.features[3].tolist() == pytest.approx(MEANS, abs=1e-6)
    part = california_housing("real", 100, 42)
    assert (part.features.shape, part.target.shape) == ((100, 8), (100,))
    assert part.verified is True
    write_file(tmp_path, 50)
    few = california_housing("real", SAMPLES, 42)
    assert (len(few.target), few.verified) == (50, False)
    (tmp_path / FILE).write_bytes(b"torn")
    with pytest.raises(DataMissingError, match="is damaged: it cannot be read"):
        california_housing("real", SAMPLES, 42)


def write_file(folder: Path, samples: int) -> None:
    """Put block groups, every one of them average, where scikit-learn keeps what it has read."""
    income, age, rooms, bedrooms, population, occupation, latitude, longitude = MEANS
    households = population / occupation
    columns = (
        *(TARGET_MEAN * 100_000, income, age, rooms * households, bedrooms * households),
        *(population, households, latitude, longitude),
    )
    joblib.dump(np.tile(columns, (samples, 1)), folder / FILE, compress=6)
