"""The batch size `max`: the largest that fits is found, and worker and template live on."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.result import Status
from jobs.spec import Effort, JobSpec, Scalar
from tests.conftest import NOOP_FOLDER, make_cell, make_job
from workers.hardware import detect
from workers.runner import Runner

QUICK = Effort(lap_precision=0.5, budget_seconds=0.2, warmup_seconds=0.2, lap_seconds=0.1)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits another process's memory")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_WORKLOADS", str(NOOP_FOLDER))
        catalogue.catalogue.cache_clear()
        quiet = {"OMP_NUM_THREADS": "1", "FARM_DEVICE": "cpu", "TF_NUM_INTRAOP_THREADS": "1"}
        runner = Runner("worker-1", detect(device="cpu"), "fork", quiet)
        yield runner
        runner.close()
    catalogue.catalogue.cache_clear()


def job(
    workload: str, backend: str = "ffmpeg", timeout_seconds: float = 120.0, **parameters: Scalar
) -> JobSpec:
    """A job of batch size `max`, on a backend whose template imports nothing unless told."""
    cell = make_cell(
        workload,
        batch_size="max",
        protocol="steady",
        epochs=None,
        backend=backend,
        parameters=parameters,
    )
    return make_job(cell, timeout_seconds=timeout_seconds, effort=QUICK)


def test_the_largest_batch_is_found_and_measured(runner: Runner) -> None:
    result = runner.run(job("hoard", fitting=100), time.time())
    assert result.status is Status.SUCCEEDED
    sizes = [(trial.batch_size, trial.fits) for trial in result.frontier]
    assert sizes[:5] == [(8, True), (16, True), (32, True), (64, True), (128, False)]
    largest = max(size for size, fits in sizes if fits)
    assert 94 <= largest <= 100
    assert min(size for size, fits in sizes if not fits) - largest <= largest // 16
    assert result.job.cell.batch_size == "max"
    assert result.measurement is not None
    assert result.measurement.batch_size == result.measurement.samples_per_lap == largest
    assert result.environment["batch_limited_by"] == "memory"
    assert all(trial.peak_memory_bytes for trial in result.frontier)


def test_a_batch_is_never_larger_than_the_data_and_the_result_says_that_this_was_the_limit(
    runner: Runner,
) -> None:
    taken_at = time.time()
    result = runner.run(job("hoard", samples=50), taken_at)
    assert [trial.batch_size for trial in result.frontier] == [8, 16, 32, 50]
    assert result.environment["batch_limited_by"] == "samples"
    assert result.measurement is not None
    assert result.measurement.batch_size == 50
    # The four tries are no part of the latency, nor of the measurement.
    assert result.started_at > taken_at
    assert result.start_latency_seconds is not None
    assert result.start_latency_seconds < (result.finished_at - taken_at) / 2


def test_data_that_do_not_fill_the_first_try_are_measured_whole(runner: Runner) -> None:
    result = runner.run(job("hoard", samples=5), time.time())
    assert result.environment["batch_limited_by"] == "samples"
    assert result.measurement is not None
    assert result.measurement.batch_size == 5
    assert [trial.batch_size for trial in result.frontier] == [8, 5]


def test_a_measurement_that_needs_more_than_its_try_steps_down(runner: Runner) -> None:
    result = runner.run(job("hoard", samples=64, measured_fitting=50), time.time())
    assert result.measurement is not None
    assert result.measurement.batch_size == 49  # 64, 56 and then it fits
    said = [(trial.batch_size, trial.fits) for trial in result.frontier]
    assert said[-4:] == [(64, True), (64, False), (56, False), (49, True)]


def test_not_even_one_sample_fits(runner: Runner) -> None:
    result = runner.run(job("hoard", fitting=0), time.time())
    assert result.status is Status.OUT_OF_MEMORY
    assert [trial.batch_size for trial in result.frontier] == [8, 4, 2, 1]
    message = result.error.message if result.error else ""
    assert message.startswith("out of host memory: it held ")
    assert "at its peak; take less data or a smaller network, or a machine" in message
    assert "told that 1 do not fit" in message


def test_another_error_in_a_try_is_the_jobs(runner: Runner) -> None:
    result = runner.run(job("noop", act="raise"), time.time())
    assert result.status is Status.FAILED
    message = result.error.message if result.error else ""
    assert message.startswith("ValueError: told to fail")
    assert "at batch size 8 of `max`; none has fitted before" in message


def test_a_try_that_hangs_ends_with_the_job_and_says_what_was_found(runner: Runner) -> None:
    result = runner.run(job("noop", act="deadlock", timeout_seconds=1.0), time.time())
    assert result.status is Status.TIMED_OUT
    assert "none has fitted before" in (result.error.message if result.error else "")


@LINUX
def test_what_the_machine_cannot_spare_is_foreseen_and_not_tried(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine that can spare 256 MiB beyond the template, and samples of 1 MiB
    monkeypatch.setattr("workers.memory.spare_bytes", lambda: 256 << 20)
    result = runner.run(job("hoard", sample_bytes=1 << 20), time.time())
    # Then the largest batch takes most of it, and none was begun that would have taken more
    assert result.status is Status.SUCCEEDED
    assert result.environment["batch_limited_by"] == "memory, foreseen"
    assert all(trial.fits for trial in result.frontier)
    largest = max(trial.batch_size for trial in result.frontier)
    assert 128 <= largest <= 272


@LINUX
def test_what_a_process_takes_once_does_not_count_as_growth(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a child of which nothing is known to be shared, and a machine that can spare little
    # more than such a child takes at any batch size
    taken = runner.run(job("hoard", samples=8), time.time()).frontier[0].peak_memory_bytes
    assert taken is not None
    monkeypatch.setattr("workers.memory.shared_bytes", lambda pid: 0)
    monkeypatch.setattr("workers.memory.spare_bytes", lambda: taken + (24 << 20))
    result = runner.run(job("hoard", samples=500, sample_bytes=1 << 10), time.time())
    # Then a smaller try shows how little grows, and all samples are the largest batch
    assert [trial.batch_size for trial in result.frontier][:3] == [8, 2, 16]
    assert result.environment["batch_limited_by"] == "samples"
    assert result.measurement is not None
    assert result.measurement.batch_size == 500


@LINUX
@pytest.mark.slow
def test_the_frontier_of_a_real_network_under_a_limit_leaves_worker_and_template_alive(
    runner: Runner,
) -> None:
    # Given a template whose children may take so much more memory than they begin with
    runner.run(make_job(make_cell()), time.time())
    before = runner._nurseries["tensorflow"].pid
    assert before is not None
    allowed = data_bytes(before) + (300 << 20)
    unlimited = resource.prlimit(before, resource.RLIMIT_DATA, (allowed, resource.RLIM_INFINITY))
    try:
        # When the largest batch of a network is asked for, 4 MiB and more of activations a sample
        result = runner.run(job("wide", "tensorflow"), time.time())
    finally:
        resource.prlimit(before, resource.RLIMIT_DATA, unlimited)
    # Then TensorFlow says no to the larger ones, and the largest that fits is measured
    assert result.status is Status.SUCCEEDED, result.error
    assert result.environment["batch_limited_by"] == "memory"
    assert result.measurement is not None
    largest = result.measurement.batch_size
    assert largest is not None
    refused = min(trial.batch_size for trial in result.frontier if not trial.fits)
    assert largest < refused
    assert refused - largest <= max(1, largest // 8)  # or the measurement stepped down
    assert math.isfinite(result.measurement.test["loss"])
    # And the same template goes on with the next job
    assert runner.run(make_job(make_cell()), time.time()).status is Status.SUCCEEDED
    assert runner._nurseries["tensorflow"].pid == before


def data_bytes(pid: int) -> int:
    """What counts against RLIMIT_DATA."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))
