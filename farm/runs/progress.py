"""Progress: how far each hardware is with a run, and how long the rest may take. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from farm.runs.presence import Absence, Presence
from farm.store.store import JobRow
from jobs.result import Status
from workers.job_states import OPEN

STATES = (*OPEN, *(status.value for status in Status))


@dataclass(frozen=True, kw_only=True)
class HardwareProgress:
    """One hardware's part of a run."""

    hardware: str
    counts: dict[str, int]  # by state, every state
    seconds_left: float | None  # None while nothing has been measured yet, and while nobody is here
    absence: Absence | None = None  # of who could take its jobs; None: here, not needed, or unknown

    @property
    def jobs(self) -> int:
        """How many jobs it has."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many of them have ended, in whatever way."""
        return self.jobs - self.open

    @property
    def open(self) -> int:
        """How many of them have not ended."""
        return sum(self.counts[state] for state in OPEN)


def count(rows: Iterable[JobRow]) -> dict[str, int]:
    """Return the number of jobs in every state."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in STATES}


def by_hardware(
    rows: Sequence[JobRow], now: float, presence: Presence | None = None
) -> list[HardwareProgress]:
    """Return the progress of each hardware; `now` in seconds since the epoch.

    `presence` is who is here, None where there is no Redis to ask.
    """
    return [
        _of(hardware, [row for row in rows if row.hardware == hardware], now, presence)
        for hardware in sorted({row.hardware for row in rows})
    ]


def unserved(parts: Iterable[HardwareProgress]) -> dict[str, int]:
    """Return how many jobs wait for each hardware of which no worker is here."""
    return {part.hardware: part.open for part in parts if part.absence is not None}


def _of(
    hardware: str, rows: Sequence[JobRow], now: float, presence: Presence | None
) -> HardwareProgress:
    left = any(row.state in OPEN for row in rows)
    absence = presence.absence(hardware) if presence is not None and left else None
    return HardwareProgress(
        hardware=hardware,
        counts=count(rows),
        seconds_left=None if absence is not None else _seconds_left(rows, now),
        absence=absence,
    )


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
    # Of the time since the last one ended no more counts than one job takes: nothing else was done.
    return pace * left - min(max(0.0, now - last), pace)
