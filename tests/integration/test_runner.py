"""Runner: every way of dying becomes a result that says so, and the next job is not disturbed."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobs.result import Result, Status
from jobs.spec import JobSpec
from tests.benchmarks import start_latency
from tests.conftest import make_cell, make_job
from workers.hardware import detect
from workers.runner import Runner


@pytest.fixture(scope="module")
def noop_module() -> Iterator[None]:
    from jobs import catalogue
    from tests.conftest import NOOP_FOLDER

    os.environ["FARM_WORKLOADS"] = str(NOOP_FOLDER)
    catalogue.catalogue.cache_clear()
    yield
    del os.environ["FARM_WORKLOADS"]
    catalogue.catalogue.cache_clear()


@pytest.fixture(scope="module")
def runner(noop_module: None) -> Iterator[Runner]:
    runner = Runner("worker-1", detect(device="cpu"), "fork", {})
    yield runner
    runner.close()


def job(act: str, seconds: float = 0.0, timeout_seconds: float = 60.0) -> JobSpec:
    cell = make_cell(parameters={"act": act, "seconds": seconds})
    return make_job(cell, timeout_seconds=timeout_seconds)


def run(runner: Runner, act: str, **options: float) -> Result:
    return runner.run(job(act, **options), time.time())


@pytest.mark.parametrize(
    ("act", "status", "kind", "said"),
    [
        ("raise", Status.FAILED, "exception", "ValueError: told to fail"),
        ("unsupported", Status.UNSUPPORTED, "unsupported", "told to be unsupported"),
        ("memory", Status.OUT_OF_MEMORY, "memory", "out of host memory"),
        ("device-memory", Status.OUT_OF_MEMORY, "memory", "out of device memory"),
        ("exit", Status.FAILED, "exit", "exit code 7; last it said: last words"),
        ("vanish", Status.FAILED, "garbage", "left no report"),
        ("SIGSEGV", Status.FAILED, "signal", "killed by SIGSEGV"),
        ("SIGKILL", Status.FAILED, "signal", "killed by SIGKILL"),
        ("SIGTERM", Status.FAILED, "signal", "killed by SIGTERM"),
    ],
)
def test_every_way_of_dying_says_so(
    runner: Runner, act: str, status: Status, kind: str, said: str
) -> None:
    result = run(runner, act)
    assert result.status is status
    assert result.measurement is None
    assert result.error is not None
    assert result.error.kind == kind
    assert said in result.error.message
    assert "noop speaks" in result.error.stderr_tail
    assert run(runner, "succeed").status is Status.SUCCEEDED


def test_an_exception_keeps_its_traceback(runner: Runner) -> None:
    error = run(runner, "raise").error
    assert error is not None
    assert error.exception == "ValueError"
    assert 'raise ValueError("told to fail")' in (error.traceback or "")


def test_the_deadline_ends_the_whole_process_group(runner: Runner) -> None:
    began = time.monotonic()
    result = run(runner, "deadlock", timeout_seconds=1.0)
    assert result.status is Status.TIMED_OUT
    assert "timeout of 1 s" in (result.error.message if result.error else "")
    assert time.monotonic() - began < 10
    assert none_left()


def test_grandchildren_do_not_outlive_the_job(runner: Runner) -> None:
    assert run(runner, "grandchild").status is Status.SUCCEEDED
    assert none_left()


def test_a_flood_that_never_ends_does_not_hide_the_deadline(runner: Runner) -> None:
    assert run(runner, "endless-flood", timeout_seconds=1.0).status is Status.TIMED_OUT


def test_a_workload_that_returns_nothing_fails_and_says_so(runner: Runner) -> None:
    error = run(runner, "nothing").error
    assert error is not None
    assert "returned no Measurement but None" in error.message


def test_when_the_template_dies_in_mid_job_its_child_dies_too(runner: Runner) -> None:
    # Given a job under way
    run(runner, "succeed")
    [template] = children("workers.template")
    killer = threading.Timer(1.0, template.kill)
    killer.start()
    # When its template is killed
    result = run(runner, "grandchild", seconds=600.0, timeout_seconds=60.0)
    killer.join()
    # Then the job says so, at once, and nothing goes on measuring
    assert result.status is Status.FAILED
    assert "died during this one" in (result.error.message if result.error else "")
    assert result.finished_at - result.started_at < 20
    assert none_left_of(template.pid)
    assert run(runner, "succeed").status is Status.SUCCEEDED


def test_a_gpu_that_the_backend_does_not_see_is_unsupported_not_measured_as_a_cpu(
    noop_module: None,
) -> None:
    blind = {"FARM_DEVICE": "gpu", "CUDA_VISIBLE_DEVICES": "-1"}
    runner = Runner("worker-1", detect(device="cpu"), "fork", blind)
    try:
        result = run(runner, "succeed")
    finally:
        runner.close()
    assert result.status is Status.UNSUPPORTED
    assert "sees no GPU" in (result.error.message if result.error else "")


def test_a_flood_of_stderr_is_read_and_only_its_end_is_kept(runner: Runner) -> None:
    result = run(runner, "flood")
    assert result.status is Status.SUCCEEDED


def test_a_template_that_is_killed_costs_one_job_and_is_started_again(runner: Runner) -> None:
    run(runner, "succeed")
    templates = children("workers.template")
    assert len(templates) == 1
    templates[0].send_signal(signal.SIGKILL)
    templates[0].wait(10)
    assert run(runner, "succeed").status is Status.SUCCEEDED


@pytest.mark.alone
def test_from_the_second_job_on_the_workload_starts_at_once(noop_module: None) -> None:
    measured = start_latency.pairs(3)
    print("seconds to the workload's first line, (fork, fresh interpreter):", measured)
    # The promise to users; a fresh interpreter's import takes ten times as long and more.
    assert statistics.median(fork for fork, _ in measured) < 0.2
    assert all(fork < spawn / 3 for fork, spawn in measured)


def test_a_child_is_a_fresh_process_every_time(noop_module: None) -> None:
    runner = Runner("worker-1", detect(device="cpu"), "spawn", {})
    try:
        assert run(runner, "succeed").status is Status.SUCCEEDED
        assert run(runner, "exit").status is Status.FAILED
        assert run(runner, "deadlock", timeout_seconds=8.0).status is Status.TIMED_OUT
    finally:
        runner.close()
    assert not children("jobs.child")


def test_a_backend_that_is_not_installed_is_unsupported_and_says_how_to_get_it(
    tmp_path: Path,
) -> None:
    # Given an interpreter that finds no JAX, whatever is installed
    (tmp_path / "jax.py").write_text("raise ModuleNotFoundError(\"No module named 'jax'\")")
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"PYTHONPATH": str(tmp_path)})
    try:
        result = runner.run(make_job(make_cell(backend="jax")), time.time())
    finally:
        runner.close()
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert "No module named 'jax'" in result.error.message
    assert 'pip install "benchfarm[jax]"' in result.error.message


def children(word: str) -> list[psutil.Process]:
    """Processes started from here, at any depth, that have the word in their command."""
    return [p for p in psutil.Process().children(recursive=True) if word in command(p)]


def none_left(within_seconds: float = 10.0) -> bool:
    """Whether no sleeper of these tests is left; a killed process needs a moment to be gone."""
    deadline = time.monotonic() + within_seconds
    while own_sleepers() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not own_sleepers()


def none_left_of(template: int, within_seconds: float = 10.0) -> bool:
    """Whether a dead template's children are gone; the kernel kills them a moment after it."""

    def left() -> list[psutil.Process]:
        return [p for p in psutil.process_iter() if "workers.template" in command(p)]

    deadline = time.monotonic() + within_seconds
    while template in map(parent, left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return template not in map(parent, left())


def own_sleepers() -> list[psutil.Process]:
    """Processes that a job of these tests left behind, wherever they hang in the tree."""
    return [p for p in psutil.process_iter() if "time.sleep(600)" in command(p)]


def parent(process: psutil.Process) -> int | None:
    """The process id of its parent; None when it has ended."""
    try:
        return process.ppid()
    except psutil.Error:
        return None


def command(process: psutil.Process) -> str:
    """The command line; empty for one that has ended, reaped or not."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
