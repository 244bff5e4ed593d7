"""Broker: whether the farm's Redis is there, and such that nothing in it gets lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from farm.doctor import certificate, clock
from farm.doctor.check import Check, guarded
from farm.redis.access import OLDEST
from farm.render import units
from workers import keys
from workers.client import explained, hardware_of, without_password

if TYPE_CHECKING:
    import redis

    from farm.redis.broker import Server

Info: TypeAlias = Mapping[str, Any]  # what Redis answers to INFO

NEEDED = OLDEST
RECOMMENDED = (7, 0)
NEAR_LIMIT = 0.9  # of the memory that Redis may take, or its machine has
WRITTEN_SECONDS = 10
PRUNE = "`farm prune` makes Redis forget what the store holds"
FULL = f"{PRUNE}; `redis-cli CONFIG SET maxmemory …` raises its limit"


def checks(
    url: str, client: redis.Redis, server: Server | None, visibility_seconds: float
) -> Iterator[Check]:
    """Yield what there is to say of the Redis that `client` is connected to.

    `server` is the one that `farm up` started on this machine, if that is the one at `url`.
    """
    yield asked("redis", url, lambda: answers(url, client))
    yield asked("redis writes", url, lambda: writes(client, url))
    told = cache(client.info)
    for name, judge in (
        ("redis version", version),
        ("redis persistence", persistence),
        ("redis eviction", eviction),
        ("redis memory", memory),
    ):
        yield asked(name, url, partial(_judged, judge, told))
    yield guarded("redis password", lambda: password(url, server))
    if url.startswith("rediss:"):
        yield asked(
            certificate.NAME,
            url,
            lambda: certificate.check(certificate.shown_by(client), time.time()),
        )

    def skew() -> Check:
        from workers.registry import Registry

        return clock.own(Registry(client).clocks()[1], visibility_seconds)

    yield asked("clock", url, skew)


def asked(check: str, url: str, look: Callable[[], Check]) -> Check:
    """Return what was found; a question that this user of Redis may not ask is left out."""
    from redis.exceptions import NoPermissionError

    def carefully() -> Check:
        with explained(url):
            try:
                return look()
            except NoPermissionError as error:
                return Check.skipped(check, f"this user of Redis may not ask for it ({error})")

    return guarded(check, carefully)


def _judged(judge: Callable[[Info], Check], told: Callable[[], Info]) -> Check:
    return judge(told())


def answers(url: str, client: redis.Redis) -> Check:
    """Say how long an answer takes."""
    began = time.perf_counter()
    client.ping()
    took = units.seconds(time.perf_counter() - began)
    return Check.fine("redis", f"{without_password(url)} answers in {took}")


def writes(client: redis.Redis, url: str) -> Check:
    """Write a key that goes by itself: a full disk, full memory or a replica refuse it."""
    from redis import ResponseError, exceptions

    name = "redis writes"
    own = hardware_of(url)
    # Where a worker's user may write too.
    key = f"{keys.QUEUES if own is None else f'{keys.queue(own)}:'}doctor"
    try:
        client.set(key, "1", ex=WRITTEN_SECONDS)
    except exceptions.NoPermissionError:
        raise
    except exceptions.ReadOnlyError as error:
        remedy = "name the primary, of which this Redis is a replica"
        return Check.wrong(name, f"it refuses them: {error}", remedy)
    except exceptions.OutOfMemoryError as error:
        return Check.wrong(name, f"it refuses them: {error}", FULL)
    except ResponseError as error:
        remedy = "make room on the disk of Redis; its log says more"
        return Check.wrong(name, f"it refuses them: {error}", remedy)
    return Check.fine(name, "it takes what is written")


def version(info: Info) -> Check:
    """Judge the server's version; Valkey names the Redis that it stands for."""
    said = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in said.split(".")[:2] if part.isdigit())
    own = info.get("valkey_version")
    shown = f"Valkey {own} (as Redis {said})" if own else f"Redis {said}"
    needed, recommended = (".".join(map(str, each)) for each in (NEEDED, RECOMMENDED))
    if len(numbers) < 2:
        return Check.skipped("redis version", "the server does not tell its version")
    if numbers < NEEDED:
        return Check.wrong(
            "redis version",
            f"{shown} lacks commands that the farm needs",
            f"install Redis {needed} or later ({recommended} is recommended), or let `farm up` "
            f'start its own: pip install "benchfarm[embedded]"',
        )
    older = numbers < RECOMMENDED
    return Check.fine("redis version", shown + f"; {recommended} is recommended" * older)


