"""What `farm doctor` says of a Redis, from what that answers to INFO and from how it is named."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import redis

from farm.doctor import broker, certificate, clock
from farm.doctor.check import Check, guarded, listed
from farm.redis.server import Server
from jobs.errors import BrokerDownError

INFO: dict[str, Any] = {
    "redis_version": "7.2.4",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "used_memory": 1 << 20,
    "total_system_memory": 1 << 33,
}


def server(**changes: Any) -> Server:
    values: dict[str, Any] = {
        "pid": 1,
        "bind": "127.0.0.1",
        "port": 6399,
        "password": "secret",
        "started_at": 0.0,
        **changes,
    }
    return Server(**values)


@pytest.mark.parametrize("judge", [broker.version, broker.persistence, broker.eviction])
def test_a_redis_of_farm_up_is_well(judge: Any) -> None:
    check = judge(INFO)
    assert check.ok, check
    assert check.remedy == ""


@pytest.mark.parametrize(
    ("said", "ok", "detail"),
    [
        ("7.0.0", True, "Redis 7.0.0"),
        ("6.2.14", True, "7.0 is recommended"),
        ("6.0.16", False, "lacks commands"),
        ("5.0.3", False, "lacks commands"),
        ("", True, "not checked: "),
    ],
)
def test_versions(said: str, ok: bool, detail: str) -> None:
    check = broker.version({**INFO, "redis_version": said})
    assert check.ok is ok
    assert detail in check.detail
    assert bool(check.remedy) is not ok


def test_valkey_is_called_by_its_own_name() -> None:
    assert broker.version({**INFO, "valkey_version": "9.1.2"}).detail.startswith("Valkey 9.1.2 ")


@pytest.mark.parametrize(
    ("changes", "detail", "remedy"),
    [
        ({"aof_enabled": 0}, "append-only file is off", "appendonly yes"),
        ({"aof_last_write_status": "err"}, "the last write to", "make room"),
        ({"aof_last_bgrewrite_status": "err"}, "the last rewriting of", "make room"),
    ],
)
def test_persistence(changes: dict[str, Any], detail: str, remedy: str) -> None:
    check = broker.persistence({**INFO, **changes})
    assert not check.ok
    assert detail in check.detail
    assert remedy in check.remedy


def test_eviction_matters_where_there_is_a_limit() -> None:
    evicting = {**INFO, "maxmemory_policy": "allkeys-lru"}
    assert broker.eviction(evicting).ok
    check = broker.eviction({**evicting, "maxmemory": 1 << 30})
    assert not check.ok
    assert "maxmemory-policy noeviction" in check.remedy


@pytest.mark.parametrize(
    ("used", "limit", "ok"),
    [(80, 100, True), (95, 100, False), (7 << 30, 0, True), ((8 << 30) - 1, 0, False)],
)
def test_memory_near_its_limit(used: int, limit: int, ok: bool) -> None:
    check = broker.memory({**INFO, "used_memory": used, "maxmemory": limit})
    assert check.ok is ok
    if not ok:
        assert "`farm prune`" in check.remedy
        assert ("maxmemory" in check.remedy) is bool(limit)


def test_passwords() -> None:
    assert broker.password("redis://localhost:6399/0", server()).ok
    beyond = broker.password("redis://h:1/0", server(bind="0.0.0.0"))
    assert beyond.ok
    assert "without TLS" in beyond.detail
    encrypted = broker.password("rediss://h:1/0", server(bind="0.0.0.0", tls=True))
    assert "without TLS" not in encrypted.detail
    bare = broker.password("redis://h:1/0", server(bind="0.0.0.0", password=None))
    assert not bare.ok
    assert "farm up --bind" in bare.remedy
    assert broker.password("redis://user:secret@example:6379/0", None).ok
    assert broker.password("redis://127.0.0.1:6379/0", None).detail.startswith("not checked: ")
    assert not broker.password("redis://example:6379/0", None).ok
    for check in (beyond, bare, broker.password("redis://user:secret@example:6379/0", None)):
        assert "secret" not in f"{check}"


@pytest.mark.parametrize(
    ("ahead", "ok", "detail"),
    [
        (0.2, True, "less than 1 s apart"),
        (5.0, True, "5 s ahead of"),
        (-29.0, True, "29 s behind"),
        (-31.0, False, "31 s behind"),
        (3600.0, False, "1 h 00 min ahead of"),
    ],
)
def test_clocks(ahead: float, ok: bool, detail: str) -> None:
    check = clock.own(ahead, visibility_seconds=60.0)
    assert check.ok is ok
    assert detail in check.detail
    assert ok or "set-ntp" in check.remedy


def test_an_error_is_told_apart_from_its_remedy() -> None:
    def look() -> Check:
        raise BrokerDownError("Redis at h cannot be reached (no route); start it; soon")

    check = guarded("redis", look)
    assert check.detail == "Redis at h cannot be reached (no route)"
    assert check.remedy == "start it; soon"
    assert not check.ok


def test_a_check_that_fails_itself_is_not_ok_and_ends_nothing() -> None:
    def look() -> Check:
        raise KeyError("used_memory")

    check = guarded("redis memory", look)
    assert not check.ok
    assert "KeyError" in check.detail
    assert check.remedy


def test_of_many_names_the_first_are_shown() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdef")) == "a, b, c and 3 more"


@pytest.mark.parametrize(
    ("ends", "ok", "said"),
    [
        ("Jan 31 00:00:00 2030 GMT", True, "valid until Jan 31"),
        ("Jan 11 12:00:00 2030 GMT", False, "for 10 days more"),
        ("Dec 31 00:00:00 2029 GMT", False, "for 0 days more"),
        (None, True, "not checked: "),
    ],
)
def test_certificates_that_end_soon(ends: str | None, ok: bool, said: str) -> None:
    january = ssl.cert_time_to_seconds("Jan  1 00:00:00 2030 GMT")
    check = certificate.check({"notAfter": ends} if ends else {}, january)
    assert check.ok is ok
    assert said in check.detail
    assert ok or "renew" in check.remedy


def test_a_disk_of_redis_that_is_full() -> None:
    client: Any = Misconfigured()
    check = broker.writes(client, "redis://host:6379/0")
    assert not check.ok
    assert "make room on the disk" in check.remedy


class Misconfigured:
    def set(self, *_: object, **__: object) -> None:
        raise redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device")
