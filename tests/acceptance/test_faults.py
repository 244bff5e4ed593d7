"""Workers that die, jobs that outlast the visibility timeout, and a demo that is interrupted."""

from __future__ import annotations

import signal
import subprocess
import time

import psutil

from farm.redis import broker
from tests.live_farm import VISIBILITY_SECONDS, Farm
from tests.processes import FARM, of_farm, until

SLOW = """
hardware: all
defaults: {{data: synthetic, repeats: {repeats}}}
jobs:
  - {{workload: noop, batch_size: 10, seconds: {seconds}}}
"""


def running(farm: Farm) -> list[str]:
    return [w["name"] for w in farm.json("workers", "--json") if w["state"] == "running"]


def child_of(worker: subprocess.Popen[bytes]) -> psutil.Process:
    """Wait for the process of the worker's job, and return it."""
    found: list[psutil.Process] = []

    def seen() -> bool:
        templates = psutil.Process(worker.pid).children()
        found[:] = [child for template in templates for child in template.children()]
        return bool(found)

    until(seen)
    return found[0]


def test_a_job_whose_process_is_killed_is_measured_all_the_same_and_says_so(farm: Farm) -> None:
    worker = farm.worker("only", "--hardware", "only")
    farm.present("only")
    submitted = farm.json("submit", farm.suite(SLOW.format(repeats=1, seconds=2)), "--json")
    child_of(worker).kill()
    farm("watch", submitted["run"])
    assert farm.json("status", submitted["run"], "--json")["succeeded"] == 1
    assert "SIGKILL; it is tried again" in farm.log("only")
    [job] = farm.json("show", "--run", submitted["run"], "--json")["jobs"]
    assert farm.json("show", job["job"], "--json")["environment"]["attempts"] == 2


def test_a_cancelled_run_ends_within_seconds_and_the_worker_goes_on(farm: Farm) -> None:
    # Given a worker at a job of minutes, with more of them waiting
    worker = farm.worker("only", "--hardware", "only")
    farm.present("only")
    long = farm.json("submit", farm.suite(SLOW.format(repeats=3, seconds=300)), "--json")
    child = child_of(worker)
    # When the run is cancelled
    began = time.monotonic()
    farm("cancel", long["run"])
    until(lambda: not child.is_running())
    assert time.monotonic() - began < 15
    # Then all its jobs are, and the next run is measured
    assert farm.json("status", long["run"], "--json")["cancelled"] == 3
    short = farm.suite(SLOW.format(repeats=1, seconds=0).replace("10", "20"))
    farm("submit", short, "--wait")
    assert farm.json("status", "--json")["succeeded"] == 1
    assert farm.json("status", long["run"], "--json")["cancelled"] == 3


def test_a_killed_workers_job_is_finished_by_another_and_counted_once(farm: Farm) -> None:
    # Given two workers of one hardware, one of them measuring
    pids = {farm.worker(label, "--hardware", "twin").pid: label for label in ("first", "second")}
    until(lambda: len(farm.json("workers", "--json")) == 2)
    submitted = farm.json("submit", farm.suite(SLOW.format(repeats=3, seconds=3)), "--json")
    until(lambda: bool(running(farm)))
    # When it is killed in mid-job
    [name] = running(farm)
    label = pids[int(name.rsplit("-", 1)[1])]
    killed_at = time.monotonic()
    farm.started[label].send_signal(signal.SIGKILL)
    farm.started[label].wait()
    # Then the other finishes everything within two timeouts and the jobs' own time
    until(lambda: farm.json("status", submitted["run"], "--json")["succeeded"] == 3)
    assert time.monotonic() - killed_at < 2 * VISIBILITY_SECONDS + 3 * 3 + 15
    # And every job has exactly one result
    import sqlalchemy as sql

    engine = sql.create_engine(f"sqlite:///{farm.environment['FARM_HOME']}/farm.db")
    with engine.connect() as connection:
        assert connection.scalar(sql.text("select count(*) from results")) == 3
        assert connection.scalar(sql.text("select count(distinct job) from results")) == 3
    engine.dispose()
    until(lambda: "lost" in {w["state"] for w in farm.json("workers", "--json")})


def test_a_job_three_times_as_long_as_the_visibility_timeout_runs_once(farm: Farm) -> None:
    for label in ("first", "second"):
        farm.worker(label, "--hardware", "twin", "--share-host")
    until(lambda: len(farm.json("workers", "--json")) == 2)
    suite = farm.suite(SLOW.format(repeats=1, seconds=3 * VISIBILITY_SECONDS))
    farm("submit", suite, "--wait")
    time.sleep(VISIBILITY_SECONDS)
    logs = farm.log("first") + farm.log("second")
    assert logs.count("measuring noop") == 1
    assert "skipped" not in logs
    assert farm.json("status", "--json")["succeeded"] == 1


def test_a_second_ctrl_c_stops_a_worker_at_once_and_its_job_goes_to_another(farm: Farm) -> None:
    # Given a worker in the middle of a long job
    worker = farm.worker("first", "--hardware", "twin")
    farm.present("twin")
    submitted = farm.json("submit", farm.suite(SLOW.format(repeats=1, seconds=8)), "--json")
    until(lambda: bool(running(farm)))
    # When it is interrupted twice
    began = time.monotonic()
    worker.send_signal(signal.SIGINT)
    time.sleep(1)
    worker.send_signal(signal.SIGINT)
    worker.wait(15)
    assert time.monotonic() - began < 10
    assert "Traceback" not in farm.log("first")
    # Then nothing of it is left, and another worker does the job
    until(lambda: not leftovers_but_redis(farm))
    farm.worker("second", "--hardware", "twin")
    until(lambda: farm.json("status", submitted["run"], "--json")["succeeded"] == 1)


def leftovers_but_redis(farm: Farm) -> list[psutil.Process]:
    server = broker.running()
    assert server is not None
    return [process for process in of_farm(farm.folder) if process.pid != server.pid]


def start_demo(farm: Farm, suite: str) -> subprocess.Popen[bytes]:
    """Start `farm demo` with a home of its own."""
    command = [*FARM, "demo", "--suite", farm.suite(suite)]
    return farm.start("demo", command, FARM_HOME=str(farm.folder / "demo"))


def test_ctrl_c_ends_a_demo_and_everything_that_it_started(farm: Farm) -> None:
    demo = start_demo(farm, SLOW.format(repeats=1, seconds=60))
    until(lambda: "1 running" in farm.log("demo"))
    assert of_farm(farm.folder / "demo")
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130
    assert "Traceback" not in farm.log("demo")
    assert not of_farm(farm.folder / "demo")


def test_a_demo_runs_from_nothing_to_a_matrix_and_leaves_no_process(farm: Farm) -> None:
    demo = start_demo(farm, SLOW.format(repeats=2, seconds=0))
    assert demo.wait(200) == 0, farm.log("demo")
    for word in ("cpu-1core", "cpu-all", "geometric mean"):
        assert word in farm.log("demo")
    assert not of_farm(farm.folder / "demo")
