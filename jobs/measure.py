"""Laps: what the clock says of the blocks of work that a measurement is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.errors import JobError
from jobs.stopwatch import Lap, Stopwatch
from jobs.workload import Clock


@dataclass
class Laps:
    """Times successive laps with the given clock; the first is a warm-up when there are others.

    The first lap of a training run holds what runs only once (allocator growth, autotuning, the
    compilation of a last, smaller batch), so it is kept apart, not averaged in. A lap in which the
    machine slept (see `jobs.stopwatch`) is left out; an epoch cannot be trained again.
    """

    clock: Clock
    wall_clock: Clock  # seconds since the epoch
    finished: bool = False  # whoever asks for so many laps ends them
    _laps: list[Lap] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopwatch = Stopwatch(self.clock, self.wall_clock)

    def start(self) -> None:
        """Begin a lap; the device has nothing left to do."""
        self._stopwatch.start()

    def stop(self) -> None:
        """End the lap begun last; the device has finished its work."""
        self._laps.append(self._stopwatch.stop())

    @property
    def discarded(self) -> int:
        """How many laps were left out."""
        return sum(lap.slept for lap in self._laps)

    @property
    def warmup(self) -> tuple[float, ...]:
        """Seconds of the laps that are kept out of every statistic."""
        first = self._laps[: self._warmup_count]
        return tuple(lap.seconds for lap in first if not lap.slept)

    @property
    def measured(self) -> tuple[float, ...]:
        """Seconds of the laps that count."""
        return tuple(lap.seconds for lap in self._counting)

    @property
    def window(self) -> tuple[float, float]:
        """When the laps that count began and ended, in seconds since the epoch."""
        counting = self._counting
        return counting[0].began_at, counting[-1].ended_at

    @property
    def _counting(self) -> list[Lap]:
        counting = [lap for lap in self._laps[self._warmup_count :] if not lap.slept]
        if self._laps and not counting:
            raise JobError(
                "the machine slept, or its clock was set, in every epoch that counts, so nothing "
                "was measured; keep the machine awake"
            )
        return counting

    @property
    def _warmup_count(self) -> int:
        return 1 if len(self._laps) > 1 else 0
