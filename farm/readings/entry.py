"""Entry: one job, as far as the matrix needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from farm.readings.reading import Reading
from jobs.spec import Cell, Scalar


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job: what it measures where, how it ended, and the numbers that came of it."""

    cell: Cell
    hardware: str
    repeat: int
    job: str = ""  # its id; empty of what is no job
    state: str  # one of the states that a job can have, see `CellState`
    epoch_seconds: float | None = None  # median over the laps of the process, scaled to an epoch
    samples_per_epoch: int | None = None  # None is unknown, and taken to be as the baseline's
    reason: str | None = None  # why it did not succeed
    reading: Reading | None = None  # None where nothing but the time is known
    # What it was measured under; equal conditions are one object.
    conditions: Mapping[str, Scalar | None] | None = None