def persistence(info: Info) -> Check:
    """Judge whether what Redis was told outlives it."""
    name = "redis persistence"
    if not info.get("aof_enabled"):
        return Check.wrong(
            name,
            "the append-only file is off: jobs and results since the last snapshot are lost when "
            "Redis stops",
            "`redis-cli CONFIG SET appendonly yes`, and `appendonly yes` in its configuration; a "
            "Redis of `farm up` has it",
        )
    for key, what in (
        ("aof_last_write_status", "the last write to"),
        ("aof_last_bgrewrite_status", "the last rewriting of"),
    ):
        if info.get(key, "ok") != "ok":
            return Check.wrong(
                name,
                f"{what} the append-only file failed",
                "make room on the disk of Redis; its log says more",
            )
    return Check.fine(name, "the append-only file is on, its last write succeeded")


def eviction(info: Info) -> Check:
    """Judge whether Redis may throw away what it holds."""
    policy, limit = str(info.get("maxmemory_policy", "")), int(info.get("maxmemory", 0))
    if policy in ("noeviction", ""):
        return Check.fine("redis eviction", "noeviction: Redis throws nothing away")
    if not limit:
        return Check.fine("redis eviction", f"{policy}, which without maxmemory changes nothing")
    return Check.wrong(
        "redis eviction",
        f"{policy}: when memory is full Redis throws jobs and results away",
        "`redis-cli CONFIG SET maxmemory-policy noeviction`, and the same line in its "
        "configuration",
    )


def memory(info: Info) -> Check:
    """Judge how near Redis is to its own limit, or to its machine's memory."""
    name = "redis memory"
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    machine = int(info.get("total_system_memory", 0))
    most = limit or machine
    whose = "that it may take" if limit else "of its machine"
    if not most:
        return Check.fine(name, f"{units.size(used)} in use")
    detail = f"{units.size(used)} in use, of {units.size(most)} {whose}"
    if used <= NEAR_LIMIT * most:
        return Check.fine(name, detail)
    return Check.wrong(
        name,
        f"{detail}: when it is full nothing more is taken",
        FULL if limit else PRUNE,
    )


def password(url: str, server: Server | None) -> Check:
    """Judge whether those who reach the port need a password."""
    name = "redis password"
    if server is not None:
        if not server.listens_beyond:
            return Check.fine(name, "Redis listens to this machine only")
        if server.password:
            plain = "" if server.tls else ", which travels readable without TLS (`farm up --tls`)"
            return Check.fine(name, f"Redis on {server.bind} asks for a password{plain}")
        return Check.wrong(
            name,
            f"Redis listens on {server.bind} without a password: whoever reaches it is in",
            "`farm down`, then `farm up --bind ADDRESS`, which makes a password",
        )
    parts = urlsplit(url)
    if parts.password or "ssl_certfile" in parse_qs(parts.query):
        return Check.fine(name, "this connection needs one")
    if is_loopback(parts.hostname or ""):
        return Check.skipped(
            name, "`farm up` did not start this Redis, so who reaches it is unknown"
        )
    return Check.wrong(
        name,
        f"Redis at {parts.hostname} let this machine in without a password, so it lets in whoever "
        f"reaches it",
        "set requirepass in its configuration, or ACL users, and name it as "
        "redis://user:password@host:port/0",
    )


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine, reached by itself."""
    return host == "localhost" or host.startswith("127.") or host == "::1"
