"""A run under control: cancelled, retried, pruned; with real workers and a real Redis."""

from __future__ import annotations

import time

import pytest

from tests.live_farm import Farm
from tests.processes import until

LONG = """
name: long
hardware: all
defaults: {data: synthetic, repeats: 3, timeout: 600s}
jobs: [{workload: noop, batch_size: [10, 20], seconds: 300.0}]
"""
MIXED = """
name: mixed
hardware: [a]
defaults: {data: synthetic, repeats: 1, batch_size: 10}
jobs:
  - {workload: noop, act: succeed}
  - {workload: noop, act: exit}
  - {workload: noop, act: memory}
  - {workload: noop, act: unsupported}
"""


@pytest.mark.slow
def test_runs_are_cancelled_retried_and_pruned(farm: Farm) -> None:
    farm.worker("a", "--hardware", "a")
    farm.present("a")
    is_cancelled_and_its_machine_is_free_for_the_next(farm)
    what_failed_is_measured_once_more_and_counts_once(farm)
    redis_forgets_what_the_store_holds(farm)


def is_cancelled_and_its_machine_is_free_for_the_next(farm: Farm) -> None:
    # Given a run that would take half an hour
    run = farm.json("submit", farm.suite(LONG, "long.yaml"), "--json")["run"]
    until(lambda: farm.json("status", run, "--json")["running"] == 1)
    # When it is cancelled
    began = time.monotonic()
    said = farm("cancel", run)
    assert said == f"run {run}: cancelled 6 jobs (5 queued, 1 running)\n"
    assert "nothing is left to cancel" in farm("cancel", run)
    # Then the next suite is measured long before the job would have ended, and nobody joins
    farm.worker("b", "--hardware", "b")
    farm("submit", farm.suite(MIXED, "mixed.yaml"), "--wait", code=3)
    assert time.monotonic() - began < 200
    farm.present("a", "b")
    status = farm.json("status", run, "--json")
    assert (status["jobs"], status["cancelled"]) == (6, 6)
    # And it can be put back, and cancelled again
    assert f"run {run}: 6 jobs once more (6 cancelled on a)" in farm("retry", run)
    cancelled = farm.json("cancel", run, "--hardware", "a", "--json")
    assert cancelled["queued"] + cancelled["running"] == 6


def what_failed_is_measured_once_more_and_counts_once(farm: Farm) -> None:
    # Given a run in which two jobs failed, and one is unsupported
    first = farm.json("status", "--json")
    run = first["run"]
    jobs = {each["state"]: each["job"] for each in farm.json("show", "--json")["jobs"]}
    # When they are retried, and fail again
    said = farm("retry", run, "--failed")
    assert said == f"run {run}: 2 jobs once more (1 failed on a, 1 out of memory on a)\n"
    farm("watch", run, code=3)
    # Then each counts once, and what was measured first is still there
    assert farm.json("status", run, "--json") == first
    rows = farm.json("matrix", "--format", "json")["rows"]
    assert {row["cells"]["a"]["submitted"] for row in rows} == {1}
    listed = [each["state"] for each in farm.json("show", "--json")["jobs"]]
    assert sorted(listed) == sorted([*jobs, "superseded", "superseded"])
    old = farm("show", jobs["failed"])
    assert old.startswith("superseded: this result does not count")
    assert "last words" in old
    # And what the machine cannot run is retried when the machine is named
    assert "3 jobs once more" in farm("retry", run, "--hardware", "a")
    farm("watch", run, code=3)
    assert farm.json("status", run, "--json") == first


def redis_forgets_what_the_store_holds(farm: Farm) -> None:
    # Given two runs whose jobs have all ended, one cancelled, one with its hardware all there
    matrix = farm.json("matrix", "--format", "json")
    mixed = farm.json("status", "--json")
    # When they are pruned
    said = farm("prune").splitlines()
    assert [line.split(": ")[1] for line in said] == [
        "Redis forgot 0 results; the store has them",
        "Redis forgot 9 results; the store has them",
    ]
    # Then the store has it all, and Redis nothing to put back
    assert farm.json("status", mixed["run"], "--json") == mixed
    assert farm.json("matrix", "--format", "json") == matrix
    assert "nothing to prune" in farm("prune")
    assert "submit its suite again" in farm("retry", mixed["run"], code=1)
    assert "there is no run 'nope'" in farm("close", "nope", code=2)
