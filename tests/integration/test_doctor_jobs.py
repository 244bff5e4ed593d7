"""`farm doctor` on a real Redis: jobs that wait, are lost, or that nobody takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from farm.doctor import jobs, workers
from farm.run import Run
from farm.runs.coordinator import Coordinator
from farm.runs.enqueuer import Enqueuer
from tests import ledgers
from tests.conftest import make_result
from tests.integration.doctor_samples import own_version, present, submitted, wrong
from workers import keys
from workers.messages import Messages


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    return Coordinator(redis_url)


def test_a_worker_that_stopped_taking_jobs(
    coordinator: Coordinator, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK_AGAIN_SECONDS", 0.0)
    client = coordinator.client
    now = coordinator.registry.now()
    present(client, version=own_version(), idle_since=now - 100)
    assert wrong(redis_url) == {}  # nothing waits
    submitted(coordinator, tmp_path)
    found = wrong(redis_url)
    assert list(found) == ["worker queues"]
    assert "p100@host-1, idle for 1 min 40 s while 6 jobs wait" in found["worker queues"].detail
    assert "start it again" in found["worker queues"].remedy
    # One that holds a job waits for its turn on its machine.
    message = str(client.lrange(Messages(client, "p100").queue, 0, 0)[0])
    hand_over(client, "tag-1", message, now)
    assert wrong(redis_url) == {}
    # Unless it has not said for long that it holds it.
    hand_over(client, "tag-1", message, now - 600)
    assert list(wrong(redis_url)) == ["worker queues"]


@pytest.fixture
def two(coordinator: Coordinator, tmp_path: Path) -> Run:
    """A run on p100, one job of which is in no queue, and on t4, which means harm."""
    now = coordinator.registry.now()
    for hardware in ("t4", "p100"):
        seen = {"hardware": hardware, "tags": (hardware,), "idle_since": now}
        present(coordinator.client, name=f"{hardware}@x-1", version=own_version(), **seen)
    run = submitted(coordinator, tmp_path)
    coordinator.client.rpop(keys.queue("p100"))
    return run


def test_ids_that_one_hardware_writes_hide_no_lost_job_of_anothers(
    coordinator: Coordinator, two: Run, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_AGAIN_SECONDS", 0.0)
    client, theirs = coordinator.client, two.jobs("p100")
    assert jobs.find_lost(client) == {two.id: 1}
    # When t4 has the ids of p100's jobs among its own messages
    for job in theirs:
        client.lpush(keys.queue("t4"), json.dumps({"headers": {"id": job.id}}))
    assert jobs.find_lost(client) == {two.id: 1}
    # And among the states of its own jobs
    states: dict[Any, Any] = dict.fromkeys((job.id for job in theirs), "queued")
    client.hset(keys.column(two.id, "t4", "states"), mapping=states)
    [run] = jobs.runs(client)
    assert run.open_jobs["p100"] == {job.id for job in theirs}
    client.delete(keys.workers("p100"))
    said = wrong(redis_url)["jobs without a worker"].detail
    assert said == f"nobody is here for 6 jobs of {two.id} for p100"


def test_a_queue_that_is_none_keeps_no_lost_job_and_no_idle_worker_from_being_found(
    coordinator: Coordinator, two: Run, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(workers, "LOOK_AGAIN_SECONDS", 0.0)
    client, long_ago = coordinator.client, coordinator.registry.now() - 1_000
    present(client, name="p100@x-1", tags=("p100",), version=own_version(), idle_since=long_ago)
    for key in (keys.queue("t4"), keys.unacked("t4"), keys.unacked_index("t4")):
        client.delete(key)
        client.set(key, "x")
    found = wrong(redis_url)
    assert list(found) == ["worker queues", "lost jobs"]
    assert "p100@x-1, idle for" in found["worker queues"].detail
    assert found["lost jobs"].detail.startswith(f"1 job of {two.id}: ")


def hand_over(client: redis.Redis, tag: str, message: str, said_at: float) -> None:
    """Note a message as a worker's, as the transport does."""
    client.zadd(keys.unacked_index("p100"), {tag: said_at})
    client.hset(keys.unacked("p100"), tag, f'[{message}, "", "hardware.p100"]')


def test_jobs_that_nobody_serves(coordinator: Coordinator, tmp_path: Path, redis_url: str) -> None:
    here = present(coordinator.client, version=own_version())
    run = submitted(coordinator, tmp_path)
    coordinator.client.hdel(keys.workers(here.hardware), here.name)
    found = wrong(redis_url)
    assert list(found) == ["jobs without a worker"]
    assert (
        found["jobs without a worker"].detail == f"nobody is here for 6 jobs of {run.id} for p100"
    )
    assert f"`farm cancel {run.id} --hardware p100`" in found["jobs without a worker"].remedy


def test_hardware_that_never_came(coordinator: Coordinator, tmp_path: Path, redis_url: str) -> None:
    run = submitted(coordinator, tmp_path, hardware="t4")
    found = wrong(redis_url)
    assert list(found) == ["hardware that never came"]
    assert found["hardware that never came"].detail == f"{run.id} still waits for t4"
    present(coordinator.client, version=own_version(), hardware="t4", tags=("t4",))
    coordinator.enlist_present()
    assert wrong(redis_url) == {}
    both = submitted(coordinator, tmp_path, hardware="[t4, p100]")
    assert list(wrong(redis_url)) == ["hardware that never came"]
    coordinator.ledger.close(both.id)
    assert wrong(redis_url) == {}


def test_a_run_that_was_enqueued_half_way(
    coordinator: Coordinator, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present(coordinator.client, version=own_version())

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Enqueuer, "send", die)
        with pytest.raises(KeyboardInterrupt):
            submitted(coordinator, tmp_path)
    lock = coordinator.enqueue_lock(coordinator.ledger.runs()[0], "p100")
    assert lock.acquire(patience_seconds=60)
    assert wrong(redis_url) == {}  # somebody is at it
    lock.release()
    found = wrong(redis_url)
    assert list(found) == ["half-enqueued runs"]
    assert "`farm resume night-" in found["half-enqueued runs"].remedy


def test_lost_jobs_are_those_in_nobodys_hands(
    coordinator: Coordinator, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_AGAIN_SECONDS", 0.0)
    client = coordinator.client
    present(client, version=own_version())
    run = submitted(coordinator, tmp_path)
    queue = Messages(client, "p100").queue
    assert wrong(redis_url) == {}
    taken, lost = client.rpop(queue), client.rpop(queue)
    assert isinstance(taken, str)
    hand_over(client, "tag-1", taken, coordinator.registry.now())
    found = wrong(redis_url)
    assert list(found) == ["lost jobs"]
    assert found["lost jobs"].detail.startswith(f"1 job of {run.id}: ")
    assert f"`farm resume {run.id}`" in found["lost jobs"].remedy
    # While somebody is about to send it, as a slow `farm retry` is, nothing is wrong
    lock = coordinator.enqueue_lock(run.id, "p100")
    assert lock.acquire()
    assert wrong(redis_url) == {}
    lock.release()
    # A job that has ended needs no message.
    specs = {job.id: job for job in ledgers.jobs(coordinator.ledger, run.id)}
    assert isinstance(lost, str)
    ledgers.finish(coordinator.ledger, make_result(specs[json.loads(lost)["headers"]["id"]]))
    assert wrong(redis_url) == {}
