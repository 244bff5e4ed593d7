"""Ways: which of several ways to do the work a hardware stands for, where its row does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from farm.choices import BATCH_SIZE
from farm.matrix.matrix import Matrix, MatrixCell, Row
from farm.render import units
from jobs.spec import LARGEST

# What else than memory ended the search for the largest batch size.
_LIMITS: Final[Mapping[str, str]] = {
    "samples": "the number of samples, not by memory",
    "time": "the time that the job had, not by memory",
    "error": "an error at a larger size, not by memory",
}


def way(matrix: Matrix, row: Row, cell: MatrixCell) -> str:
    """Return what a cell stands for, where its row holds several: ``at max 960, torch``.

    It is the batch size, and whatever the row's hardware differ in of what it is matched across;
    empty where the row says it all, or nothing was measured.
    """
    if cell.cell is None:
        return ""
    parts = []
    of_max = cell.cell.batch_size == LARGEST
    if matrix.best_batch or row.cell.batch_size == LARGEST:
        sizes = units.batch(cell.batch_sizes, largest=of_max and matrix.best_batch)
        parts += [sizes.removeprefix("at ")] if sizes else []
    if cell.readings:
        taken = [getattr(cell.cell, name) for name in _others(matrix) if is_mixed(row, name)]
        parts += [str(each) for each in taken if each is not None]
    return f"at {', '.join(parts)}" if parts else ""


def limited(cell: MatrixCell) -> str | None:
    """Say what limited the batch size `max` of a cell, where it was not memory; else None."""
    if cell.cell is None or cell.cell.batch_size != LARGEST:
        return None
    limits = {each.batch_limited_by or "memory" for each in cell.readings}
    said = {_LIMITS[by] for by in limits if by in _LIMITS}
    return f"its batch size is limited by {' and by '.join(sorted(said))}" if said else None


def mixed_rows(matrix: Matrix) -> dict[str, frozenset[int]]:
    """Return by property the numbers of the rows whose hardware differ in it."""
    rows = matrix.rows
    return {
        name: frozenset(at for at, row in enumerate(rows) if is_mixed(row, name))
        for name in _others(matrix)
    }


def is_mixed(row: Row, name: str) -> bool:
    """Return whether a row holds several values of a property: it says none, and its cells do."""
    if getattr(row.cell, name) is not None:
        return False
    cells = [cell.cell for cell in row.cells.values() if cell.cell is not None]
    return any(getattr(each, name) is not None for each in cells)


def _others(matrix: Matrix) -> list[str]:
    return [name for name in matrix.across if name != BATCH_SIZE]
