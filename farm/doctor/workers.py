"""Workers: who is silent, of another version, out of step with the clock, or takes no jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from farm.doctor import clock, queue
from farm.doctor.broker import asked
from farm.doctor.check import Check, listed
from farm.render import units
from workers.registry import Registry, WorkerRecord

if TYPE_CHECKING:
    import redis

LOST_SECONDS = 86_400.0  # for so long somebody is missed
LEAST_IDLE_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 1.0


def checks(url: str, client: redis.Redis, visibility_seconds: float) -> Iterator[Check]:
    """Yield what there is to say of the workers in this Redis."""
    registry = Registry(client)
    yield asked("workers", url, lambda: presence(registry.workers(), registry.now()))
    yield asked(
        "worker versions",
        url,
        lambda: versions(
            registry.workers(), [each.label for each in registry.unreadable()], *_own_versions()
        ),
    )
    yield asked("worker clocks", url, lambda: clocks(registry.workers(), visibility_seconds))
    yield asked("worker queues", url, lambda: _queues(client, registry, visibility_seconds))


def presence(records: Sequence[WorkerRecord], now: float) -> Check:
    """Judge who is here, and who fell silent without a goodbye; `now` by Redis's clock."""
    here = [record.name for record in records if record.present]
    missed = [record for record in records if _missed(record, now)]
    count = units.count(len(here), "worker")
    if not missed:
        said = f"{count} here: {listed(here)}" if here else "none is here: type `farm worker`"
        return Check.fine("workers", said)
    silent = listed([f"{each.name} for {units.duration(now - each.seen_at)}" for each in missed])
    return Check.wrong(
        "workers",
        f"{count} here, and silent without a goodbye: {silent}",
        "see whether that machine is on, awake, and reaches Redis; what it was measuring is handed "
        "on, and a new `farm worker` there takes its place in this list",
    )


def _missed(record: WorkerRecord, now: float) -> bool:
    return record.state == "lost" and 0 <= now - record.seen_at < LOST_SECONDS


def versions(
    records: Sequence[WorkerRecord],
    unreadable: Sequence[str],
    own: str,
    own_workloads: Mapping[str, int],
) -> Check:
    """Judge the versions of those who are here against those of this machine."""
    name = "worker versions"
    others = [f"{name} (its record cannot be read)" for name in unreadable]
    here = [record for record in records if record.present]
    for record in here:
        if record.version != own:
            others.append(f"{record.name} ({record.version})")
        elif record.capabilities is not None:
            unlike = [
                f"{workload} {version} instead of {own_workloads[workload]}"
                for workload, version in sorted(record.capabilities.workloads.items())
                if own_workloads.get(workload, version) != version
            ]
            if unlike:
                others.append(f"{record.name} (of the workload {listed(unlike)})")
    if others:
        return Check.wrong(
            name,
            f"this is benchfarm {own}, and others are of another version: {listed(others)}",
            f"install benchfarm {own} there (or the same checkout) and start `farm worker` again: "
            f"jobs of another version's workloads are refused",
        )
    return Check.fine(name, f"{own}, as here" if here else f"no worker is here; this is {own}")


def clocks(records: Sequence[WorkerRecord], visibility_seconds: float) -> Check:
    """Judge the clocks of those who are here, as each noted it at its last beat."""
    name = "worker clocks"
    told = [
        (record.name, record.clock_ahead_seconds)
        for record in records
        if record.present and record.clock_ahead_seconds is not None
    ]
    off = [(who, ahead) for who, ahead in told if abs(ahead) >= clock.NOTED_SECONDS]
    if not off:
        said = f"less than {clock.NOTED_SECONDS:g} s from Redis's" if told else "no worker is here"
        return Check.fine(name, said)
    detail = listed([clock.apart(f"that of {who}", ahead) for who, ahead in off])
    if all(abs(ahead) <= clock.tolerated(visibility_seconds) for _, ahead in off):
        return Check.fine(name, detail)
    return Check.wrong(name, f"{detail}: {clock.WHY}", clock.SET)


def idle_too_long(
    records: Sequence[WorkerRecord],
    now: float,
    waiting: Mapping[str, int],
    held: Mapping[str, int],
    patience_seconds: float,
) -> list[WorkerRecord]:
    """Return the workers of which one or more take no jobs, although some wait for them.

    `waiting` and `held` are how many messages each hardware has in its queue and in its workers'
    hands. A worker that waits for its turn on its machine is idle and holds one, so as many may be
    idle as hold one and do not measure.
    """
    found: list[WorkerRecord] = []
    for hardware in sorted(name for name, count in waiting.items() if count):
        alike = [each for each in records if each.present and each.hardware == hardware]
        idle = [
            each
            for each in alike
            if each.idle_since is not None and now - each.idle_since > patience_seconds
        ]
        running = sum(each.state == "running" for each in alike)
        if len(idle) > max(0, held.get(hardware, 0) - running):
            found += idle
    return found


def consuming(found: Sequence[WorkerRecord], waiting: Mapping[str, int], now: float) -> Check:
    """Say who takes no jobs."""
    name = "worker queues"
    if not found:
        return Check.fine(name, "nobody is idle while jobs wait")
    said = [
        f"{each.name}, idle for {units.duration(now - (each.idle_since or now))} while "
        f"{units.count(waiting[each.hardware], 'job')} "
        f"{'waits' if waiting[each.hardware] == 1 else 'wait'}"
        for each in found
    ]
    return Check.wrong(
        name,
        f"somebody here has stopped taking jobs: {listed(said)}",
        "stop that `farm worker` (Ctrl-C) and start it again; its log says what happened before",
    )


def _queues(client: redis.Redis, registry: Registry, visibility_seconds: float) -> Check:
    patience = max(LEAST_IDLE_SECONDS, visibility_seconds)
    found, waiting = _stuck(client, registry, patience)
    if found:  # perhaps it was about to take one
        time.sleep(LOOK_AGAIN_SECONDS)
        again, waiting = _stuck(client, registry, patience)
        names = {each.name for each in found}
        found = [each for each in again if each.name in names]
    return consuming(found, waiting, registry.now())


def _stuck(
    client: redis.Redis, registry: Registry, patience_seconds: float
) -> tuple[list[WorkerRecord], dict[str, int]]:
    records, now = registry.workers(), registry.now()
    hardware = {record.hardware for record in records if record.present}
    waiting = queue.waiting(client, hardware)
    held = queue.held(client, hardware, since=now - 2 * patience_seconds)
    return idle_too_long(records, now, waiting, held, patience_seconds), waiting


def _own_versions() -> tuple[str, dict[str, int]]:
    from importlib import metadata

    from farm.doctor.machine import known_workloads

    workloads = known_workloads().workloads
    return metadata.version("benchfarm"), {name: each.version for name, each in workloads.items()}
