"""Whoever asks can die, or run out of disk, or be several at once: nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import redis

from farm.home import home
from farm.runs.coordinator import Coordinator
from farm.store.store import Store
from tests import ledgers
from tests.conftest import make_result
from tests.integration.run_samples import WORKER, messages
from tests.live_farm import Farm
from tests.processes import FARM
from workers import keys

BIG = """
name: big
hardware: all
defaults: {{data: synthetic, repeats: {repeats}}}
jobs: [{{workload: noop, batch_size: [{sizes}]}}]
"""
CELLS, REPEATS = 20, 60
JOBS = CELLS * REPEATS  # more than twice what is collected in one go
MANY = 100  # repeats, where the jobs are only enqueued


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    """The farm's Redis, with one hardware here that takes no job."""
    coordinator = Coordinator(redis_url)
    coordinator.registry.beat(WORKER)
    return coordinator


@pytest.fixture
def farm(coordinator: Coordinator, noop_workload: None, tmp_path: Path) -> Farm:
    """A person at a terminal of this farm."""
    return Farm(tmp_path, {**os.environ, "COLUMNS": "100"})


def written(farm: Farm, repeats: int) -> str:
    """Write a suite of so many repeats of every cell."""
    sizes = ", ".join(map(str, range(1, CELLS + 1)))
    return farm.suite(BIG.format(repeats=repeats, sizes=sizes), "big.yaml")


