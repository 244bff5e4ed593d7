"""Gaps: why measured cells have no value of a matrix's metric, and what would give them one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from farm.matrix.matrix import CellState, Matrix, MatrixCell
from farm.matrix.peak import PRODUCT_OF

_COUNTED = (CellState.SUCCEEDED, CellState.INVALID)

NO_PEAK, NO_ARITHMETIC = "no published peak", "no arithmetic is counted"
_OTHER_PRECISION = "of another precision than the published float32"
_OF_MATMUL = "`farm submit peak` measures it there, by matmul"
_INSTEAD = (
    "`--metric measured-efficiency` needs no published peak, `--metric throughput` none at all"
)

# What to do where a metric has no number, by the metric; of the efficiencies by the reason.
_REMEDIES: Mapping[str, str] = {
    "throughput": "imported measurements say it by the column `samples`",
    "latency": "`mode: infer` in the suite measures it, other work has none",
    "energy": "no meter was read there; `farm doctor --sensors` lists a machine's sensors",
    "memory": "imported measurements say it by the column `peak_memory_bytes`",
    "cold-start": "imported measurements say it by the column `cold_start_seconds`",
}


def gaps(matrix: Matrix) -> list[tuple[str, dict[str, list[str]], str]]:
    """Return what is lacking, the reasons of the cells by hardware, and what to do.

    A reason is empty where what is lacking says it all. Nothing is returned of the speed-up, whose
    cells say themselves why they have none.
    """
    if matrix.metric == "measured-efficiency":
        return _of_measured_efficiency(matrix)
    found = _by_hardware(matrix)
    if matrix.metric == "speedup" or not found:
        return []
    if matrix.metric != "efficiency":
        remedy = _REMEDIES.get(matrix.metric, "`farm show` leads to what was recorded")
        what = f"no {matrix.metric.replace('-', ' ')}"
        return [(what, {name: [""] * len(cells) for name, cells in found.items()}, remedy)]
    reasons = {name: [_lacking(cell) for cell in of] for name, of in found.items()}
    return [("no efficiency", reasons, _INSTEAD)]


def _of_measured_efficiency(matrix: Matrix) -> list[tuple[str, dict[str, list[str]], str]]:
    """Tell the cells that lack nothing but a peak from those whose arithmetic nobody counts."""
    peaks: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for name, cells in _by_hardware(matrix).items():
        for cell in cells:
            precision = cell.cell.precision if cell.cell else None
            product = PRODUCT_OF.get(precision or "")
            if _has_arithmetic(cell) and product:
                peaks.setdefault(name, []).append(product)
            else:
                why = (
                    f"no product of {precision or 'an unknown precision'}"
                    if _has_arithmetic(cell)
                    else NO_ARITHMETIC
                )
                others.setdefault(name, []).append(why)
    found = []
    if peaks:
        found.append(("no measured peak", peaks, _OF_MATMUL))
    if others:
        found.append(("no efficiency", others, "`--metric throughput` sets such work side by side"))
    return found


def _lacking(cell: MatrixCell) -> str:
    if not _has_arithmetic(cell):
        return NO_ARITHMETIC
    precision = cell.cell.precision if cell.cell else None
    return _OTHER_PRECISION if precision != "float32" else NO_PEAK


def _has_arithmetic(cell: MatrixCell) -> bool:
    return bool(cell.readings) and all(each.flops_per_second for each in cell.readings)


def _by_hardware(matrix: Matrix) -> dict[str, list[MatrixCell]]:
    found = {name: list(_empty(matrix, name)) for name in matrix.hardware}
    return {name: cells for name, cells in found.items() if cells}


def _empty(matrix: Matrix, name: str) -> Iterator[MatrixCell]:
    for row in matrix.rows:
        cell = row.cells[name]
        if cell.status in _COUNTED and cell.value is None:
            yield cell
