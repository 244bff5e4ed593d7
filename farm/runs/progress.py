"""Progress: how far each hardware is with a run, and how long the rest may take. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from farm.store.store import JobRow
from jobs.result import Status
from workers.job_states import OPEN

STATES = (*OPEN, *(status.value for status in Status))


@dataclass(frozen=True, kw_only=True)
class HardwareProgress:
    """One hardware's part of a run."""

    hardware: str
    counts: dict[str, int]  # by state, every state
    seconds_left: float | None  # None while nothing has been measured yet

    @property
    def jobs(self) -> int:
        """How many jobs it has."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many of them have ended, in whatever way."""
        return self.jobs - sum(self.counts[state] for state in OPEN)


def count(rows: Iterable[JobRow]) -> dict[str, int]:
    """Return the number of jobs in every state."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in STATES}


def by_hardware(rows: Sequence[JobRow], now: float) -> list[HardwareProgress]:
    """Return the progress of each hardware; `now` in seconds since the epoch."""
    return [
        HardwareProgress(
            hardware=hardware,
            counts=count(own := [row for row in rows if row.hardware == hardware]),
            seconds_left=_seconds_left(own, now),
        )
        for hardware in sorted({row.hardware for row in rows})
    ]


def _seconds_left(rows: Sequence[JobRow], now: float) -> float | None:
    """Estimate by the pace so far, waiting for other workers of the machine included.

    The jobs go round by round, so those done are a fair sample of those left.
    """
    left = sum(row.state in OPEN for row in rows)
    ended = [
        row
        for row in rows
        if row.started_at is not None
        and row.finished_at is not None
        and row.started_at < row.finished_at  # what was never sent says nothing of the pace
    ]
    if not left:
        return 0.0
    if not ended:
        return None
    began = min(row.started_at for row in ended if row.started_at is not None)
    last = max(row.finished_at for row in ended if row.finished_at is not None)
    pace = (last - began) / len(ended)
    return max(0.0, pace * left - max(0.0, now - last))
