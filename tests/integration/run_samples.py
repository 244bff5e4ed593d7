"""What the tests of runs under control do to a run: jobs taken, lost, failed and retried."""

from __future__ import annotations

import json
from collections import Counter

from farm.run import Run
from farm.runs.collector import collect_run
from farm.runs.coordinator import Coordinator
from farm.runs.retrial import Wanted, choose, put_back
from farm.store.store import Store
from jobs.result import JobFailure
from jobs.spec import JobSpec
from tests import ledgers
from tests.conftest import make_result
from workers import keys
from workers.messages import Messages
from workers.registry import WorkerRecord

WORKER = WorkerRecord(
    name="m2@host-1",
    host="host",
    hardware="m2",
    tags=("m2",),
    state="idle",
    declared=True,
    facts={},
    fingerprint="0",
    version="1",
    beat_seconds=1000.0,
    joined_at=0.0,
    seen_at=0.0,
)
FAILURE = JobFailure(kind="exception", message="it broke")


def messages(coordinator: Coordinator, hardware: str) -> Counter[str]:
    """Return how many messages each job has, waiting and in hands."""
    client = coordinator.client
    found = [json.loads(text) for text in client.lrange(keys.queue(hardware), 0, -1)]
    found += [json.loads(text)[0] for text in client.hvals(keys.unacked(hardware))]
    return Counter(message["headers"]["id"] for message in found)


def taken(coordinator: Coordinator, hardware: str) -> str:
    """Take the next message, as a worker does, and die with it in hands; return the job's id."""
    message = json.loads(str(coordinator.client.rpop(keys.queue(hardware))))
    entry = json.dumps([message, "", f"hardware.{hardware}"])
    coordinator.client.hset(keys.unacked(hardware), "tag", entry)
    coordinator.client.zadd(keys.unacked_index(hardware), {"tag": 1.0})
    return str(message["headers"]["id"])


def lost(coordinator: Coordinator, hardware: str, count: int) -> None:
    """Lose messages, as a Redis does that is killed before it has written its last second."""
    for _ in range(count):
        coordinator.client.lpop(keys.queue(hardware))


def failed(coordinator: Coordinator, job: JobSpec) -> None:
    """Have a worker take the job's message, and the job fail."""
    ledgers.begin(coordinator.ledger, job)
    Messages(coordinator.client, job.hardware).remove([job.id])
    worker = f"{job.hardware}@host"
    ledgers.finish(
        coordinator.ledger,
        make_result(job, status="failed", measurement=None, error=FAILURE, worker=worker),
    )


def retried(coordinator: Coordinator, store: Store, run: Run) -> list[JobSpec]:
    """Choose and put back, as `farm retry` does."""
    collect_run(coordinator.ledger, store, run.id)
    ids: dict[str, list[str]] = {"p100": [], "t4": []}
    for entry in choose(store.entries([run]), Wanted()):
        ids[entry.hardware].append(entry.job)
    return put_back(coordinator, run, ids)
