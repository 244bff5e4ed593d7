"""`farm doctor` on a real Redis: what it says of that Redis, and of the workers in it."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import redis

from farm.doctor import examination
from farm.doctor.examination import Part
from farm.redis import broker
from farm.redis.access import WORKER
from farm.runs.coordinator import Coordinator
from tests.integration.doctor_samples import (
    BROKER,
    NAMES,
    WORKERS,
    look,
    own_version,
    present,
    submitted,
    wrong,
)
from tests.unit.test_capabilities import worker
from workers import keys
from workers.registry import Registry


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    return Coordinator(redis_url)


def test_a_new_redis_is_well(redis_url: str) -> None:
    checks = look(redis_url)
    assert list(checks) == NAMES
    assert [check for check in checks.values() if not check.ok] == []
    assert "listens to this machine only" in checks["redis password"].detail


def test_no_redis_is_no_fault(farm_home: Path) -> None:
    checks = look(None)
    assert list(checks) == ["redis"]
    assert checks["redis"].ok
    assert checks["redis"].detail.startswith("not checked: ")


def test_a_redis_that_is_not_there(farm_home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"redis://:secret@127.0.0.1:{free.getsockname()[1]}/0"
        checks = look(url)
    assert list(checks) == ["redis"]
    assert not checks["redis"].ok
    assert "cannot be reached" in checks["redis"].detail
    assert "farm up" in checks["redis"].remedy
    assert "secret" not in str(checks)


def test_a_wrong_password(redis_url: str) -> None:
    port = redis_url.partition("@")[2]
    check = look(f"redis://coordinator:wrong-secret@{port}")["redis"]
    assert not check.ok
    assert "refuses" in check.detail
    assert "wrong-secret" not in str(check)
    assert check.remedy


def test_what_a_redis_of_ones_own_may_lack(redis_url: str, client: redis.Redis) -> None:
    client.config_set("appendonly", "no")
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", "1gb")
    found = wrong(redis_url)
    assert list(found) == ["redis persistence", "redis eviction"]
    assert "CONFIG SET appendonly yes" in found["redis persistence"].remedy
    assert "CONFIG SET maxmemory-policy noeviction" in found["redis eviction"].remedy


def test_full_memory(redis_url: str, client: redis.Redis) -> None:
    client.config_set("maxmemory", str(client.info("memory")["used_memory"] // 2))
    found = wrong(redis_url)
    assert list(found) == ["redis writes", "redis memory"]
    for check in found.values():
        assert "`farm prune`" in check.remedy
        assert "CONFIG SET maxmemory" in check.remedy


def test_a_replica_takes_no_writes(redis_url: str, client: redis.Redis) -> None:
    client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
    found = wrong(redis_url)
    assert list(found) == ["redis writes"]
    assert "name the primary" in found["redis writes"].remedy


def test_a_workers_user_may_ask_for_all(redis_url: str) -> None:
    server = broker.running()
    assert server is not None
    checks = look(server.url_here(WORKER))
    assert list(checks) == NAMES
    assert [check for check in checks.values() if not check.ok] == []
    assert server.worker_password is not None
    assert server.worker_password not in str(checks)


def test_what_a_user_may_not_ask_is_left_out(
    coordinator: Coordinator, tmp_path: Path, redis_url: str
) -> None:
    present(coordinator.client, version=own_version())
    submitted(coordinator, tmp_path)
    rules = ["on", ">some-secret", "~*", "&*", "+@all", "-info", "-lrange"]
    coordinator.client.execute_command("ACL", "SETUSER", "few", *rules)  # type: ignore[no-untyped-call]
    checks = look(f"redis://few:some-secret@{redis_url.partition('@')[2]}")
    assert list(checks) == NAMES
    refused = [name for name, check in checks.items() if "may not ask" in check.detail]
    assert refused == [*BROKER[2:6], "lost jobs"]
    assert all(checks[name].detail.startswith("not checked: ") for name in refused)
    assert all(check.ok for check in checks.values())


def test_a_redis_that_hangs_is_given_up(redis_url: str) -> None:
    server = broker.running()
    assert server is not None
    part = Part("redis", lambda: examination.broker_checks(redis_url))
    os.kill(server.pid, signal.SIGSTOP)
    try:
        part.start()
        [check] = part.checks(time.monotonic() + 1.0)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert (check.check, check.ok) == ("redis", False)
    assert "no answer in time" in check.detail
    assert part.ended.wait(60)


def test_the_registry_notes_since_when_a_worker_is_idle(client: redis.Redis) -> None:
    registry, record = Registry(client), worker(None)
    registry.beat(record)
    [first] = registry.workers()
    assert first.idle_since == first.seen_at
    assert first.clock_ahead_seconds is not None
    assert abs(first.clock_ahead_seconds) < 5
    registry.beat(record)
    [second] = registry.workers()
    assert second.seen_at > first.seen_at
    assert second.idle_since == first.idle_since
    registry.beat(record.model_copy(update={"state": "running"}))
    [running] = registry.workers()
    assert running.idle_since is None
    registry.beat(record)
    [again] = registry.workers()
    assert again.idle_since == again.seen_at


def test_workers_that_are_silent_of_another_version_or_hour(
    redis_url: str, client: redis.Redis
) -> None:
    now = Registry(client).now()
    first = present(client, name="p100@a-1", version="0.0.1", clock_ahead_seconds=120.0)
    present(client, name="p100@b-1", seen_at=now - 100)
    client.hset(keys.workers("p100"), "p100@c-1", "{}")
    client.hset(keys.workers("p100"), "p100@d-1", first.model_dump_json())  # in another's name
    found = wrong(redis_url)
    assert list(found) == WORKERS[:3]
    assert "p100@b-1 for 1 min 40 s" in found["workers"].detail
    assert "p100@a-1 (0.0.1)" in found["worker versions"].detail
    for name in ("p100@c-1", "p100@d-1"):
        assert f"{name} (its record cannot be read)" in found["worker versions"].detail
    assert "2 min 00 s ahead of" in found["worker clocks"].detail
