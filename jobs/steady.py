"""The protocol `steady`: how big a lap is, when the warm-up is over, and when laps are enough."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, Literal

from jobs.errors import JobError
from jobs.spec import Effort
from jobs.stopwatch import Stopwatch
from jobs.trend import is_steady
from jobs.workload import Clock

CONFIDENCE = 0.95  # of the interval of the laps' median
MAX_DISCARDED = 20  # laps; a machine that sleeps or has its clock set more often measures nothing


def steps_per_lap(lap_seconds: float, step_seconds: float) -> int:
    """Return how many steps last about `lap_seconds`: one at least."""
    return max(1, round(lap_seconds / step_seconds)) if step_seconds > 0 else 1


def fits(wanted_seconds: float, lap_seconds: float) -> bool:
    """Return whether a lap lasts about as long as wanted: within a factor of 1.5."""
    return wanted_seconds / 1.5 <= lap_seconds <= wanted_seconds * 1.5


def median_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return an interval that holds the values' true median at least so often; None for too few.

    From the j-th smallest to the j-th largest value, with the largest j whose coverage,
    1 - 2 P(Binomial(n, ½) < j), suffices. It assumes no distribution (W. R. Thompson, Annals of
    Mathematical Statistics 7, 1936; H. A. David, H. N. Nagaraja, 'Order statistics', 3rd ed. 2003,
    section 7.1). 95 % takes six values.
    """
    count = len(values)
    rank, outside = 0, 0.0  # outside: the probability that the median lies below the rank-th
    while rank < count // 2:
        outside += math.comb(count, rank) / 2**count
        if 1 - 2 * outside < confidence:
            break
        rank += 1
    if rank == 0:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[count - rank]


def relative_half_width(laps: Sequence[float]) -> float:
    """Return half the width of the median's 95 % interval over the median; inf for too few laps."""
    interval = median_interval(laps)
    if interval is None:
        return math.inf
    low, high = interval
    return (high - low) / 2 / statistics.median(laps)


class SteadyLaps:
    """Times successive laps with the given clock, and says when to stop.

    First come warm-up laps, until `trend.is_steady` finds no trend in them, or until another one
    would not end within `effort.warmup_seconds`. Then laps count, until the interval of their
    median is as narrow as `effort.lap_precision` asks, or they have taken `effort.budget_seconds`;
    one is always measured. That the laps are looked at after each makes the interval at the stop
    a little narrower than it ought to be: good enough to stop by, and never used beyond that.

    A lap in which the machine slept (see `jobs.stopwatch`) is discarded, and another one takes its
    place.

    `lap_seconds` is how long a lap is expected to last, `wall_clock` gives seconds since the epoch.
    """

    def __init__(self, effort: Effort, lap_seconds: float, clock: Clock, wall_clock: Clock) -> None:
        self.effort = effort
        self.warmup: list[float] = []
        self.measured: list[float] = []
        self.warmup_ended: Literal["steady", "cap"] | None = None
        self.stopped_by: Literal["precision", "budget"] | None = None
        self.discarded = 0  # laps in which the machine slept
        self._expected_seconds = lap_seconds
        self._stopwatch = Stopwatch(clock, wall_clock)
        self._window = (math.nan, math.nan)
        self._end_warmup_if_over()

    @property
    def finished(self) -> bool:
        """Whether no further lap is wanted."""
        return self.stopped_by is not None

    @property
    def window(self) -> tuple[float, float]:
        """When the measured laps began and ended, in seconds since the epoch."""
        return self._window

    @property
    def fields(self) -> dict[str, Any]:
        """The laps and how they ended, as a Measurement has them."""
        return {
            "lap_seconds": tuple(self.measured),
            "warmup_lap_seconds": tuple(self.warmup),
            "warmup_ended": self.warmup_ended,
            "stopped_by": self.stopped_by,
            "laps_window": self.window,
            "discarded_laps": self.discarded,
        }

    def start(self) -> None:
        """Begin a lap; the device has nothing left to do."""
        self._stopwatch.start()

    def stop(self) -> None:
        """End the lap begun last; the device has finished its work.

        Raises JobError when too many laps were discarded.
        """
        lap = self._stopwatch.stop()
        if lap.slept:
            self.discarded += 1
            if self.discarded > MAX_DISCARDED:
                raise JobError(
                    f"{self.discarded} laps were discarded, since the machine slept in each, or "
                    f"its clock was set; keep it awake, and see what sets its clock"
                )
            return
        seconds = lap.seconds
        if self.warmup_ended is None:
            self.warmup.append(seconds)
            self._expected_seconds = seconds
            self._end_warmup_if_over()
            return
        self._window = (self._window[0] if self.measured else lap.began_at, lap.ended_at)
        self.measured.append(seconds)
        if relative_half_width(self.measured) <= self.effort.lap_precision:
            self.stopped_by = "precision"
        elif sum(self.measured) >= self.effort.budget_seconds:
            self.stopped_by = "budget"

    def _end_warmup_if_over(self) -> None:
        if is_steady(self.warmup):
            self.warmup_ended = "steady"
        elif sum(self.warmup) + self._expected_seconds > self.effort.warmup_seconds:
            self.warmup_ended = "cap"
