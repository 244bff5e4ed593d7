"""Load: who used the CPUs while a job ran, by the kernel's counters, read before and after.

The counters run anyway, so reading them costs nothing while a lap runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

STAT = Path("/proc/stat")
SYSTEM = Path("/sys/devices/system/cpu")

# An idle system's own housekeeping (kernel, Redis, the worker's pulse) takes 0.01 to 0.03 of a
# core; and others that take under 2 % of the CPUs measured move no median by more than the 2 % to
# which laps are repeated. More than both together is noise.
HOUSEKEEPING_CORES = 0.05
TOLERATED_SHARE = 0.02
# The kernel counts CPU time in ticks of 10 ms: of a very short job some are nobody's.
TICKS_SECONDS = 0.05
TICK_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class CpuTime:
    """What one CPU has done since the machine was started."""

    busy_seconds: float
    stolen_seconds: float  # it had work, and the hypervisor ran another machine


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The CPUs' counters at one moment."""

    at_seconds: float  # by a monotonic clock
    cpus: Mapping[int, CpuTime]
    own_seconds: float  # CPU time of this process, all its threads


@dataclass(frozen=True, kw_only=True)
class Load:
    """What some CPUs did between two readings."""

    seconds: float
    cpus: int
    busy_seconds: float
    stolen_seconds: float
    own_seconds: float  # of it by the farm: the job's processes, their template, the worker

    @property
    def foreign_cores(self) -> float:
        """Cores that others kept busy on average."""
        return max(0.0, self.busy_seconds - self.own_seconds) / self.seconds

    @property
    def foreign_words(self) -> str:
        """The same in words: ``0.97 of a core``, ``1.90 cores``."""
        return f"{self.foreign_cores:.2f} {'of a core' if self.foreign_cores < 1 else 'cores'}"

    @property
    def stolen_share(self) -> float:
        """Share of the time wanted from the CPUs that the hypervisor gave to somebody else."""
        wanted = self.busy_seconds + self.stolen_seconds
        return self.stolen_seconds / wanted if wanted else 0.0

    @property
    def disturbed(self) -> bool:
        """Whether others used more of these CPUs than can be overlooked."""
        tolerated = HOUSEKEEPING_CORES + TOLERATED_SHARE * self.cpus
        ticks = TICKS_SECONDS + TICK_SECONDS * self.cpus
        return self.foreign_cores > tolerated and self.foreign_cores * self.seconds > ticks

    def noise(self, when: str) -> tuple[str, ...]:
        """Return in words what disturbed; `when` ends the phrase, as in ``while it ran``."""
        said = []
        if self.disturbed:
            said.append(f"other processes used {self.foreign_words} {when}")
        if self.stolen_share > TOLERATED_SHARE and self.stolen_seconds > TICKS_SECONDS:
            said.append(
                f"the hypervisor took {self.stolen_share:.0%} of the CPU time (steal) {when}"
            )
        return tuple(said)


def read(stat: Path = STAT) -> Reading:
    """Read the counters of every CPU of the machine."""
    try:
        cpus = parse_stat(stat.read_text(encoding="ascii"), os.sysconf("SC_CLK_TCK"))
    except OSError:  # not Linux, or it hides them
        cpus = _by_psutil()
    return Reading(at_seconds=time.monotonic(), cpus=cpus, own_seconds=time.process_time())


def parse_stat(text: str, ticks_per_second: int) -> dict[int, CpuTime]:
    """Read Linux's ``/proc/stat``: a line for each CPU, in ticks since the machine was started.

    Guests' time is part of the user's. A CPU that waits for a disk is idle.
    """
    found = {}
    for line in text.splitlines():
        name, *words = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _, _, irq, softirq, steal = (*map(int, words[:8]), *[0] * 8)[:8]
            found[int(name[3:])] = CpuTime(
                busy_seconds=(user + nice + system + irq + softirq) / ticks_per_second,
                stolen_seconds=steal / ticks_per_second,
            )
    return found


def between(
    before: Reading, after: Reading, *, cpus: Collection[int] | None = None, own_seconds: float
) -> Load:
    """Return what `cpus` (None: all of the machine's) did between the readings.

    `own_seconds` is the CPU time of the farm's other processes; this one's is in the readings.
    """
    both = before.cpus.keys() & after.cpus.keys()
    chosen = both if cpus is None else both & set(cpus)
    pairs = [(before.cpus[cpu], after.cpus[cpu]) for cpu in chosen]
    return Load(
        seconds=max(after.at_seconds - before.at_seconds, 1e-9),
        cpus=len(chosen),
        # A counter may step back a little (steal does under some hypervisors).
        busy_seconds=sum(max(0.0, b.busy_seconds - a.busy_seconds) for a, b in pairs),
        stolen_seconds=sum(max(0.0, b.stolen_seconds - a.stolen_seconds) for a, b in pairs),
        own_seconds=own_seconds + after.own_seconds - before.own_seconds,
    )


def with_siblings(cpus: Collection[int], system: Path = SYSTEM) -> tuple[int, ...]:
    """Return the CPUs and those that share a core with them: who works there takes from both."""
    found = set(cpus)
    for cpu in cpus:
        try:
            text = (system / f"cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii")
        except OSError:
            continue
        for part in text.strip().split(","):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def _by_psutil() -> dict[int, CpuTime]:
    try:
        times = psutil.cpu_times(percpu=True)
    except (OSError, RuntimeError, psutil.Error):
        return {}
    idle = {"idle", "iowait", "steal", "guest", "guest_nice"}
    return {
        number: CpuTime(
            busy_seconds=sum(value for name, value in each._asdict().items() if name not in idle),
            stolen_seconds=getattr(each, "steal", 0.0),
        )
        for number, each in enumerate(times)
    }
