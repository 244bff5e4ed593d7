"""Times: what the clock says of one result, as lines of text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from farm.render import task, units
from farm.render.section import Pair
from farm.render.sparkline import sparkline
from jobs.result import Measurement
from jobs.spec import Cell
from jobs.telemetry import Telemetry
from jobs.trend import SMALLEST_WINDOW

_BARS = 56  # of a chart
_LAPS_LISTED = 40
_PERCENTILE_FROM = 100  # values, from which the 99th percentile is not just the longest
_WARMUP_ENDED = {
    "steady": "no trend was left",
    "cap": "its time was up",
    "fixed": "their number is fixed",
}
_STOPPED_BY = {
    "precision": "the interval of the median was narrow enough",
    "budget": "the time for measuring was used up",
    "epochs": "all epochs were done",
}


def pairs(cell: Cell, measured: Measurement, seen: Telemetry | None) -> list[Pair]:
    """Return what the clock says of one process, and the memory it took."""
    laps = measured.lap_seconds
    middle = statistics.median(laps)
    found: list[Pair] = [("laps", _counted(laps, measured.stopped_by, _STOPPED_BY, "stopped"))]
    found.append(("median", f"{units.seconds(middle)} a lap"))
    if len(laps) > 1:
        spread = f"{units.seconds(min(laps))} to {units.seconds(max(laps))}"
        low, _, high = statistics.quantiles(laps, n=4, method="inclusive")
        half = f"the middle half {units.seconds(low)} to {units.seconds(high)}"
        wide = units.percent((high - low) / middle) if middle else "?"
        found.append(("spread", f"{spread}; {half} ({wide})"))
    if measured.samples_per_epoch and measured.samples_per_lap:
        epoch = units.seconds(statistics.median(measured.epoch_seconds))
        of = task.of_cell(cell, measured.item).split()[0]
        many = measured.samples_per_epoch > 1
        counted = f" for {units.count(measured.samples_per_epoch, 'sample')}"
        found.append((of, epoch + (counted if many or of == task.EPOCH else "")))
    if steps := measured.step_seconds:
        each = units.count(measured.steps_per_lap or 0, "step")
        found.append(("step", f"{units.seconds(statistics.median(steps))}, {each} a lap"))
    if rates := measured.samples_per_second:
        each = units.count(measured.samples_per_lap or 0, "sample")
        found.append(("throughput", f"{_rate(measured, statistics.median(rates))}: {each} a lap"))
    if measured.latency_seconds:
        found.append(("latency", _latency(measured.latency_seconds)))
    warmup = measured.warmup_lap_seconds
    if warmup or measured.warmup_ended:
        said = _counted(warmup, measured.warmup_ended, _WARMUP_ENDED, "ended")
        if measured.warmup_ended == "cap" and len(warmup) >= SMALLEST_WINDOW:  # fewer show none
            said += ", with a trend still there"
        found.append(("warm-up", said + (f", {units.seconds(sum(warmup))}" if warmup else "")))
    for label, value in (
        ("cold start", measured.cold_start_seconds),
        ("learning", measured.learning_seconds),
        ("total", measured.total_seconds),
    ):
        found += [] if value is None else [(label, units.seconds(value))]
    of_host = (measured.peak_memory_bytes, seen.peak_host_bytes if seen else None)
    if peaks := [each for each in of_host if each is not None]:
        found.append(("memory", f"{units.size(max(peaks))}, host, at its peak"))
    return found


def _rate(measured: Measurement, samples_per_second: float) -> str:
    if measured.item == "products" and measured.flops_per_sample:
        return units.throughput(samples_per_second * measured.flops_per_sample, "flop")
    if measured.item in (None, "samples") or measured.items_per_sample is None:
        return units.rate(samples_per_second)
    return units.throughput(samples_per_second * measured.items_per_sample, measured.item)


def _latency(seconds: Sequence[float]) -> str:
    """Say how long single passes took: the median, and what 99 % did not exceed (nearest rank)."""
    ordered = sorted(seconds)
    count = units.count(len(ordered), "single pass", "single passes")
    middle = units.seconds(statistics.median(ordered))
    late = units.seconds(ordered[math.ceil(0.99 * len(ordered)) - 1])
    said = f"99 % took at most {late}" if len(ordered) >= _PERCENTILE_FROM else f"at most {late}"
    return f"{middle}, the median of {count}, each waited for; {said}"


def _counted(laps: Sequence[float], reason: str | None, words: Mapping[str, str], verb: str) -> str:
    return units.count(len(laps), "lap") + (f"; {verb} because {words[reason]}" if reason else "")


def laps(measured: Measurement, width: int) -> str:
    """Return a chart of the laps that count, and the numbers of all, the warm-up's in brackets."""
    chart = sparkline(measured.lap_seconds, _BARS) if len(measured.lap_seconds) > 1 else ""
    texts = [f"({units.significant(lap, 4)})" for lap in measured.warmup_lap_seconds]
    texts += [units.significant(lap, 4) for lap in measured.lap_seconds]
    left = len(texts) - _LAPS_LISTED
    column = max(map(len, texts[:_LAPS_LISTED]))
    a_line = max((width - 2) // (column + 2), 1)
    shown = [text.rjust(column) for text in texts[:_LAPS_LISTED]]
    rows = ["  ".join(shown[at : at + a_line]) for at in range(0, len(shown), a_line)]
    more = [f"and {left:,} more; --json has them all"] if left > 0 else []
    bracketed = bool(measured.warmup_lap_seconds)
    note = ["(in brackets: warm-up, which no statistic counts)"] if bracketed else []
    return "\n".join(part for part in (chart, *rows, *more, *note) if part)
