"""Process: one measured process in numbers, the unit of replication."""

from __future__ import annotations

from typing import NamedTuple


class Process(NamedTuple):
    """What the statistics need of one process."""

    seconds: float  # median of its laps, > 0, finite
    unit: str | None = None  # the physical machine; None: unknown, taken as one unit
    log_se: float | None = None  # standard error of log(seconds) within the run; None: a single lap
