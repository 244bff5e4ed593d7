"""Jobs that leave processes behind, report rubbish, or report too much; and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from jobs.result import Result, Status
from tests.integration.benches import noop, templates, until
from workers.hardware import detect
from workers.runner import Runner

SLEEPER = "import time; time.sleep(601)"  # what the workload's daemons run
OURS = {"FARM_TESTER": str(os.getpid())}  # in the environment of all that these tests start


@pytest.fixture
def runner(noop_workload: None) -> Iterator[Runner]:
    runner = Runner("worker-1", detect(device="cpu"), "fork", OURS, telemetry=False)
    yield runner
    runner.close()


def run(runner: Runner, act: str, timeout_seconds: float = 60.0) -> Result:
    return runner.run(noop(act, timeout_seconds=timeout_seconds), time.time())


def message(result: Result) -> str:
    assert result.error is not None
    return result.error.message


def sleepers() -> list[int]:
    """Daemons of these tests, wherever they hang in the tree."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = OURS.items() <= process.environ().items()
            if ours and process.cmdline()[1:] == ["-c", SLEEPER]:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")


@linux
def test_a_daemon_dies_with_the_job_that_started_it(runner: Runner) -> None:
    assert run(runner, "daemon").status is Status.SUCCEEDED
    assert not sleepers()  # at once: the next job has the machine to itself
    # And nothing is left of it, not even a zombie
    [template] = templates()
    assert template.children() == []
    assert run(runner, "succeed").status is Status.SUCCEEDED


@linux
def test_the_deadline_ends_daemons_too(runner: Runner) -> None:
    assert run(runner, "daemon-deadlock", timeout_seconds=2.0).status is Status.TIMED_OUT
    assert not sleepers()


@linux
def test_a_template_that_is_killed_leaves_no_daemon(runner: Runner) -> None:
    job = noop("daemon-deadlock", timeout_seconds=60.0)
    killer = subprocess.Popen(
        [sys.executable, "-c", KILLER, str(os.getpid()), SLEEPER], stdin=subprocess.DEVNULL
    )
    result = runner.run(job, time.time())
    assert killer.wait(30) == 0
    assert result.status is Status.FAILED
    assert "died during this one" in message(result)
    until(lambda: not sleepers(), 10)


# Waits for the daemon, then kills the template of that process.
KILLER = """
import sys, time, psutil
me = psutil.Process(int(sys.argv[1]))
def command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
while not any(command(p)[1:] == ["-c", sys.argv[2]] for p in me.children(recursive=True)):
    time.sleep(0.05)
[template] = [p for p in me.children() if "workers.template" in command(p)]
template.kill()
"""

WORKER = """
import sys, time
from tests.integration.benches import noop
from workers.hardware import detect
from workers.runner import Runner
runner = Runner("worker-1", detect(device="cpu"), "fork", {}, telemetry=False)
runner.run(noop("daemon-deadlock"), time.time())
"""


@linux
def test_a_worker_that_is_killed_leaves_no_daemon(noop_workload: None) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env={**os.environ, **OURS})
    until(sleepers)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    until(lambda: not sleepers(), 10)


def test_a_report_that_is_too_large_is_no_result_and_says_so(runner: Runner) -> None:
    result = run(runner, "huge")
    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.kind == "garbage"
    assert "a report of more than 15 MiB" in message(result)
    assert len(result.model_dump_json()) < 10_000
    assert run(runner, "succeed").status is Status.SUCCEEDED


def test_laps_that_are_no_numbers_are_no_result(runner: Runner) -> None:
    result = run(runner, "nan-laps")
    assert result.status is Status.FAILED
    assert "measured a lap of nan s" in message(result)
