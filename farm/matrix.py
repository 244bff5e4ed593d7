"""Matrix: cells of work × hardware, each a speed-up over the baseline. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from farm.matrix_cell import (
    NOT_SUBMITTED,
    CellState,
    Entry,
    MatrixCell,
    compare,
    geometric_mean,
    pool,
)
from jobs.errors import FarmError, UnknownNameError
from jobs.spec import Cell

__all__ = ["CellState", "Entry", "Matrix", "MatrixCell", "Row", "Summary", "build"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell of work, and what every hardware came to."""

    cell: Cell
    cell_id: str
    cells: Mapping[str, MatrixCell]  # by hardware, every column of the matrix


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The speed-ups of one hardware, over the rows that it shares with the baseline."""

    minimum: float | None  # None, all three, when no row is shared
    geomean: float | None
    maximum: float | None
    cells: int  # rows with a speed-up
    of: int  # rows of the matrix


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Every cell of every hardware beside the baseline's."""

    baseline: str
    baseline_chosen: bool  # nobody named a baseline, so it is the first column
    hardware: tuple[str, ...]  # the columns, the baseline first
    rows: tuple[Row, ...]
    summary: Mapping[str, Summary]  # by hardware
    metric: str = "speedup"


def build(
    entries: Iterable[Entry], *, baseline: str | None, hardware: Sequence[str] = ()
) -> Matrix:
    """Return the matrix of these jobs.

    `hardware` orders the columns; hardware that it leaves out follows as first seen. Without a
    baseline the first column is it. Cells are equal when their ids are: the same work on synthetic
    and on real data makes two rows.

    Raises FarmError when there are no jobs, and UnknownNameError for a baseline that has no column.
    """
    jobs = list(entries)
    if not jobs:
        raise FarmError(
            "there is nothing to compare yet: no job of this run is known here. "
            "Submit a suite with `farm submit SUITE` and start `farm worker` on each machine; "
            "`farm status` says how far a run is."
        )
    columns = list(dict.fromkeys([*hardware, *(job.hardware for job in jobs)]))
    base = columns[0] if baseline is None else baseline
    if base not in columns:
        raise UnknownNameError("hardware", base, columns, "A baseline must be a column's name.")
    columns.remove(base)
    columns.insert(0, base)

    rows = tuple(_row(cell_id, jobs_of, columns) for cell_id, jobs_of in _by_cell(jobs).items())
    return Matrix(
        baseline=base,
        baseline_chosen=baseline is None,
        hardware=tuple(columns),
        rows=rows,
        summary={name: _summary(rows, name) for name in columns},
    )


def _by_cell(jobs: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Group jobs by the id of their cell, in the order of the rows."""
    # An id costs a digest, and the jobs of one cell usually share one object.
    ids: dict[int, str] = {}
    grouped: dict[str, list[Entry]] = {}
    for job in jobs:
        cell_id = ids.get(id(job.cell))
        if cell_id is None:
            cell_id = ids[id(job.cell)] = job.cell.id
        grouped.setdefault(cell_id, []).append(job)

    workloads = list(dict.fromkeys(job.cell.workload for job in jobs))
    rank = {name: index for index, name in enumerate(workloads)}
    order = {cell_id: _order(of[0].cell, rank) for cell_id, of in grouped.items()}
    return {cell_id: grouped[cell_id] for cell_id in sorted(grouped, key=order.__getitem__)}


def _order(cell: Cell, rank: Mapping[str, int]) -> tuple[Any, ...]:
    # Numbers go before texts, so that a sweep over numbers is in their order.
    parameters = tuple(
        (name, isinstance(value, str), value) for name, value in sorted(cell.parameters.items())
    )
    return (
        rank[cell.workload],
        cell.batch_size,
        cell.precision,
        cell.backend,
        cell.data,
        cell.mode,
        cell.optimizer,
        cell.epochs,
        cell.workload_version,
        parameters,
    )


def _row(cell_id: str, jobs: Sequence[Entry], columns: Sequence[str]) -> Row:
    by_hardware: dict[str, list[Entry]] = {}
    for job in jobs:
        by_hardware.setdefault(job.hardware, []).append(job)
    pooled = {
        name: pool(by_hardware[name]) if name in by_hardware else NOT_SUBMITTED for name in columns
    }
    baseline = columns[0]
    base = pooled[baseline]
    cells = {name: compare(cell, base, baseline) for name, cell in pooled.items()}
    return Row(cell=jobs[0].cell, cell_id=cell_id, cells=cells)


def _summary(rows: Sequence[Row], name: str) -> Summary:
    speedups = [ratio for row in rows if (ratio := row.cells[name].speedup) is not None]
    return Summary(
        minimum=min(speedups, default=None),
        geomean=geometric_mean(speedups) if speedups else None,
        maximum=max(speedups, default=None),
        cells=len(speedups),
        of=len(rows),
    )
