"""What a user does, from `farm up` to the matrix."""

from __future__ import annotations

import pytest

from tests.live_farm import Farm
from tests.processes import until

NOOP = """
name: noops
hardware: all
defaults: {data: synthetic, repeats: 2}
jobs:
  - workload: noop
    batch_size: [10, 20]
"""


def test_the_order_of_workers_and_submission_does_not_matter(farm: Farm) -> None:
    # Given a worker of hardware a
    farm.worker("a", "--hardware", "a", "--cpus", "0")
    farm.present("a")
    # When a suite is submitted, and only then hardware b joins
    submitted = farm.json("submit", farm.suite(NOOP), "--json")
    assert submitted["jobs"] == 4
    farm.worker("b", "--hardware", "b")
    farm.present("a", "b")
    until(lambda: farm.json("status", submitted["run"], "--json")["succeeded"] == 8)
    # Then both columns fill
    matrix = farm.json("matrix", "--baseline", "a", "--format", "json")
    assert matrix["hardware"] == ["a", "b"]
    assert matrix["summary"]["b"] == {
        **matrix["summary"]["b"],
        "min": 1.0,
        "geomean": 1.0,
        "max": 1.0,
        "cells": 2,
        "of": 2,
    }
    for row in matrix["rows"]:
        assert row["workload"] == "noop"
        assert {cell["status"] for cell in row["cells"].values()} == {"succeeded"}
        assert row["cells"]["b"]["repeats"] == 2
        assert row["cells"]["a"]["seconds"] == pytest.approx(1.0 / row["batch_size"])
    # And the store alone gives the same matrix
    farm("down")
    assert farm.json("matrix", "--baseline", "a", "--format", "json") == matrix
    farm("up")


def test_every_state_is_told_apart_to_the_last_table(farm: Farm) -> None:
    suite = """
hardware: all
defaults: {data: synthetic, repeats: 1, batch_size: 10, timeout: 1s}
jobs:
  - {workload: noop, act: succeed}
  - {workload: noop, act: raise}
  - {workload: noop, act: unsupported}
  - {workload: noop, act: memory}
  - {workload: noop, act: deadlock}
"""
    farm.worker("a", "--hardware", "a")
    farm.present("a")
    said = farm("submit", farm.suite(suite, "states.yaml"), "--wait", code=3)
    assert "4 jobs did not succeed" in said
    status = farm.json("status", "--json")
    states = ("succeeded", "failed", "unsupported", "out_of_memory", "timed_out")
    assert {state: status[state] for state in states} == dict.fromkeys(states, 1)
    assert status["jobs"] == sum(v for k, v in status.items() if k not in ("run", "jobs")) == 5
    rows = farm.json("matrix", "--format", "json")["rows"]
    assert {row["cells"]["a"]["status"] for row in rows} == set(states)
    table = farm("matrix")
    for said in ("unsupported", "out of memory", "timed out", "ValueError: told to fail"):
        assert said in table


def test_a_real_network_is_trained_on_two_unlike_workers(farm: Farm) -> None:
    suite = """
hardware: [one, two]
defaults: {data: synthetic, repeats: 1, epochs: 2, train_samples: 256}
jobs:
  - {workload: mlp, batch_size: [32, 64], validation_samples: 64, test_samples: 64}
"""
    farm.worker("one", "--hardware", "one", "--cpus", "0")
    farm.worker("two", "--hardware", "two")
    farm.present("one", "two")
    farm("submit", farm.suite(suite, "real.yaml"), "--wait")
    table = farm("matrix", "--baseline", "one")
    assert "fashion_mnist_mlp" in table
    assert "2 of 2" in table
    assert "| geometric mean" in farm("matrix", "--format", "markdown")


def test_waiting_with_json_prints_json_alone_on_standard_output(farm: Farm) -> None:
    farm.worker("a", "--hardware", "a")
    farm.present("a")
    submitted = farm.json("submit", farm.suite(NOOP), "--wait", "--json")
    assert farm.json("status", submitted["run"], "--json")["succeeded"] == 4


def test_a_worker_that_could_not_measure_takes_no_job(farm: Farm) -> None:
    farm.environment["FARM_LOCK_DIR"] = "/nowhere"
    assert "set FARM_LOCK_DIR to a folder" in farm("worker", code=1)


def test_an_unknown_baseline_lists_the_hardware_there_is(farm: Farm) -> None:
    farm.worker("a", "--hardware", "m2-max")
    farm.present("m2-max")
    farm("submit", farm.suite(NOOP), "--wait")
    said = farm("matrix", "--baseline", "m2-mix", code=2)
    assert "'m2-mix' (did you mean 'm2-max'?)" in said


def test_hardware_is_selected_by_tags(farm: Farm) -> None:
    farm.worker("a", "--hardware", "a", "--tag", "lab")
    farm.worker("b", "--hardware", "b")
    farm.present("a", "b")
    suite = farm.suite(NOOP.replace("all", "lab & cpu"), "tagged.yaml")
    farm("submit", suite, "--wait")
    assert farm.json("matrix", "--format", "json")["hardware"] == ["a"]


def test_workers_say_who_is_here_and_who_was(farm: Farm) -> None:
    worker = farm.worker("a", "--hardware", "a", "--tag", "lab")
    farm.present("a")
    [here] = farm.json("workers", "--json")
    assert (here["hardware"], here["state"]) == ("a", "idle")
    assert {"a", "lab", "cpu", "linux"} <= set(here["tags"])
    assert here["facts"]["vcpus"] >= 1
    worker.terminate()
    worker.wait(30)
    assert [w["state"] for w in farm.json("workers", "--json")] == ["left"]
    assert "seen" in farm("workers")


def test_jobs_for_nobody_wait_and_the_status_says_for_whom(farm: Farm) -> None:
    said = farm("submit", farm.suite(NOOP.replace("all", "p100"), "later.yaml"))
    assert "waits for p100" in said
    assert "waiting for p100" in farm("status")
    assert "nothing" in farm("matrix", code=1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("submit", "quik"), 2, "did you mean 'quick'?"),
        (("submit",), 2, "Missing argument"),
        (("matrix", "--run", "nope"), 2, "no run 'nope'"),
        (("status",), 1, "nothing has been submitted yet"),
        (("worker", "--device", "gpu:7"), 1, "gpu:7"),
        (("worker", "--cpus", "0-x"), 2, "0-x"),
        (("worker", "--hardware", "a b"), 2, "'a b'"),
        (("matrix", "--redis", "redis://:secret@127.0.0.1:1/0"), 1, "cannot be reached"),
        (("workers", "--redis", "redis://127.0.0.1:1/x"), 1, "accepted: redis://"),
        (("workers", "--redis", "redis://127.0.0.1:1/0?bogus=1"), 1, "accepted: redis://"),
        (("up", "--port", "1"), 1, "port"),
    ],
)
def test_a_mistake_gets_one_clear_message(
    farm: Farm, arguments: tuple[str, ...], code: int, said: str
) -> None:
    printed = farm(*arguments, code=code)
    assert said in printed
    assert "secret" not in printed
