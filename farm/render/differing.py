"""What the columns of a matrix differ in from the baseline, said as seldom as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farm.matrix.matrix import CellState, Matrix, MatrixCell, Row

_MOST = 4  # things said of one difference; the rest is counted


@dataclass(frozen=True, kw_only=True)
class Differing:
    """Differences that hold for a whole column, and what is left to say of single cells."""

    baseline: str
    throughout: dict[str, tuple[str, ...]]  # by hardware: in every cell with a speed-up
    asked: tuple[str, ...]  # how differences begin that were asked for, and stand in the cells
    remarks: tuple[str, ...]  # the same in words; columns with equal differences share one

    def of_cell(self, cell: MatrixCell, name: str) -> str | None:
        """Return what a cell differs in beyond its column, in words; None when in nothing."""
        common = self.throughout.get(name, ())
        own = [
            each for each in cell.differs if each not in common and not each.startswith(self.asked)
        ]
        if not own or not _counts(cell):
            return None
        also = "also " if common else ""
        return f"{also}differs from {self.baseline}: {_listed(own, self.baseline, name)}"


def differing(matrix: Matrix) -> Differing:
    """Find what all cells of a column differ in alike."""
    asked = asked_for(matrix)
    found = {
        name: tuple(e for e in _throughout(matrix.rows, name) if not e.startswith(asked))
        for name in matrix.hardware
        if name != matrix.baseline
    }
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, common in found.items():
        if common:
            alike.setdefault(common, []).append(name)
    return Differing(
        baseline=matrix.baseline,
        throughout=found,
        asked=asked,
        remarks=tuple(
            f"{_names(names)} from {matrix.baseline} in every cell: "
            f"{_listed(common, matrix.baseline, names[0])}"
            for common, names in alike.items()
        ),
    )


def asked_for(matrix: Matrix) -> tuple[str, ...]:
    """Return how differences begin that every cell says by itself: of the batch size, if asked."""
    return ("batch size:",) if matrix.best_batch else ()


def _throughout(rows: Sequence[Row], name: str) -> tuple[str, ...]:
    cells = [row.cells[name] for row in rows if _counts(row.cells[name])]
    if not cells:
        return ()
    shared = set(cells[0].differs).intersection(*(cell.differs for cell in cells))
    return tuple(each for each in cells[0].differs if each in shared)


def _counts(cell: MatrixCell) -> bool:
    return cell.status in (CellState.SUCCEEDED, CellState.INVALID) and cell.seconds is not None


def _names(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} differs"
    return f"{', '.join(names[:-1])} and {names[-1]} differ"


def _listed(phrases: Sequence[str], baseline: str, name: str) -> str:
    said = "; ".join(phrases[:_MOST])
    if len(phrases) <= _MOST:
        return said
    return f"{said}; and {len(phrases) - _MOST} more (farm diff {baseline} {name})"
