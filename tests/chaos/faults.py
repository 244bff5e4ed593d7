"""Faults: what is done to a farm at work; each returns whom it hit, when all is whole again."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tests import processes
from tests.chaos.injection import Hit
from tests.chaos.site import Site
from tests.chaos.worker import Worker
from tests.live_farm import VISIBILITY_SECONDS

Inject: TypeAlias = Callable[[Site, random.Random], Hit]
SILENT_SECONDS = VISIBILITY_SECONDS + 2.0  # long enough for every lease to run out
NEVER_A_SERVER = ("127.0.0.1", 1)  # a port on which nobody listens


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind of fault."""

    name: str  # as on the command line
    words: str  # as in the table
    inject: Inject


def kill_worker(site: Site, rng: random.Random, among: Sequence[Worker] = ()) -> Hit:
    """Kill a worker as a power cut does; it is started again after a moment."""
    worker = rng.choice(among or site.workers)
    hit = _hit(site, worker)
    worker.kill()
    time.sleep(rng.uniform(0.2, 2.0))
    worker.start()
    return hit


def kill_below(site: Site, rng: random.Random, find: Callable[[int], int | None]) -> Hit:
    """Kill what `find` finds below some worker's process, as soon as one has it."""
    victims = list(site.workers)
    rng.shuffle(victims)
    for _ in range(200):
        for worker in victims:
            pid = find(worker.pid)
            if pid is not None:
                hit = _hit(site, worker)
                processes.send(pid, signal.SIGKILL)
                return hit
        time.sleep(0.05)
    raise TimeoutError(f"no worker had a process to kill: {find.__name__}")


def kill_child(site: Site, rng: random.Random) -> Hit:
    """Kill the process that measures a job."""
    return kill_below(site, rng, processes.child_of)


def kill_template(site: Site, rng: random.Random) -> Hit:
    """Kill the process that the job's was forked from."""
    return kill_below(site, rng, processes.template_of)


def stop_worker(site: Site, rng: random.Random) -> Hit:
    """Ask a worker to end; start it again when it has."""
    worker = rng.choice(site.workers)
    hit = _hit(site, worker)
    worker.stop()
    worker.start()
    return hit


def stop_worker_twice(site: Site, rng: random.Random) -> Hit:
    """Ask a worker to end, and again at once; start it again when it has."""
    worker = rng.choice(site.workers)
    worker.stop_at_once()
    worker.start()
    # The job that it handed back is behind all others now, and no longer interrupted.
    return Hit(hardware=frozenset({worker.hardware}))


def suspend_worker(site: Site, rng: random.Random) -> Hit:
    """Stop a worker with all that it has started, as a laptop that sleeps; then wake it."""
    worker = rng.choice(site.workers)
    hit = _hit(site, worker)
    stopped = [pid for pid in processes.tree_of(worker.pid) if processes.send(pid, signal.SIGSTOP)]
    time.sleep(2 * VISIBILITY_SECONDS + 1)
    for pid in stopped:
        processes.send(pid, signal.SIGCONT)
    return hit


def restart_redis(site: Site, rng: random.Random) -> Hit:
    """Ask Redis to end; start it again after a moment."""
    _end_redis(site, signal.SIGTERM)
    time.sleep(rng.uniform(0.2, 2.0))
    site.restart_redis()
    return _everybody(site)


def kill_redis(site: Site, rng: random.Random) -> Hit:
    """Kill Redis; start it again after a moment, from its append-only file."""
    _end_redis(site, signal.SIGKILL)
    time.sleep(rng.uniform(0.2, 2.0))
    site.restart_redis()
    return _everybody(site)


def kill_redis_and_worker(site: Site, rng: random.Random) -> Hit:
    """Kill Redis, and then a worker that may hold a result which it could not deliver."""
    worker = rng.choice(site.workers)
    hit = Hit(hardware=frozenset(site.hardware), jobs=site.held_by(worker))
    _end_redis(site, signal.SIGKILL)
    time.sleep(rng.uniform(1.0, 2.0))
    worker.kill()
    site.restart_redis()
    worker.start()
    return hit


