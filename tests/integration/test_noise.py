"""A busy machine is seen: real jobs beside a real process that takes the CPU for some seconds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jobs.result import Result, Status
from tests.conftest import NOOP_FOLDER, make_cell, make_job
from workers.hardware import detect
from workers.instruments import instruments_of
from workers.nursery import Nursery
from workers.preflight import Look, Preflight
from workers.runner import Runner

pytestmark = pytest.mark.alone
# Ends by itself, whatever becomes of the test. It says when it has begun.
BURNER = """
import os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
print("burning", flush=True)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    pass
"""
# Beside the burner, which has one CPU and at times shares it, others of this machine can only add.
SHARE_SEEN = 0.3


@contextmanager
def burner(seconds: float) -> Iterator[None]:
    """Keep one of our CPUs busy for so many seconds, at most as long as the body runs."""
    cpu = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    process = subprocess.Popen(
        [sys.executable, "-c", BURNER, str(cpu), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "burning\n"
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run(runner: Runner, seconds: float = 0.0, **changes: object) -> Result:
    cell = make_cell(parameters={"seconds": seconds})
    return runner.run(make_job(cell, **changes), time.time())


def cores(noise: tuple[str, ...], when: str) -> float:
    """Return how many cores of others the reason of that moment names; 0 without one."""
    for reason in noise:
        if found := re.fullmatch(
            rf"other processes used ([\d.]+) (?:of a core|cores) {when}", reason
        ):
            return float(found[1])
    return 0.0


@pytest.fixture(scope="module")
def warm() -> Iterator[Runner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_WORKLOADS", str(NOOP_FOLDER))
        runner = Runner("worker-1", detect(device="cpu"), "fork", {})
        run(runner)  # imports the backend, which is nobody's noise
        yield runner
        runner.close()


@pytest.fixture
def runner(warm: Runner) -> Runner:
    warm.preflight = None
    return warm


def test_a_busy_machine_marks_the_result_with_the_share_that_others_took(runner: Runner) -> None:
    with burner(60):
        result = run(runner, seconds=1.5)
    assert result.status is Status.SUCCEEDED
    assert cores(result.noise, "while it ran") > SHARE_SEEN


def test_before_the_job_it_waits_for_a_busy_machine_and_then_says_so(runner: Runner) -> None:
    hardware = detect(device="cpu")
    look = Look(hardware, instruments_of(hardware).sensors, runner.cpus)
    runner.preflight = Preflight(look, patience_seconds=1.5)
    with burner(60):
        began = time.monotonic()
        result = run(runner)
        waited = time.monotonic() - began
    assert cores(result.noise, "before it began") > SHARE_SEEN
    assert waited >= 1.5
    # The wait is not the process's start.
    assert result.start_latency_seconds is not None
    assert result.start_latency_seconds < waited - 1.0


def test_the_rest_that_a_job_asks_for_is_taken_and_not_counted_as_latency(runner: Runner) -> None:
    began = time.monotonic()
    result = run(runner, effort={"cooldown_seconds": 1.0})
    elapsed = time.monotonic() - began
    assert elapsed >= 1.0
    assert result.start_latency_seconds is not None
    assert result.start_latency_seconds <= elapsed - 1.0


def test_what_the_job_takes_with_all_its_processes_is_its_own(noop_workload: None) -> None:
    nursery = Nursery("tensorflow", "fork", {})
    try:
        job = make_job(make_cell("spin", parameters={"seconds": 0.4}))
        usage = nursery.run(job.model_dump_json(), 60.0).usage
    finally:
        nursery.close()
    assert usage is not None
    assert 0.8 <= usage.cpu_seconds < 8.0


def test_the_telemetry_tells_the_childs_memory_and_the_machines_use(runner: Runner) -> None:
    result = run(runner, seconds=0.3)
    telemetry = result.telemetry
    assert telemetry is not None
    assert telemetry.seconds >= 0.3
    assert telemetry.samples == 0  # every CPU is measured
    assert telemetry.peak_host_bytes is not None
    assert telemetry.peak_host_bytes > 1 << 20
    assert telemetry.cpu_utilisation is not None
    assert 0 <= telemetry.cpu_utilisation <= 1
    assert result.unit is not None
    assert result.unit.endswith("/cpu")
    assert result.environment["usable_cpus"]
    assert "load_average_1min" in result.environment


def test_a_job_without_a_backend_is_unsupported_and_says_so(runner: Runner) -> None:
    result = runner.run(make_job(make_cell(backend=None)), time.time())
    assert result.status is Status.UNSUPPORTED
    assert "names no backend" in (result.error.message if result.error else "")
