"""Metric: what a matrix shows of each cell, beside or instead of the speed-up."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from farm.geometric import mean_over_units
from farm.reading import Reading

METRICS: Final = (
    "speedup",
    "seconds",
    "throughput",
    "energy",
    "efficiency",
    "memory",
    "cold-start",
)


class Value(NamedTuple):
    """One number of one cell."""

    number: float | None
    mark: str | None = None  # how it came about, where numbers of unlike kinds meet


def value(metric: str, seconds: float | None, readings: Sequence[Reading], hardware: str) -> Value:
    """Return a cell's value of a metric, from the processes that succeeded.

    - `seconds`: per epoch, the geometric mean of the processes' medians; of several machines of one
      name that of the machines' own means.
    - `throughput`: training samples a second, the same mean. A lap of `train` holds its validation.
    - `energy`: joules per epoch, the same mean; marked with how it was come by, and where several
      ways meet with the least trustworthy one.
    - `efficiency`: achieved ÷ published peak of float32 arithmetic, by `published_tflops`; none for
      tf32, which has another peak.
    - `memory`: bytes at the peak, the highest of the processes; marked with whose memory it is.
    - `cold-start`: seconds of build, compile and first step, the median of the processes.
    """
    if metric == "seconds":
        return Value(seconds)
    if metric == "throughput":
        return Value(_mean(readings, "samples_per_second"))
    if metric == "energy":
        kinds = sorted({each.energy_kind for each in readings if each.energy_kind}, key=_trust)
        parts = sorted({each.energy_part for each in readings if each.energy_part})
        mark = f"{kinds[-1]}, {' + '.join(parts)}" if kinds else None
        return Value(_mean(readings, "energy_joules"), mark)
    if metric == "efficiency":
        peak = published_tflops().get(hardware)
        rate = _mean(readings, "flops_per_second")
        return Value(None if peak is None or rate is None else rate / (peak * 1e12))
    if metric == "memory":
        sizes = [each.memory_bytes for each in readings if each.memory_bytes is not None]
        owners = sorted({each.memory_of for each in readings if each.memory_of})
        return Value(max(sizes, default=None), " + ".join(owners) or None)
    if metric == "cold-start":
        starts = [e.cold_start_seconds for e in readings if e.cold_start_seconds is not None]
        return Value(statistics.median(starts) if starts else None)
    return Value(None)


@cache
def published_tflops() -> dict[str, float]:
    """Return the published peak of float32 arithmetic by hardware name, in TFLOPS.

    The source of each stands in `published_hardware.csv` beside this file.
    """
    text = resources.files("farm").joinpath("published_hardware.csv").read_text()
    rows = csv.DictReader(text.splitlines())
    return {row["hardware"]: float(row["fp32_tflops"]) for row in rows if row["fp32_tflops"]}


def _mean(readings: Sequence[Reading], name: str) -> float | None:
    """Return the mean of that field; None unless every process has a value."""
    known = [(each.unit, number) for each in readings if (number := getattr(each, name))]
    if not known or len(known) < len(readings):
        return None
    return mean_over_units(known)


def _trust(kind: str) -> int:
    return ("counter", "sampled", "estimated", "nominal").index(kind)