def said(process: subprocess.Popen[str]) -> str:
    """Return what a command printed, after it has succeeded."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def waiting(client: redis.Redis) -> int:
    return int(client.llen("farm:queue:hardware.m2"))


def in_store(table: str = "results") -> int:
    """Return how many rows the store has; none when it has no such table yet."""
    try:
        connection = sqlite3.connect(f"file:{home() / 'farm.db'}?mode=ro", uri=True)
        [(count,)] = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchall()
    except sqlite3.Error:
        return 0
    connection.close()
    return int(count)


def test_a_submission_that_is_killed_is_completed_by_several_at_once(
    farm: Farm, coordinator: Coordinator
) -> None:
    # Given a submitter that is killed while it puts messages into the queue
    submitter = farm.begin("submit", written(farm, MANY))
    while not waiting(coordinator.client):
        assert submitter.poll() is None, "it had ended"
    submitter.kill()
    submitter.communicate(timeout=30)
    [run] = coordinator.ledger.runs()
    assert 0 < waiting(coordinator.client) < CELLS * MANY
    # When two people resume it
    outputs = [said(each) for each in [farm.begin("resume", run) for _ in range(2)]]
    # Then every job has one message, and one of the two was told
    assert Counter(messages(coordinator, "m2").values()) == {1: CELLS * MANY}
    assert sum("were in no queue, and enqueued" in each for each in outputs) == 1
    assert sum("nothing was missing" in each for each in outputs) == 1
    assert farm.json("status", run, "--json")["queued"] == CELLS * MANY


def test_several_who_submit_at_once_get_a_run_each(farm: Farm, coordinator: Coordinator) -> None:
    suite = written(farm, 2)
    together = [farm.begin("submit", suite, "--json") for _ in range(3)]
    runs = [json.loads(said(each)) for each in together]
    assert [each["jobs"] for each in runs] == [CELLS * 2] * 3
    assert len({each["run"] for each in runs}) == 3
    assert Counter(messages(coordinator, "m2").values()) == {1: 3 * CELLS * 2}


@pytest.fixture
def measured(farm: Farm, coordinator: Coordinator) -> str:
    """A run whose jobs have all ended, and of which nothing was collected."""
    from farm.suite.suite import load

    run = coordinator.submit(load(str(farm.folder / written(farm, REPEATS))))
    for number, job in enumerate(run.jobs("m2"), 1):
        ledgers.begin(coordinator.ledger, job)
        result = make_result(job, 1.0 + number / JOBS, worker=WORKER.name)
        ledgers.finish(coordinator.ledger, result)
    return run.id


def killed_between_two_writes(collector: subprocess.Popen[str]) -> None:
    """Kill a collector that has written some of the results, and is about to write the others."""
    store = sqlite3.connect(home() / "farm.db", timeout=0, isolation_level=None)
    while not in_store() or not locked(store):
        assert collector.poll() is None, "it had ended"
    collector.kill()
    collector.communicate(timeout=30)
    store.close()


def locked(store: sqlite3.Connection) -> bool:
    """Keep everybody else from writing; return False when somebody writes just now."""
    try:
        store.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def test_collectors_that_are_killed_lose_and_double_nothing(
    farm: Farm, coordinator: Coordinator, measured: str
) -> None:
    # Given a collector that dies in the middle
    with Store():
        pass  # its tables are there
    killed_between_two_writes(farm.begin("status", measured))
    assert 0 < in_store() < JOBS
    # And somebody who is killed on the way to a matrix
    reader = farm.begin("matrix", "--format", "json")
    time.sleep(1.0)
    reader.kill()
    reader.communicate(timeout=30)
    # When three people look at once, one of them at the matrix
    arguments = [("status", measured, "--json")] * 2 + [("matrix", "--no-ci", "--format", "json")]
    one, two, matrix = (said(each) for each in [farm.begin(*each) for each in arguments])
    # Then everybody sees every result, once
    assert json.loads(one)["succeeded"] == json.loads(two)["succeeded"] == JOBS == in_store()
    assert {row["cells"]["m2"]["repeats"] for row in json.loads(matrix)["rows"]} == {REPEATS}
    # And it is what a store of another person holds, who was never disturbed
    farm.environment["FARM_STORE"] = f"sqlite:///{farm.folder}/other.db"
    assert farm.json("matrix", "--no-ci", "--format", "json") == json.loads(matrix)


def limited(farm: Farm, size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot write files of more bytes."""
    return subprocess.run(
        [*FARM, *arguments],
        env=farm.environment,
        cwd=farm.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize("size", [pytest.param(20_000, marks=pytest.mark.exhaustive), 1_000_000])
def test_a_full_disk_gets_one_message_and_loses_nothing(
    farm: Farm, measured: str, size: int
) -> None:
    done = limited(farm, size, "status", measured)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("farm: the store sqlite:")
    assert "nothing is lost: Redis keeps the results" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    # When there is room again
    assert farm.json("status", measured, "--json")["succeeded"] == JOBS
    assert in_store() == JOBS


def test_what_cannot_be_read_is_counted_and_shown(farm: Farm, coordinator: Coordinator) -> None:
    # Given a job whose worker handed in what is no result
    run = farm.json("submit", farm.suite(BIG.format(repeats=1, sizes="1")), "--json")["run"]
    [job] = ledgers.jobs(coordinator.ledger, run)
    text = '{"worker": "\x1b[2J"}'
    coordinator.client.xadd(
        keys.column(run, job.hardware, "results"), {"job": job.id, "result": text}
    )
    coordinator.client.hset(keys.column(run, job.hardware, "states"), job.id, "succeeded")
    # Then the job has failed, nobody waits for it, and what came can be looked at
    told = farm("status", run)
    assert "m2: 1 of 1 done, 1 failed" in told
    assert f"1 result could not be read, and is kept as it came: `farm show {job.id}`" in told
    shown = farm("show", job.id)
    assert "its result came and could not be read" in shown
    assert "What came, 18 B" in shown
    assert "\x1b" not in shown
    assert "1 job once more (1 failed on m2)" in farm("retry", run)


def test_nobody_waits_for_hardware_that_a_closed_run_lacks(
    farm: Farm, coordinator: Coordinator
) -> None:
    # Given a run for two, of which one is here, and has measured all
    suite = farm.suite(BIG.format(repeats=1, sizes="1, 2").replace("all", "[m2, p100]"))
    run = farm.json("submit", suite, "--json")["run"]
    for job in ledgers.jobs(coordinator.ledger, run):
        ledgers.finish(coordinator.ledger, make_result(job, worker=WORKER.name))
    watcher = farm.begin("watch", run)
    # When it is closed
    assert farm("close", run) == f"run {run} is closed: it stays with m2\n"
    # Then whoever waited for the other goes home
    assert "m2: 2 of 2 done" in said(watcher)
    assert farm("close", run) == f"run {run} was closed\n"
    assert "nothing was missing" in farm("resume", run)
    assert coordinator.enlist("p100", ["p100"]) == []
