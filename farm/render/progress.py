"""Progress as lines of text."""

from __future__ import annotations

from collections.abc import Iterable

from farm.render.units import duration
from farm.runs.progress import HardwareProgress


def lines(parts: Iterable[HardwareProgress]) -> list[str]:
    """Return one line a hardware: ``p100: 12 of 36 done, 1 running, about 2 min left``."""
    return [f"{part.hardware}: {words(part)}" for part in parts]


def words(part: HardwareProgress) -> str:
    """Return one hardware's progress in words."""
    said = [f"{part.done} of {part.jobs} done"]
    said += [
        f"{count} {state.replace('_', ' ')}"
        for state, count in part.counts.items()
        if count and state not in ("queued", "succeeded")
    ]
    if left := time_left(part):
        said.append(left)
    return ", ".join(said)


def time_left(part: HardwareProgress) -> str:
    """Return the estimate in words, empty when there is none or nothing is left."""
    if part.done == part.jobs:
        return ""
    return "" if part.seconds_left is None else f"about {duration(part.seconds_left)} left"
