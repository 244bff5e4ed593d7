"""Laps: what the clock says of the blocks of work that a measurement is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.workload import Clock


@dataclass
class Laps:
    """Times successive laps with the given clock; the first is a warm-up when there are others.

    The first lap of a training run holds what runs only once (allocator growth, autotuning, the
    compilation of a last, smaller batch), so it is kept apart, not averaged in.
    """

    clock: Clock
    wall_clock: Clock  # seconds since the epoch
    seconds: list[float] = field(default_factory=list)
    finished: bool = False  # whoever asks for so many laps ends them
    _started: float | None = None
    _windows: list[tuple[float, float]] = field(default_factory=list)
    _began: float = 0.0

    def start(self) -> None:
        """Begin a lap; the device has nothing left to do."""
        self._began = self.wall_clock()
        self._started = self.clock()

    def stop(self) -> None:
        """End the lap begun last; the device has finished its work."""
        ended = self.clock()
        if self._started is None:
            raise RuntimeError("a lap was stopped that was never started")
        self.seconds.append(ended - self._started)
        self._windows.append((self._began, self.wall_clock()))
        self._started = None

    @property
    def warmup(self) -> tuple[float, ...]:
        """Seconds of the laps that are kept out of every statistic."""
        return tuple(self.seconds[: self._warmup_count])

    @property
    def measured(self) -> tuple[float, ...]:
        """Seconds of the laps that count."""
        return tuple(self.seconds[self._warmup_count :])

    @property
    def window(self) -> tuple[float, float]:
        """When the laps that count began and ended, in seconds since the epoch."""
        counting = self._windows[self._warmup_count :]
        return counting[0][0], counting[-1][1]

    @property
    def _warmup_count(self) -> int:
        return 1 if len(self.seconds) > 1 else 0
