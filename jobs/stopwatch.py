"""Stopwatch: times a lap, and tells whether the machine slept in it."""

from __future__ import annotations

from typing import NamedTuple

from jobs.workload import Clock

# By how much the wall clock may outrun the other: 1 % is twenty times what time services slew by.
APART_SECONDS, APART_SHARE = 1.0, 0.01


class Lap(NamedTuple):
    """One lap."""

    seconds: float  # by the clock that measures
    began_at: float  # seconds since the epoch
    ended_at: float
    slept: bool  # the machine slept in it, or its wall clock was set forward


class Stopwatch:
    """Times one lap after the other with a clock that measures, and a wall clock beside it.

    While a machine sleeps, `time.perf_counter` stands still on Linux (CLOCK_MONOTONIC, PEP 418) and
    macOS (mach_absolute_time, as Apple's reference says), and the wall clock is put right when it
    wakes: the two differ by the sleep. The lap is none all the same: it was interrupted, and ended
    on a machine that was just waking up. On Windows, and on some BSDs, `perf_counter` goes on
    (Microsoft's reference of QueryPerformanceCounter): there nothing is noticed, and the lap is
    long. A wall clock that somebody sets forward by a second looks like sleep; set back, it does
    not.
    """

    def __init__(self, clock: Clock, wall_clock: Clock) -> None:
        self._clock, self._wall_clock = clock, wall_clock
        self._began: tuple[float, float] | None = None

    def start(self) -> None:
        """Begin a lap; the device has nothing left to do."""
        began_at = self._wall_clock()
        self._began = began_at, self._clock()

    def stop(self) -> Lap:
        """End the lap begun last; the device has finished its work."""
        ended = self._clock()
        ended_at = self._wall_clock()
        if self._began is None:
            raise RuntimeError("a lap was stopped that was never started")
        (began_at, began), self._began = self._began, None
        seconds = ended - began
        apart = ended_at - began_at - seconds
        slept = apart > APART_SECONDS + APART_SHARE * seconds
        return Lap(seconds, began_at, ended_at, slept)
