"""Registry: who takes whose place when a worker joins."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import redis

from tests.integration.run_samples import WORKER
from tests.processes import until
from workers.registry import Registry, WorkerRecord


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
    ("state", "changes"), [("left", {"state": "left"}), ("lost", {"beat_seconds": 0.0})]
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
