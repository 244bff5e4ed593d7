"""Soak: thousands of jobs that do nothing, with random kills; does anything grow or leak?

    python -m tests.chaos.soak [--jobs N] [--seed N] [--seconds-between S]

Two of four workers are killed now and then; the other two live from the first job to the last, and
lose their jobs' processes and templates. Of these two the resident memory and the file descriptors
during the first and the last fifth of the jobs are compared; of Redis the memory before the first
job and after `farm prune`. Exit code 1 when something grew, or a job was lost or counted twice.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tabulate import tabulate

from tests import processes
from tests.chaos import tally
from tests.chaos.__main__ import print_now
from tests.chaos.faults import kill_below, kill_worker
from tests.chaos.site import Site
from tests.chaos.worker import Worker
from workers import keys

HARDWARE = {"old-1": "twin", "old-2": "solo", "young-1": "twin", "young-2": "solo"}
REPEATS = 50
STUCK_SECONDS = 120.0  # without the end of any job, for it to be given up
# What an allocator may hold more than before without anything being kept.
TOLERATED_WORKER_BYTES = 4 << 20
TOLERATED_REDIS_BYTES = 1 << 20
TOLERATED_DESCRIPTORS = 2


@dataclass
class Watched:
    """What was seen of the workers that live throughout, by the number of jobs that had ended."""

    ended: list[int] = field(default_factory=list)
    memory: dict[str, list[int]] = field(default_factory=dict)  # bytes, by label
    descriptors: dict[str, list[int]] = field(default_factory=dict)
    threads: dict[str, list[int]] = field(default_factory=dict)

    def look(self, ended: int, workers: list[Worker]) -> None:
        """Note how much each holds now."""
        self.ended.append(ended)
        for worker in workers:
            process = psutil.Process(worker.pid)
            self.memory.setdefault(worker.label, []).append(process.memory_info().rss)
            self.descriptors.setdefault(worker.label, []).append(process.num_fds())
            self.threads.setdefault(worker.label, []).append(process.num_threads())

    def first_and_last(
        self, seen: Mapping[str, list[int]], label: str, fifth: int, jobs: int
    ) -> tuple[float, float]:
        """Return the medians while the first fifth of the jobs ended, and while the last did."""
        pairs = list(zip(self.ended, seen[label], strict=True))
        return (
            statistics.median(value for ended, value in pairs if ended <= fifth),
            statistics.median(value for ended, value in pairs if ended >= jobs - fifth),
        )


@dataclass(frozen=True)
class Row:
    """One thing that must not grow."""

    what: str
    before: float
    after: float
    tolerated: float
    unit: float = 1.0  # by which the numbers are divided to be shown
    digits: int = 0

    @property
    def grew(self) -> bool:
        """Whether it is more than before by more than can be overlooked."""
        return self.after - self.before > self.tolerated

    def cells(self) -> tuple[str, ...]:
        """Return the row as shown."""
        shown = (self.before, self.after, self.after - self.before, self.tolerated)
        return (
            self.what,
            *(f"{value / self.unit:.{self.digits}f}" for value in shown),
            "GREW" if self.grew else "",
        )


def soak(
    folder: Path, jobs: int, seed: int, seconds_between: float, say: Callable[[str], None]
) -> tuple[list[str], bool]:
    """Return what to print, and whether all is well."""
    rng = random.Random(seed)
    began = time.monotonic()
    with Site(folder, HARDWARE, say) as site:
        old = [worker for worker in site.workers if worker.label.startswith("old")]
        _warm_up(site)
        redis_before, keys_before = _redis_bytes(site), site.client.dbsize()
        cells = -(-jobs // (REPEATS * len(site.hardware)))
        site.submit(site.suite(cells, REPEATS, lambda: 0.0))
        started = time.monotonic()
        watched, kills = _watch(site, old, rng, seconds_between, say)
        seconds = time.monotonic() - started
        processes.until(lambda: not site.messages(), 60, "no message is left")
        site.farm("status", "--json")
        books = tally.read(site.client, site.runs[-1:], site.home / "farm.db")
        site.farm("prune", site.runs[-1])
        redis_after, keys_after = _redis_bytes(site), site.client.dbsize()
        site.dismiss()
        site.close()
    total = tally.count(books, list(books.jobs))
    fifth = total.jobs // 5
    rows = [
        Row(
            "Redis before, and after prune: MB",
            redis_before,
            redis_after,
            TOLERATED_REDIS_BYTES,
            unit=1e6,
            digits=2,
        ),
        Row("Redis, keys", keys_before, keys_after, tolerated=0),
    ]
    for worker in old:
        for what, seen, tolerated, unit, digits in (
            ("resident, MB", watched.memory, TOLERATED_WORKER_BYTES, 1e6, 1),
            ("file descriptors", watched.descriptors, TOLERATED_DESCRIPTORS, 1, 0),
            ("threads", watched.threads, 1, 1, 0),
        ):
            before, after = watched.first_and_last(seen, worker.label, fifth, total.jobs)
            rows.append(Row(f"{worker.label}: {what}", before, after, tolerated, unit, digits))
    complaints = [*site.complaints, *tally.contradictions(books)]
    fine = not (total.lost or total.duplicates or complaints or any(row.grew for row in rows))
    headings = ("", f"first {fifth}", f"last {fifth}", "growth", "tolerated", "")
    return [
        f"{total.jobs} jobs in {seconds:.0f} s, {total.jobs / seconds:.1f} a second; "
        f"{kills} kills; {time.monotonic() - began:.0f} s in all.",
        "",
        *tabulate(
            [row.cells() for row in rows],
            headers=headings,
            disable_numparse=True,
            colalign=("left", *["right"] * 4, "left"),
        ).splitlines(),
        "",
        *(
            f"{count} jobs failed, which is a result: {why}"
            for why, count in tally.killed(books).most_common()
        ),
        *(f"WRONG: {complaint}" for complaint in complaints),
        f"{total.lost} lost, {total.duplicates} counted twice, nothing grew."
        if fine
        else f"{total.lost} lost, {total.duplicates} counted twice: this is not as promised.",
    ], fine


def _watch(
    site: Site,
    old: list[Worker],
    rng: random.Random,
    seconds_between: float,
    say: Callable[[str], None],
) -> tuple[Watched, int]:
    """Kill and look until every job has ended; return what was seen, and how many kills."""
    watched, kills = Watched(), 0
    run = site.runs[-1]
    jobs = site.ledger.job_count(run)
    young = [worker for worker in site.workers if worker not in old]
    ended, moved_at = 0, time.monotonic()
    kill_at = moved_at + seconds_between
    while ended < jobs and time.monotonic() - moved_at < STUCK_SECONDS:
        before, ended = (
            ended,
            sum(site.client.xlen(keys.column(run, name, "results")) for name in site.hardware),
        )
        if ended > before:
            moved_at = time.monotonic()
        watched.look(ended, old)
        if time.monotonic() > kill_at:
            kind = rng.choice(("worker", "child", "template"))
            with contextlib.suppress(TimeoutError):  # nobody was at work just then
                _kill(site, rng, kind, young)
                kills += 1
                say(f"{ended} of {jobs} jobs; killed a {kind}")
            kill_at = time.monotonic() + rng.uniform(0.5, 1.5) * seconds_between
        site.revive(after=f"kill {kills}")
        time.sleep(1.0)
    return watched, kills


def _kill(site: Site, rng: random.Random, kind: str, young: list[Worker]) -> None:
    if kind == "worker":
        kill_worker(site, rng, young)
    else:
        kill_below(site, rng, processes.child_of if kind == "child" else processes.template_of)


def _warm_up(site: Site) -> None:
    """Have everybody do everything once: connections, scripts and templates come to stay."""
    site.submit(site.suite(4, 5, lambda: 0.0))
    processes.until(lambda: not site.open_jobs() and not site.messages(), 120, "the warm-up ends")
    site.farm("status", "--json")
    site.farm("prune", site.runs[-1])


def _redis_bytes(site: Site) -> int:
    """Return what Redis's data take, without what its allocator keeps for later."""
    site.client.memory_purge()
    taken = []
    for _ in range(10):  # what was forgotten is freed in the background, and buffers come and go
        time.sleep(0.5)
        taken.append(int(site.client.info("memory")["used_memory"]))
    return min(taken)


def main(argv: list[str]) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak")
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds-between", type=float, default=15.0, help="kills, on average")
    parser.add_argument("--verbose", "-v", action="store_true", help="say what is done, as it is")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="farm-soak-", ignore_cleanup_errors=True) as folder:
        said, fine = soak(
            Path(folder).resolve(),
            options.jobs,
            options.seed,
            options.seconds_between,
            print_now if options.verbose else lambda _: None,
        )
    print("\n".join(said))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
