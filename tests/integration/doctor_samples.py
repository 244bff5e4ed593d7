"""What the tests of `farm doctor` on a real Redis have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis

from farm.doctor import examination, workers
from farm.doctor.check import Check
from farm.run import Run
from farm.runs.coordinator import Coordinator
from farm.suite.suite import load
from tests.unit.test_capabilities import worker
from workers import keys
from workers.registry import Registry, WorkerRecord

BROKER = [
    *("redis", "redis writes", "redis version", "redis persistence", "redis eviction"),
    *("redis memory", "redis password", "clock"),
]
WORKERS = ["workers", "worker versions", "worker clocks", "worker queues"]
JOBS = ["jobs without a worker", "hardware that never came", "half-enqueued runs", "lost jobs"]
NAMES = [*BROKER, *WORKERS, *JOBS]


def look(url: str | None) -> dict[str, Check]:
    checks = list(examination.broker_checks(url))
    for check in checks:
        assert isinstance(check.ok, bool)
        assert bool(check.remedy) is not check.ok, check
    return {check.check: check for check in checks}


def wrong(url: str) -> dict[str, Check]:
    return {name: check for name, check in look(url).items() if not check.ok}


def submitted(coordinator: Coordinator, folder: Path, hardware: str = "all") -> Run:
    path = folder / "night.yaml"
    job = "{workload: mlp, batch_size: [32, 64], data: synthetic}"
    path.write_text(f"{{hardware: {hardware}, jobs: [{job}]}}")
    return coordinator.submit(load(str(path)))


def present(client: redis.Redis, **changes: Any) -> WorkerRecord:
    """Write a worker's record as it is, without a beat."""
    now = Registry(client).now()
    values = {**worker(None).model_dump(), "seen_at": now, "joined_at": now, **changes}
    record = WorkerRecord.model_validate(values)
    client.sadd(keys.HARDWARE, record.hardware)
    client.hset(keys.workers(record.hardware), record.name, record.model_dump_json())
    return record


def own_version() -> str:
    return workers._own_versions()[0]
