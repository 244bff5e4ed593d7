"""Jobs: which wait for nobody, which are in no queue, and which runs were never wholly enqueued."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from farm.doctor import queue
from farm.doctor.broker import asked
from farm.doctor.check import Check, listed
from farm.render import units
from farm.run import read_manifest
from workers.enqueue_lock import EnqueueLock
from workers.job_states import OPEN
from workers.ledger import Ledger, unless_damaged
from workers.registry import Registry

if TYPE_CHECKING:
    import redis

LOOK_AGAIN_SECONDS = 1.0


class Missed(NamedTuple):
    """A job that has not ended and whose message is not found."""

    run: str
    hardware: str
    job: str  # the id: another hardware may write the same one


@dataclass(frozen=True, kw_only=True)
class RunState:
    """What Redis knows of one run."""

    run: str
    columns: frozenset[str] = frozenset()  # the hardware that has jobs
    enqueued: frozenset[str] = frozenset()  # … whose jobs have all been put into its queue
    at_it: frozenset[str] = frozenset()  # … whose jobs somebody is putting there now
    # The ids of those that have not ended, by hardware: each says which are its own.
    open_jobs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    waits_for: str | None = None  # selected hardware that never came, in words


def checks(url: str, client: redis.Redis) -> Iterator[Check]:
    """Yield what there is to say of the runs and jobs in this Redis."""
    registry = Registry(client)
    found = cache(lambda: runs(client))

    def served() -> Check:
        here = {record.hardware for record in registry.present()}
        return unserved(found(), here)

    yield asked("jobs without a worker", url, served)
    yield asked("hardware that never came", url, lambda: awaited(found()))
    yield asked("half-enqueued runs", url, lambda: half_enqueued(found()))
    yield asked("lost jobs", url, lambda: lost(find_lost(client)))


def runs(client: redis.Redis) -> list[RunState]:
    """Return the runs that have jobs which have not ended, or that hardware may still join."""
    ledger = Ledger(client)
    joinable = set(ledger.open_runs())
    found = []
    for run in ledger.runs():
        tags = ledger.columns(run)
        open_jobs = _open_jobs(ledger, run, tags)
        if not open_jobs and run not in joinable:
            continue
        locks = {name: EnqueueLock(client, run, name) for name in tags}
        found.append(
            RunState(
                run=run,
                columns=frozenset(tags),
                enqueued=frozenset(name for name, lock in locks.items() if lock.done_before()),
                at_it=frozenset(name for name, lock in locks.items() if lock.held()),
                open_jobs=open_jobs,
                waits_for=_waits_for(ledger, run, tags.values()) if run in joinable else None,
            )
        )
    return found


def _open_jobs(ledger: Ledger, run: str, columns: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the ids of the jobs that have not ended, by the hardware that has any."""
    found = {}
    for hardware in columns:
        with unless_damaged(run, hardware):
            states = ledger.column(run, hardware).states()
            found[hardware] = frozenset(job for job, state in states.items() if state in OPEN)
    return {hardware: jobs for hardware, jobs in found.items() if jobs}


def unserved(found: Sequence[RunState], here: Collection[str]) -> Check:
    """Judge whether somebody is here for every job that has not ended."""
    name = "jobs without a worker"
    counted = {
        (run.run, hardware): len(jobs)
        for run in found
        for hardware, jobs in run.open_jobs.items()
        if hardware not in here
    }
    if not counted:
        return Check.fine(name, "none waits for hardware that is not here")
    missing = sorted({hardware for _, hardware in counted})
    first, wanted = min(counted)
    lines = [
        f"{units.count(count, 'job')} of {run} for {hardware}"
        for (run, hardware), count in sorted(counted.items())
    ]
    return Check.wrong(
        name,
        f"nobody is here for {listed(lines)}",
        f"`farm worker` on {listed(missing)}, or, where nobody will come, "
        f"`farm cancel {first} --hardware {wanted}`",
    )


def awaited(found: Sequence[RunState]) -> Check:
    """Judge whether hardware that a suite selects has never been here."""
    name = "hardware that never came"
    waits = [(run.run, run.waits_for) for run in found if run.waits_for]
    if not waits:
        return Check.fine(name, "no open run waits for any")
    return Check.wrong(
        name,
        listed([f"{run} still waits for {what}" for run, what in waits]),
        f"`farm worker` there (`farm hardware` prints what a machine is called), or "
        f"`farm close {waits[0][0]}` if nobody more is to join",
    )


def half_enqueued(found: Sequence[RunState]) -> Check:
    """Judge whether somebody died while they enqueued a run."""
    name = "half-enqueued runs"
    halves = [
        (run.run, sorted(left))
        for run in found
        if (left := set(run.open_jobs) - run.enqueued - run.at_it)
    ]
    if not halves:
        return Check.fine(name, "none: what was recorded was enqueued")
    return Check.wrong(
        name,
        "whoever enqueued them stopped half-way: "
        + listed([f"{run} for {listed(left)}" for run, left in halves]),
        f"`farm resume {halves[0][0]}` enqueues the rest",
    )


def find_lost(client: redis.Redis) -> dict[str, int]:
    """Return, by run, how many jobs have not ended and are neither in a queue nor in any hands.

    A job that ends while this looks, or is being enqueued again, has no message for a moment: who
    is missed is looked for again a little later.
    """
    missed = _missed(client)
    if not missed:
        return {}
    time.sleep(LOOK_AGAIN_SECONDS)
    found = Counter(job.run for job in missed & _missed(client))
    return dict(sorted(found.items()))


def lost(found: Mapping[str, int]) -> Check:
    """Say how many jobs are in no queue."""
    name = "lost jobs"
    if not found:
        return Check.fine(name, "none: each is in a queue, with a worker, or has ended")
    said = [f"{units.count(count, 'job')} of {run}" for run, count in found.items()]
    return Check.wrong(
        name,
        f"{listed(said)}: not ended, and in no queue",
        f"`farm resume {next(iter(found))}` enqueues them again",
    )


def _missed(client: redis.Redis) -> set[Missed]:
    """Return the jobs that have not ended and whose message is not in their hardware's queue."""
    found = runs(client)
    messages = queue.jobs(client, {hardware for run in found for hardware in run.open_jobs})
    return {
        Missed(run.run, hardware, job)
        for run in found
        for hardware, jobs in run.open_jobs.items()
        # Whoever holds the lock is about to send what is missing, however slowly.
        if hardware in messages and hardware in run.enqueued - run.at_it
        for job in jobs - messages[hardware]
    }


def _waits_for(ledger: Ledger, run: str, columns: Iterable[Collection[str]]) -> str | None:
    manifest = ledger.manifest(run)
    recorded = None if manifest is None else read_manifest(run, manifest)
    return None if recorded is None else recorded.waits_for(list(columns))
