"""Task: what a time or an energy is of, as the work of a row is done by the epoch or otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from farm.matrix.matrix import CellState, Matrix, MatrixCell, Row
from farm.render import units
from jobs.spec import Cell

LAP: Final = "lap"
EPOCH: Final = "epoch"
_PASS: Final = "pass over the test samples"
# By what is counted, of work without epochs.
_OF_ITEM: Final[Mapping[str | None, str]] = {
    "products": "product",
    "bytes": "pass over the arrays",
    "frames": "export",
    "video seconds": "export",
}


def of_cell(cell: Cell, item: str | None) -> str:
    """Return what an epoch of this work is: an epoch, a product, an export, …"""
    if cell.mode == "infer":
        return _PASS
    if cell.mode == "run" or cell.protocol == "once":
        return _OF_ITEM.get(item, "task")
    return EPOCH


def of_matrix(matrix: Matrix) -> str:
    """Return what a time is of: an epoch, or a number of samples, or a lap; or what else there is.

    Where no epoch is known, laps of unlike sizes were put on one number of samples in each row.
    Tasks that not every row has are followed by the workloads that have them.
    """
    found: dict[str, list[str]] = {}
    for row in matrix.rows:
        if (unit := _of_row(row)) is not None:
            whose = row.cell.mode if row.cell.mode == "infer" else row.cell.workload
            found.setdefault(unit, []).append(whose or "")
    tasks = {unit: names for unit, names in found.items() if unit in _TASKS}
    plain = _of_laps([unit for unit in found if unit not in tasks])
    if len(tasks) == 1 and plain is None:
        return next(iter(tasks))
    said = [f"{unit} ({', '.join(dict.fromkeys(names))})" for unit, names in tasks.items()]
    parts = [plain, *said] if plain is not None else said
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or LAP


def kinds(rows: Iterable[Row]) -> frozenset[str]:
    """Return the tasks of these rows, which times and energies are of; epochs and laps are one."""
    found = {unit for row in rows if (unit := _of_row(row)) is not None}
    return frozenset(unit if unit in _TASKS else EPOCH for unit in found)


_TASKS = frozenset({_PASS, "task", *_OF_ITEM.values()})


def _of_laps(found: Sequence[str]) -> str | None:
    if len(found) < 2:
        return next(iter(found), None)
    if EPOCH in found:
        return "epoch where one is known, else per lap"
    return LAP if LAP in found else "lap, all of a row on one number of samples"


def _of_row(row: Row) -> str | None:
    cells = [cell for cell in row.cells.values() if is_measured(cell)]
    if any(cell.samples_per_epoch for cell in cells):
        items = {each.item for cell in cells for each in cell.readings if each.item}
        return of_cell(row.cell, next(iter(sorted(items)), None))
    samples = {each.samples for cell in cells for each in cell.readings}
    if not cells:
        return None
    known = samples.pop() if len(samples) == 1 else None
    return LAP if known is None else f"{units.count(known, 'sample')} trained on"


def is_measured(cell: MatrixCell) -> bool:
    """Return whether a cell has a time that was compared."""
    return cell.seconds is not None and cell.status is not CellState.INCOMPARABLE
