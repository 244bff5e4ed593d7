"""Coordinator, on a real Redis: what is recorded is enqueued, once, even after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from farm.runs.coordinator import Coordinator
from farm.runs.enqueuer import Enqueuer
from farm.suite.suite import Suite, load

QUEUE = "farm:queue:hardware.p100"


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    return Coordinator(redis_url)


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "some.yaml"
    path.write_text("jobs: [{workload: mlp, batch_size: [32, 64], data: synthetic}]")
    return load(str(path))


def queued(coordinator: Coordinator) -> int:
    return int(coordinator.client.llen(QUEUE))


def test_hardware_that_joins_later_is_enlisted_once(coordinator: Coordinator, suite: Suite) -> None:
    run = coordinator.submit(suite)
    assert queued(coordinator) == 0
    assert coordinator.waits_for(run) == "any hardware"
    assert [each.id for each in coordinator.enlist("p100", ["p100", "gpu"])] == [run.id]
    assert coordinator.enlist("p100", ["p100", "gpu"]) == []
    assert queued(coordinator) == 6
    assert coordinator.waits_for(run) is None


def test_a_crash_between_recording_and_enqueueing_is_repaired(
    coordinator: Coordinator, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a coordinator that dies with the jobs recorded and not in the queue
    run = coordinator.submit(suite)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Enqueuer, "send", die)
        with pytest.raises(KeyboardInterrupt):
            coordinator.enlist("p100", ["p100"])
    assert coordinator.ledger.job_count(run.id) == 6
    assert queued(coordinator) == 0
    # When somebody else looks
    coordinator.enlist("p100", ["p100"])
    # Then everything is in the queue
    assert queued(coordinator) == 6


def test_a_run_that_was_superseded_waits_for_nobody(coordinator: Coordinator, suite: Suite) -> None:
    first, second = coordinator.submit(suite), coordinator.submit(suite)
    assert coordinator.waits_for(first) is None
    assert coordinator.superseded_by(first) == second.id
    assert coordinator.waits_for(second) == "any hardware"


def test_tags_are_those_of_the_enlistment(coordinator: Coordinator, tmp_path: Path) -> None:
    path = tmp_path / "tagged.yaml"
    path.write_text("{hardware: lab & gpu, jobs: [{workload: mlp, batch_size: 32}]}")
    run = coordinator.submit(load(str(path)))
    assert coordinator.enlist("t4", ["t4", "gpu"]) == []
    assert coordinator.waits_for(run) == "lab & gpu"
    coordinator.enlist("p100", ["p100", "gpu", "lab"])
    assert coordinator.waits_for(run) is None


def test_a_run_of_another_version_of_the_farm_is_left_out(coordinator: Coordinator) -> None:
    coordinator.ledger.create("new-1", "new", 1.0, '{"from": "the future"}')
    assert coordinator.enlist("p100", ["p100"]) == []
