"""Registry: who takes whose place when a worker joins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import redis

from farm.runs import unsupported
from farm.runs.presence import looked_up
from jobs.limits import MAX_NAMES
from tests.conftest import make_job
from tests.integration.run_samples import WORKER
from tests.processes import until
from workers import keys
from workers.hardware import detect
from workers.registry import (
    FUTURE_SECONDS,
    MAX_RECORD_BYTES,
    MAX_WORKERS,
    Registry,
    Unreadable,
    WorkerRecord,
)


def worker(
    process: int, hardware: str = "p100", host: str = "here", **changes: Any
) -> WorkerRecord:
    """Return the record of a worker that is this process."""
    name = f"{hardware}@{host}-{process}"
    who = {"name": name, "hardware": hardware, "host": host, **changes}
    return WORKER.model_copy(update=who)


def names(workers: list[WorkerRecord]) -> set[str]:
    return {worker.name for worker in workers}


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_who_joins_takes_the_place_of_one_whose_process_is_gone(
    client: redis.Redis, gone: int
) -> None:
    # Given one that was killed and is not missed yet, and others of which nobody here can say that
    registry = Registry(client)
    living, killed = worker(os.getpid()), worker(gone)
    others = [living, worker(gone, host="there"), worker(gone, hardware="m2")]
    for each in (*others, killed):
        registry.join(each)
    assert names(registry.present()) == names([*others, killed])
    # When another of its hardware and host joins
    successor = worker(os.getppid())
    registry.join(successor)
    # Then the one that was killed is forgotten, and nobody else
    assert names(registry.workers()) == names(registry.present()) == names([*others, successor])


@pytest.mark.parametrize(
    ("state", "changes"), [("left", {"state": "left"}), ("lost", {"beat_seconds": 0.001})]
)
def test_who_joins_takes_the_place_of_one_that_is_here_no_more(
    client: redis.Redis, state: str, changes: dict[str, Any]
) -> None:
    # Given one that said goodbye, or has been silent for too long, and has a process all the same
    registry = Registry(client)
    registry.join(worker(os.getpid(), **changes))
    until(lambda: [each.state for each in registry.workers()] == [state])
    # When another joins
    successor = worker(os.getppid())
    registry.join(successor)
    # Then it alone is left
    assert names(registry.workers()) == names([successor])


def written(client: redis.Redis, **changes: Any) -> WorkerRecord:
    """Write a record as somebody may who means harm; return it without that."""
    record = worker(1, seen_at=Registry(client).now())
    said = json.loads(record.model_dump_json()) | changes
    client.sadd(keys.HARDWARE, record.hardware)
    client.hset(keys.workers(record.hardware), record.name, json.dumps(said))
    return record


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": {"": 1}},
        {"facts": {str(number): number for number in range(MAX_NAMES)}},
        {"facts": {"cores": 10**30}},
        {"tags": ("t",) * 1_000},
        {"tags": ("t" * 1_000,)},
        {"host": "h" * 5_000},
        {"version": "1" * 5_000},
        {"fingerprint": "0" * 5_000},
        {"beat_seconds": 1e9},
        {"beat_seconds": 0.0},
        {"seen_at": 1e300},
        {"capabilities": {"os": "linux", "device": "gpu", "memory_bytes": -(10**400)}},
        {"capabilities": {"os": "linux", "device": "gpu", "workloads": {"mlp": 10**4000}}},
    ],
)
def test_a_record_that_says_too_much_cannot_be_read(
    client: redis.Redis, changes: dict[str, Any]
) -> None:
    record = written(client, **changes)
    assert Registry(client).workers() == []
    assert Registry(client).unreadable() == [(record.hardware, record.name)]


def test_whatever_can_be_read_makes_a_result(client: redis.Redis) -> None:
    facts = {str(number): "x" * 99 for number in range(MAX_NAMES // 2)}
    written(client, facts=facts, job="j" * 5_000, version="")
    [record] = Registry(client).workers()
    assert unsupported.result(make_job(), record, "no GPU").facts["499"] == "x" * 99
    # And what a real machine says can be read
    written(client, facts=detect(device="cpu").facts)
    assert Registry(client).unreadable() == []


@pytest.mark.parametrize("ahead", [FUTURE_SECONDS + 10, 9e14])
def test_who_says_it_was_seen_in_the_future_is_not_here_for_good(
    client: redis.Redis, ahead: float
) -> None:
    registry = Registry(client)
    written(client, seen_at=registry.now() + FUTURE_SECONDS / 2)  # Redis's clock was set back
    assert registry.present()
    written(client, seen_at=min(registry.now() + ahead, 9e14))
    assert [each.state for each in registry.workers()] == ["lost"]


def test_an_unreadable_record_is_of_the_hardware_that_wrote_it(client: redis.Redis) -> None:
    client.sadd(keys.HARDWARE, "a10", "p100")
    client.hset(keys.workers("a10"), "p100@x", "{}")
    registry = Registry(client)
    assert registry.unreadable() == [Unreadable("a10", "p100@x")]
    assert registry.unreadable()[0].label == "p100@x of a10"
    assert looked_up(registry).here == {"a10"}


def test_what_one_hardware_writes_is_read_within_limits(client: redis.Redis) -> None:
    # Given one hardware that has too many workers, and one of whose records some are too large
    record = written(client)
    fields: dict[Any, Any] = {f"a10@x-{number}": "{}" for number in range(MAX_WORKERS + 1)}
    large = worker(2, "t4", seen_at=record.seen_at).model_dump_json() + " " * MAX_RECORD_BYTES
    client.sadd(keys.HARDWARE, "a10", "t4")
    client.hset(keys.workers("a10"), mapping=fields)
    client.hset(keys.workers("t4"), mapping={"t4@here-2": large, "t4@" + "x" * 100_000: "{}"})
    # Then neither is read, and the others are
    registry = Registry(client)
    assert registry.workers() == [record]
    assert [(each.hardware, len(each.name)) for each in registry.unreadable()] == [
        *(("a10", len("a10@unknown")), ("t4", len("t4@here-2")), ("t4", 64))
    ]
