"""The metrics of a matrix other than the speed-up: their units, and what they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from farm.matrix.matrix import CellState, Matrix, MatrixCell, Row
from farm.matrix.peak import WORKLOAD
from farm.render import task, units
from farm.statistics.geometric import geometric_mean


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How one metric is written."""

    what: str  # one line for the caption; {unit} is what a time is of: epoch, lap, …
    text: Callable[[float], str]
    better: str  # which way is good


SHOWN: Final = {
    "seconds": Shown(what="time per {unit}", text=units.seconds, better="less is better"),
    "throughput": Shown(what="throughput", text=units.rate, better="more is better"),
    "latency": Shown(
        what="latency: one batch at a time through the network, each waited for; the median",
        text=units.seconds,
        better="less is better",
    ),
    "energy": Shown(what="energy per {unit}", text=units.joules, better="less is better"),
    "efficiency": Shown(
        what="efficiency = arithmetic achieved ÷ the published peak of float32",
        text=units.percent,
        better="more is better",
    ),
    "measured-efficiency": Shown(
        what="efficiency = arithmetic achieved ÷ the best that matmul reached on the same hardware",
        text=units.percent,
        better="more is better",
    ),
    "memory": Shown(what="memory at its peak", text=units.size, better="less is better"),
    "cold-start": Shown(
        what="cold start: build, compile and the first step",
        text=units.seconds,
        better="less is better",
    ),
}
OF_TASKS: Final = ("seconds", "energy")  # each of an epoch, or of one task
EFFICIENCIES: Final = ("efficiency", "measured-efficiency")
# Of throughput, by what is counted.
_COUNTED = {
    "bytes": "bytes a second; GB are 10⁹ bytes",
    "flop": "floating-point operations a second; TFLOPS are 10¹² of them",
    "video seconds": "how many times as fast as the video plays",
}
_MARKS = {
    "counter": "by the device's own counter",
    "sampled": "from power readings, integrated over time",
    "estimated": "estimated by a model of the device, not measured",
    "nominal": "the power that the maker states × time, not measured",
}
_OWNERS = {
    "gpu": "of the GPU, everybody's on it",
    "host": "resident in the host, of the process and all that it started",
}


@dataclass(frozen=True)
class Column:
    """The values of one hardware, over the cells that it shares with the baseline."""

    minimum: float | None
    geomean: float | None
    maximum: float | None
    cells: int
    baseline: float | None  # the baseline's geometric mean over the same cells
    baseline_cells: int  # of the baseline's own
    item: str | None = None  # what the values count


def column(rows: Sequence[Row], name: str, baseline: str, metric: str) -> Column:
    """Sum up the values of a hardware over the rows where it and the baseline have one that counts.

    There is no geometric mean where a value is not positive, and nothing but the number of cells
    where they count unlike things, or are of unlike tasks. An efficiency is a network's: products
    of matrices, which it is measured against, take part only where there is nothing else.
    """
    if metric in EFFICIENCIES:
        rows = [row for row in rows if row.cell.workload != WORKLOAD] or rows
    base = [row for row in rows if counts(row.cells[baseline])]
    shared = [row for row in base if counts(row.cells[name])]
    values = _values(shared, name)
    items = {row.cells[each].item for row in shared for each in (name, baseline)}
    if len(items) > 1 or (metric in OF_TASKS and len(task.kinds(shared)) > 1):
        return Column(None, None, None, len(values), None, len(base))
    return Column(
        minimum=min(values, default=None),
        geomean=_geomean(values),
        maximum=max(values, default=None),
        cells=len(values),
        baseline=_geomean(_values(shared, baseline)),
        baseline_cells=len(base),
        item=next(iter(items), None),
    )


def has_products_beside(matrix: Matrix) -> bool:
    """Return whether products of matrices stand beside other work: then no mean takes them in."""
    products = {row.cell.workload == WORKLOAD for row in matrix.rows}
    return len(products) == 2


def counts(cell: MatrixCell) -> bool:
    """Return whether a cell has a value that takes part in a summary."""
    known = cell.value is not None and math.isfinite(cell.value)
    return known and cell.status is CellState.SUCCEEDED


def _values(rows: Sequence[Row], name: str) -> list[float]:
    return [value for row in rows if (value := row.cells[name].value) is not None]


def _geomean(values: Sequence[float]) -> float | None:
    return geometric_mean(values) if values and min(values) > 0 else None


def items(matrix: Matrix) -> list[str]:
    """Return what the values of a throughput count, each once, in the order of the rows."""
    cells = (cell for row in matrix.rows for cell in row.cells.values())
    return list(dict.fromkeys(cell.item or "samples" for cell in cells if cell.value is not None))


def what(matrix: Matrix) -> str | None:
    """Say what a throughput counts, in words for the caption; None for other metrics."""
    if matrix.metric != "throughput":
        return None
    found = items(matrix)
    if len(found) < 2:
        item = next(iter(found), "samples")
        trained = all(row.cell.mode in ("train", None) for row in matrix.rows)
        plain = f"{'training ' if trained and item == 'samples' else ''}{item} a second"
        return _COUNTED.get(item, plain)
    said = [_COUNTED[item].replace(";", ",") for item in found if item in _COUNTED]
    more = f" ({'; '.join(said)})" if said else ""
    return f"throughput, by what each workload counts{more}; no means over unlike ones"


def text(value: float | None, metric: str, item: str | None, *, alone: bool = True) -> str | None:
    """Write a value with its unit; None where there is no number.

    `alone` says that nothing else is counted in the matrix, so that the caption can name it.
    """
    if value is None or not math.isfinite(value):
        return None
    if metric != "throughput" or (alone and item not in _COUNTED):
        return SHOWN[metric].text(value)
    return units.throughput(value, item or "samples")


def marks(matrix: Matrix, name: str | None = None) -> list[str]:
    """Return the ways in which the values of a hardware, or of all, came about, each once."""
    found = {
        cell.mark
        for row in matrix.rows
        for cell in ([row.cells[name]] if name else row.cells.values())
        if cell.mark and cell.value is not None
    }
    return sorted(found)


def mark_words(metric: str, mark: str) -> str:
    """Say what a mark means: ``counter, gpu: by the device's own counter``."""
    if metric == "memory":
        owners = [_OWNERS[part] for part in mark.split(" + ") if part in _OWNERS]
        return f"{mark}: {'; '.join(owners)}" if owners else mark
    kind = mark.partition(",")[0]
    return f"{mark}: {_MARKS[kind]}" if kind in _MARKS else mark
