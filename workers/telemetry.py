"""Recorder: what the machine did while a job's child lived.

Counters are read before and after, which disturbs nothing. What has no counter is asked once a
second by a thread that keeps to CPUs which are not measured. Where every CPU is measured there is
no such thread; only for a GPU, which does not wait for that CPU, it runs all the same. What all
this costs the measured time, `farm doctor --telemetry` measures.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import TypeVar

from jobs.telemetry import Energy, Telemetry
from workers import load
from workers.instruments import Instruments
from workers.load import Load, Reading
from workers.nursery import Usage
from workers.probes.sensors import ALARMS, EnergyCounter, Sample

logger = logging.getLogger(__name__)

T = TypeVar("T")
PERIOD_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One look at the device."""

    at: float  # seconds since the epoch
    sample: Sample
    joules: tuple[float | None, ...]  # of each counter


class Recorder:
    """A context manager around the child's life; ask it afterwards.

    Without instruments it reads the CPUs' counters alone. `cpus` are those measured, or whose users
    take from those; `spare_cpus` those that the sampling thread may use.
    """

    def __init__(
        self,
        instruments: Instruments | None,
        *,
        cpus: Collection[int],
        spare_cpus: Collection[int] = (),
        period_seconds: float = PERIOD_SECONDS,
    ) -> None:
        self._instruments = instruments
        self._cpus = cpus
        self._spare = set(spare_cpus)
        self._period = period_seconds
        self._counters: tuple[EnergyCounter, ...] = ()
        self._moments: list[Moment] = []
        self._before: Reading | None = None
        self._after: Reading | None = None
        self._throttled: Mapping[str, int] = {}
        self._foreign: int | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Recorder:
        instruments = self._instruments
        if instruments is not None:
            self._counters = _quietly(instruments.counters, ())
            self._throttled = _quietly(instruments.sensors.throttle_counts, self._throttled)
            self._look()
            if instruments.samples and (self._spare or instruments.device == "gpu"):
                self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
                self._thread.start()
        self._before = load.read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._after = load.read()
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if self._instruments is not None:
            self._look()
            sensors = self._instruments.sensors
            counts = _quietly(sensors.throttle_counts, self._throttled)
            self._throttled = {
                reason: counts.get(reason, count) - count
                for reason, count in self._throttled.items()
            }
            self._foreign = _quietly(sensors.foreign_processes, None)

    def load(self, usage: Usage) -> Load | None:
        """Return what the CPUs measured did; None before the end."""
        if self._before is None or self._after is None:
            return None
        return load.between(
            self._before, self._after, cpus=self._cpus, own_seconds=usage.cpu_seconds
        )

    def noise(self, usage: Usage | None) -> tuple[str, ...]:
        """Return in words what disturbed the job while it ran; `usage` is None when not told."""
        seen = self.load(usage) if usage is not None else None
        said = [*seen.noise("while it ran")] if seen is not None else []
        if alarms := sorted(ALARMS.intersection(self._reasons() or ())):
            said.append(f"the device slowed itself down while it ran ({', '.join(alarms)})")
        if self._foreign:
            said.append(f"other processes on the GPU when it ended: {self._foreign}")
        return tuple(said)

    def telemetry(
        self, usage: Usage | None, laps_window: tuple[float, float] | None
    ) -> Telemetry | None:
        """Return the readings; `laps_window` is when the laps ran, seconds since the epoch."""
        if self._instruments is None or len(self._moments) < 2:
            return None
        first, *between, last = self._moments
        samples = [moment.sample for moment in between]
        energy = self._energy(first, last)
        power = _mean(sample.power_watts for sample in samples)
        part = self._instruments.device
        if not any(each.part == part for each in energy) and (sampled := self._integral(between)):
            energy = (sampled, *energy)
        elif own := next((each for each in energy if each.part == part), None):
            power = own.joules / own.seconds
        clocks = [sample.clock_mhz for sample in samples if sample.clock_mhz is not None]
        all_samples = [first.sample, *samples, last.sample]
        return Telemetry(
            seconds=last.at - first.at,
            samples=len(between),
            period_seconds=self._period if self._thread is not None else None,
            energy=energy,
            power_watts=power,
            laps_power_watts=self._laps_power(between, laps_window),
            gpu_utilisation=_mean(sample.utilisation for sample in samples),
            cpu_utilisation=self._cpu_utilisation(),
            peak_host_bytes=None if usage is None else usage.peak_bytes,
            peak_device_bytes=max(
                (each.memory_bytes for each in samples if each.memory_bytes is not None),
                default=None,
            ),
            temperature_celsius=max(
                (
                    each.temperature_celsius
                    for each in all_samples
                    if each.temperature_celsius is not None
                ),
                default=None,
            ),
            clock_mhz=_mean(clocks),
            min_clock_mhz=min(clocks, default=None),
            throttle_reasons=self._reasons(),
        )

    def _run(self) -> None:
        if self._spare:
            try:
                os.sched_setaffinity(0, self._spare)  # of this thread alone
            except OSError as error:
                logger.warning("no telemetry samples: CPUs %s: %s", sorted(self._spare), error)
                return
        while not self._stopped.wait(self._period):
            self._look()

    def _look(self) -> None:
        assert self._instruments is not None
        sample = _quietly(self._instruments.sensors.sample, Sample())
        joules = tuple(_quietly(counter.joules, None) for counter in self._counters)
        self._moments.append(Moment(at=time.time(), sample=sample, joules=joules))

    def _energy(self, first: Moment, last: Moment) -> tuple[Energy, ...]:
        found = []
        for counter, begin, end in zip(self._counters, first.joules, last.joules, strict=True):
            if begin is not None and end is not None and end >= begin and last.at > first.at:
                found.append(
                    Energy(
                        part=counter.part,
                        kind=counter.kind,
                        source=counter.source,
                        joules=end - begin,
                        seconds=last.at - first.at,
                    )
                )
        return tuple(found)

    def _integral(self, between: list[Moment]) -> Energy | None:
        """Integrate the sampled power over time, by trapezes between neighbouring samples."""
        assert self._instruments is not None
        points = [(m.at, m.sample.power_watts) for m in between if m.sample.power_watts is not None]
        if len(points) < 2 or points[-1][0] <= points[0][0]:
            return None
        joules = sum((b - a) * (p + q) / 2 for (a, p), (b, q) in pairwise(points))
        return Energy(
            part=self._instruments.device,
            kind="sampled",
            source=self._instruments.sensors.power_source,
            joules=joules,
            seconds=points[-1][0] - points[0][0],
        )

    def _laps_power(
        self, between: list[Moment], window: tuple[float, float] | None
    ) -> float | None:
        """Return the device's mean power while laps ran, from two samples or more within them."""
        assert self._instruments is not None
        inside = [m for m in between if window is not None and window[0] <= m.at <= window[1]]
        if len(inside) < 2:
            return None
        for place, counter in enumerate(self._counters):
            begin, end = inside[0].joules[place], inside[-1].joules[place]
            if counter.part == self._instruments.device and begin is not None and end is not None:
                return max(0.0, end - begin) / (inside[-1].at - inside[0].at)
        return _mean(moment.sample.power_watts for moment in inside)

    def _cpu_utilisation(self) -> float | None:
        if self._before is None or self._after is None:
            return None
        seen = load.between(self._before, self._after, own_seconds=0.0)
        return min(1.0, seen.busy_seconds / (seen.seconds * seen.cpus)) if seen.cpus else None

    def _reasons(self) -> tuple[str, ...] | None:
        """Return why the device slowed down while the job ran; None where nothing tells."""
        told = [m.sample.throttle_reasons for m in self._moments[1:-1]]
        known = [reasons for reasons in told if reasons is not None]
        if not known and not self._throttled:
            return None
        risen = [reason for reason, count in self._throttled.items() if count > 0]
        return tuple(sorted({reason for reasons in known for reason in reasons}.union(risen)))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _quietly(ask: Callable[[], T], otherwise: T) -> T:
    """Ask a sensor; whatever its library raises must not cost the job its measurement."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001
        logger.warning("a sensor failed: %s: %s", type(error).__name__, error)
        return otherwise