def silence_redis(site: Site, rng: random.Random) -> Hit:
    """Stop Redis for longer than every lease lasts; then let it go on."""
    pid = site.redis_pid()
    processes.send(pid, signal.SIGSTOP)
    time.sleep(SILENT_SECONDS)
    processes.send(pid, signal.SIGCONT)
    return _everybody(site)


def cut_connections(site: Site, rng: random.Random) -> Hit:
    """Have Redis close every connection but ours."""
    for kind in ("normal", "pubsub"):
        site.client.client_kill_filter(_type=kind, skipme=True)
    return _everybody(site)


def fill_redis(site: Site, rng: random.Random) -> Hit:
    """Leave Redis no memory for a while: it refuses what adds to its data."""
    site.client.config_set("maxmemory", 1)
    try:
        time.sleep(SILENT_SECONDS)
    finally:
        site.client.config_set("maxmemory", 0)
    return _everybody(site)


def freeze_redis(site: Site, rng: random.Random) -> Hit:
    """Have Redis refuse to write for a while, as one does that has become a replica."""
    site.client.replicaof(*NEVER_A_SERVER)
    try:
        time.sleep(SILENT_SECONDS)
    finally:
        site.client.replicaof("NO", "ONE")
    return _everybody(site)


def kill_submit(site: Site, rng: random.Random) -> Hit:
    """Kill `farm submit` in its midst and have `farm resume` complete what it began."""
    known = set(site.ledger.runs())
    suite = site.suite(cells=12, repeats=2, seconds=lambda: rng.uniform(0.0, 0.3))
    submitting = site.farm.begin("submit", suite)
    deadline = time.monotonic() + 30
    while len(site.ledger.runs()) == len(known) and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(rng.uniform(0.0, 0.06))
    submitting.kill()
    submitting.communicate()
    begun = [run for run in site.ledger.runs() if run not in known]
    if begun:
        site.runs += begun
        site.farm("resume", begun[0])
    else:
        site.submit(suite)
    return _everybody(site)


def kill_status(site: Site, rng: random.Random) -> Hit:
    """Kill `farm status` while it collects, or shortly before or after."""
    asking = site.farm.begin("status")
    time.sleep(rng.uniform(0.4, 1.8))
    asking.kill()
    asking.communicate()
    return _everybody(site)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(name="kill-worker", words="kill -9 of a worker", inject=kill_worker),
        Fault(name="kill-child", words="kill -9 of a job's process", inject=kill_child),
        Fault(name="kill-template", words="kill -9 of a warm template", inject=kill_template),
        Fault(name="stop-worker", words="SIGTERM of a worker", inject=stop_worker),
        Fault(name="stop-worker-twice", words="SIGTERM twice", inject=stop_worker_twice),
        Fault(name="suspend-worker", words="a worker asleep for 9 s", inject=suspend_worker),
        Fault(name="restart-redis", words="Redis: SIGTERM, restart", inject=restart_redis),
        Fault(name="kill-redis", words="Redis: SIGKILL, restart", inject=kill_redis),
        Fault(name="kill-both", words="Redis and a worker: SIGKILL", inject=kill_redis_and_worker),
        Fault(name="silence-redis", words="Redis: silent for 6 s", inject=silence_redis),
        Fault(name="cut-connections", words="all connections closed", inject=cut_connections),
        Fault(name="fill-redis", words="Redis: memory full for 6 s", inject=fill_redis),
        Fault(name="freeze-redis", words="Redis: read-only for 6 s", inject=freeze_redis),
        Fault(name="kill-submit", words="kill -9 of farm submit", inject=kill_submit),
        Fault(name="kill-status", words="kill -9 of farm status", inject=kill_status),
    )
}


def _hit(site: Site, worker: Worker) -> Hit:
    return Hit(hardware=frozenset({worker.hardware}), jobs=site.held_by(worker))


def _everybody(site: Site) -> Hit:
    return Hit(hardware=frozenset(site.hardware))


def _end_redis(site: Site, number: int) -> None:
    pid = site.redis_pid()
    processes.send(pid, number)
    processes.until(lambda: processes.ended(pid), 30, "Redis ends")
