"""Campaign: faults one after the other against a farm at work, and the count of what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests import processes
from tests.chaos import tally
from tests.chaos.faults import FAULTS
from tests.chaos.injection import Injection
from tests.chaos.site import Site
from tests.chaos.tally import Books, Tally
from tests.live_farm import VISIBILITY_SECONDS

NAMES = ("twin", "twin", "left", "right", "twin", "left", "right", "twin")  # of the hardware
REPEATS = 2
FEWEST_CELLS = 6  # of a suite; twice as many where there is time
LONGEST_JOB_SECONDS = 0.9
SETTLE_SECONDS = 120.0  # for the jobs that are left when the last fault is over
# An interrupted job goes on within two timeouts and its own length. Beside that stands what is
# this machine's alone: a worker's start, with as many others at work as there are workers.
LATE_SECONDS = 2 * VISIBILITY_SECONDS + LONGEST_JOB_SECONDS + 30


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done."""

    jobs: int = 200  # at least; more are submitted while there are faults left to inject
    seed: int = 1
    seconds_between: float = 3.0  # from the end of a fault to the next, on average
    workers: int = 4
    faults: tuple[str, ...] = tuple(FAULTS)

    @property
    def hardware(self) -> dict[str, str]:
        """The name of each worker's hardware: some workers share one."""
        return {f"worker-{n + 1}": NAMES[n % len(NAMES)] for n in range(self.workers)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    plan: Plan
    seconds: float
    runs: int
    books: Books
    injections: tuple[Injection, ...]
    complaints: tuple[str, ...] = field(default=())

    @property
    def total(self) -> Tally:
        """The count of all jobs."""
        return tally.count(self.books, list(self.books.jobs))

    @property
    def clean(self) -> bool:
        """Whether every job has one result, and nothing else is wrong."""
        total = self.total
        return total.jobs > 0 and not (total.lost or total.duplicates or self.complaints)


def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Carry the plan out in a new folder; return when no process of it is left."""
    rng = random.Random(plan.seed)
    began = time.monotonic()

    def tell(words: str) -> None:
        say(f"{time.monotonic() - began:6.1f} s  {words}")

    with Site(folder, plan.hardware, tell) as site:
        tell(f"{len(site.workers)} workers are here")
        injections = [_inject(site, plan, fault, rng) for fault in _order(site, plan, rng)]
        _settle(site)
        site.dismiss()
        books = tally.read(site.client, site.runs, site.home / "farm.db")
        site.close()
    return Outcome(
        plan=plan,
        seconds=time.monotonic() - began,
        runs=len(site.runs),
        books=books,
        injections=tuple(injections),
        complaints=(*site.complaints, *_wrong(site, books, injections)),
    )


def _order(site: Site, plan: Plan, rng: random.Random) -> Iterator[str]:
    """Yield each fault once, shuffled, and again until there have been as many jobs as asked."""
    while True:
        chosen = list(plan.faults)
        rng.shuffle(chosen)
        yield from chosen
        if site.expected_jobs >= plan.jobs:
            return


def _inject(site: Site, plan: Plan, fault: str, rng: random.Random) -> Injection:
    """Wait a while with everybody at work, and do it."""
    _keep_busy(site, plan, rng)
    time.sleep(rng.uniform(0.5, 1.5) * plan.seconds_between)
    _keep_busy(site, plan, rng)
    unended = frozenset(site.open_jobs())
    site.say(f"{FAULTS[fault].words} ({len(unended)} jobs are open)")
    at = time.time()
    hit = FAULTS[fault].inject(site, rng)
    site.revive(after=FAULTS[fault].words)
    return Injection(fault=fault, at=at, hit=hit, open_jobs=unended)


def _keep_busy(site: Site, plan: Plan, rng: random.Random) -> None:
    """Submit another suite for the hardware that is about to run out of jobs."""
    waiting = list(site.open_jobs().values())
    cells = FEWEST_CELLS if plan.jobs < 100 else 2 * FEWEST_CELLS
    hungry = [name for name in site.hardware if waiting.count(name) < cells]
    if hungry:
        site.submit(site.suite(cells, REPEATS, lambda: _job_seconds(rng), hungry))
        site.say(f"submitted; {site.expected_jobs} jobs so far")


def _job_seconds(rng: random.Random) -> float:
    return rng.uniform(0.0, LONGEST_JOB_SECONDS)


def _settle(site: Site) -> None:
    """Wait until every job has ended and no message is left; complain when that does not happen."""

    def done() -> bool:
        site.revive(after="the last fault")
        try:
            return not site.open_jobs() and not site.messages()
        except redis.RedisError:
            return False

    try:
        processes.until(done, SETTLE_SECONDS, "every job ends, and no message is left", pause=0.5)
    except TimeoutError as error:
        site.complaints.append(
            f"{error}: {len(site.open_jobs())} jobs are open; {site.messages_in_words()}"
        )


def _wrong(site: Site, books: Books, injections: list[Injection]) -> list[str]:
    said = tally.contradictions(books)
    if len(books.jobs) != site.expected_jobs:
        said.append(f"{site.expected_jobs} jobs were asked for, {len(books.jobs)} are recorded")
    late = [
        f"{FAULTS[each.fault].words}: {seconds:.0f} s until it went on"
        for each in injections
        if (seconds := each.recovery(books)) is not None and seconds > LATE_SECONDS
    ]
    return said + late
