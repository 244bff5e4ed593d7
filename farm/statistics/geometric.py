"""The geometric mean, plain and over the physical machines of one name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def geometric_mean(values: Sequence[float]) -> float:
    """Return exp(mean(log)) of positive values, whatever their order; of one value, itself."""
    if len(values) == 1:
        return values[0]
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def mean_over_units(processes: Iterable[tuple[str | None, float]]) -> float:
    """Return the geometric mean over units of each one's mean, from (unit, positive value) pairs.

    Where a process does not say its unit, all are taken as one.
    """
    pairs = list(processes)
    if any(unit is None for unit, _ in pairs):
        return geometric_mean([value for _, value in pairs])
    by_unit: dict[str | None, list[float]] = {}
    for unit, value in pairs:
        by_unit.setdefault(unit, []).append(value)
    return geometric_mean([geometric_mean(of) for of in by_unit.values()])
