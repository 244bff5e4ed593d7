"""Metric: what a matrix shows of each cell, beside or instead of the speed-up."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from farm.choices import METRICS
from farm.matrix.cell import MatrixCell
from farm.matrix.peak import PRODUCT_OF, Peak
from farm.readings.reading import Reading
from farm.statistics.geometric import mean_over_units
from jobs.spec import Cell

__all__ = ["METRICS", "Value", "published_tflops", "value"]

SAMPLES, OPERATIONS = "samples", "flop"  # items; of products of matrices, the operations count


class Value(NamedTuple):
    """One number of one cell."""

    number: float | None
    mark: str | None = None  # how it came about, where numbers of unlike kinds meet
    item: str | None = None  # of `throughput`: what is counted


def value(
    metric: str, cell: MatrixCell, hardware: str, peaks: Mapping[tuple[str, str], Peak]
) -> Value:
    """Return a cell's value of a metric, from the processes that succeeded.

    - `seconds`: per epoch, or per task of work without epochs, the geometric mean of the processes'
      medians; of several machines of one name that of the machines' own means.
    - `throughput`: items a second, the same mean; samples, or what the workload counts instead. Of
      products of matrices it is floating-point operations. A lap of `train` holds its validation.
    - `latency`: seconds of one step of inference, waited for: the mean of the processes' medians.
    - `energy`: joules per epoch, the same mean; marked with how it was come by, and where several
      ways meet with the least trustworthy one.
    - `efficiency`: achieved ÷ published peak of float32 arithmetic, by `published_tflops`; none for
      any other precision, which has another peak.
    - `measured-efficiency`: achieved ÷ the best rate of matrix products on the same hardware, in
      the precision that the work's products have; marked with where that was measured.
    - `memory`: bytes at the peak, the highest of the processes; marked with whose memory it is.
    - `cold-start`: seconds of build, compile and first step, the median of the processes.
    """
    readings = cell.readings
    if metric == "seconds":
        return Value(cell.seconds)
    if metric == "throughput":
        return _throughput(readings)
    if metric == "latency":
        return Value(_mean(readings, lambda each: each.latency_seconds))
    if metric == "energy":
        kinds = sorted({each.energy_kind for each in readings if each.energy_kind}, key=_trust)
        parts = sorted({each.energy_part for each in readings if each.energy_part})
        mark = f"{kinds[-1]}, {' + '.join(parts)}" if kinds else None
        return Value(_mean(readings, lambda each: each.energy_joules), mark)
    if metric == "efficiency":
        peak = published_tflops().get(hardware) if _precision(cell.cell) == "float32" else None
        return Value(_share(readings, None if peak is None else peak * 1e12))
    if metric == "measured-efficiency":
        product = PRODUCT_OF.get(_precision(cell.cell) or "")
        found = None if product is None else peaks.get((hardware, product))
        share = _share(readings, None if found is None else found.flops_per_second)
        return Value(share, None if found is None or share is None else found.words)
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
    text = resources.files("farm.matrix").joinpath("published_hardware.csv").read_text()
    rows = csv.DictReader(text.splitlines())
    return {row["hardware"]: float(row["fp32_tflops"]) for row in rows if row["fp32_tflops"]}


def _precision(cell: Cell | None) -> str | None:
    return None if cell is None else cell.precision


def _throughput(readings: Sequence[Reading]) -> Value:
    items = {each.item or SAMPLES for each in readings}
    if len(items) != 1:  # none is measured, or its repeats do not count the same
        return Value(None)
    [item] = items
    if item == "products" and (rate := _mean(readings, lambda each: each.flops_per_second)):
        return Value(rate, item=OPERATIONS)
    return Value(_mean(readings, lambda each: each.items_per_second), item=item)


def _share(readings: Sequence[Reading], peak: float | None) -> float | None:
    rate = _mean(readings, lambda each: each.flops_per_second)
    return None if peak is None or rate is None else rate / peak


def _mean(
    readings: Sequence[Reading], number_of: Callable[[Reading], float | None]
) -> float | None:
    """Return the mean of that number; None unless every process has a value."""
    known = [(each.unit, number) for each in readings if (number := number_of(each))]
    if not known or len(known) < len(readings):
        return None
    return mean_over_units(known)


def _trust(kind: str) -> int:
    return ("counter", "sampled", "estimated", "nominal").index(kind)
