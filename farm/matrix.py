"""Matrix: cells of work × hardware, each a speed-up over the baseline. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from farm import metric as metrics
from farm import statistics
from farm.entry import Entry
from farm.geometric import geometric_mean
from farm.matrix_cell import NOT_SUBMITTED, CellState, MatrixCell, pool
from farm.process import Process
from farm.verdict import Verdicts
from jobs.errors import FarmError, UnknownNameError
from jobs.spec import Cell

__all__ = ["CellState", "Entry", "Group", "Matrix", "MatrixCell", "Row", "Summary", "build"]

# What rows may be matched across, so that a Mac's PyTorch stands beside a P100's TensorFlow.
ACROSS = ("backend", "precision", "optimizer")


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
    low: float | None  # of the geometric mean's 95 % interval
    high: float | None
    within_run: bool  # the interval rests on single processes
    cells: int  # rows with a speed-up that counts
    of: int  # rows of the matrix
    invalid: int  # rows left out because the network did not learn


@dataclass(frozen=True, kw_only=True)
class Group:
    """The rows of one workload, or of one batch size, summed up."""

    name: str
    summary: Mapping[str, Summary]  # by hardware


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Every cell of every hardware beside the baseline's."""

    baseline: str
    baseline_chosen: bool  # nobody named a baseline, so it is the first column
    hardware: tuple[str, ...]  # the columns, the baseline first
    rows: tuple[Row, ...]
    summary: Mapping[str, Summary]  # by hardware
    metric: str = "speedup"
    across: tuple[str, ...] = ()  # what cells of one row may differ in; None in the row's cell then
    by: str | None = None  # what the groups have in common: workload or batch_size
    groups: tuple[Group, ...] = ()


def build(
    entries: Iterable[Entry],
    *,
    baseline: str | None,
    hardware: Sequence[str] = (),
    metric: str = "speedup",
    by: str | None = None,
    across: Collection[str] = (),
    strict: bool = False,
    intervals: bool = True,
) -> Matrix:
    """Return the matrix of these jobs.

    `hardware` orders the columns; hardware that it leaves out follows as first seen. Without a
    baseline the first column is it. Cells are equal when their ids are: the same work on synthetic
    and on real data makes two rows. `across` (some of `ACROSS`) matches cells that differ in these;
    a hardware that was measured in several ways is then represented by its fastest. `strict` drops
    cells that differ from the baseline's in anything that changes the work. `by` (``workload`` or
    ``batch_size``) sums the rows up in groups. Intervals are `farm.statistics`', at 95 %.

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

    verdicts = Verdicts(base, strict=strict)
    rows = [
        _row(cell_id, jobs_of, columns, verdicts, across)
        for cell_id, jobs_of in _by_cell(jobs, across).items()
    ]
    if intervals:
        rows = _with_intervals(rows, base)
    if metric != "speedup":
        rows = [_with_values(row, metric) for row in rows]
    return Matrix(
        baseline=base,
        baseline_chosen=baseline is None,
        hardware=tuple(columns),
        rows=tuple(rows),
        summary=_summaries(rows, columns, intervals=intervals),
        metric=metric,
        across=tuple(across),
        by=by,
        groups=tuple(
            Group(name=name, summary=_summaries(of, columns, intervals=intervals))
            for name, of in (_grouped(rows, by) if by else {}).items()
        ),
    )


def _by_cell(jobs: Sequence[Entry], across: Collection[str]) -> dict[str, list[Entry]]:
    """Group jobs by the id of their cell, less what is matched across, in the order of the rows."""
    # An id costs a digest, and the jobs of one cell usually share one object.
    ids: dict[int, str] = {}
    grouped: dict[str, list[Entry]] = {}
    for job in jobs:
        cell_id = ids.get(id(job.cell))
        if cell_id is None:
            alike = job.cell.model_copy(update=dict.fromkeys(across)) if across else job.cell
            cell_id = ids[id(job.cell)] = alike.id
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
        *map(str, (cell.precision, cell.backend, cell.data, cell.mode, cell.protocol)),
        *map(str, (cell.data_pipeline, cell.optimizer)),
        cell.epochs or 0,
        cell.workload_version or 0,
        parameters,
    )


def _row(
    cell_id: str,
    jobs: Sequence[Entry],
    columns: Sequence[str],
    verdicts: Verdicts,
    across: Collection[str],
) -> Row:
    by_hardware: dict[str, list[Entry]] = {}
    for job in jobs:
        by_hardware.setdefault(job.hardware, []).append(job)
    chosen = {name: _chosen(of, across) for name, of in by_hardware.items()}
    pooled = {name: chosen[name][1] if name in chosen else NOT_SUBMITTED for name in columns}
    cell = jobs[0].cell
    if across:
        said = {name: {getattr(way, name) for way, _ in chosen.values()} for name in across}
        alike = {name: of.pop() if len(of) == 1 else None for name, of in said.items()}
        cell = cell.model_copy(update=alike)
    return Row(cell=cell, cell_id=cell_id, cells=verdicts.row(pooled))


def _chosen(jobs: Sequence[Entry], across: Collection[str]) -> tuple[Cell, MatrixCell]:
    """Pool the jobs of one hardware; of several ways to do the work, take the fastest."""
    if not across:
        return jobs[0].cell, pool(jobs)
    ways: dict[tuple[object, ...], list[Entry]] = {}
    for job in jobs:
        ways.setdefault(tuple(getattr(job.cell, name) for name in across), []).append(job)
    pooled = [(way[0].cell, pool(way)) for way in ways.values()]
    return min(
        pooled,
        key=lambda each: (each[1].status is not CellState.SUCCEEDED, each[1].seconds or math.inf),
    )


def _with_intervals(rows: Sequence[Row], baseline: str) -> list[Row]:
    found = statistics.speedups([_processes(row) for row in rows], baseline)
    done = []
    for row, intervals in zip(rows, found, strict=True):
        cells = dict(row.cells)
        for name, interval in intervals.items():
            if interval is not None and cells[name].speedup is not None:
                cells[name] = replace(
                    cells[name],
                    low=interval.low,
                    high=interval.high,
                    within_run=interval.within_run,
                )
        done.append(replace(row, cells=cells))
    return done


def _processes(row: Row) -> dict[str, list[Process]]:
    return {
        name: cell.processes for name, cell in row.cells.items() if cell.speedup and cell.processes
    }


def _with_values(row: Row, metric: str) -> Row:
    cells = {}
    for name, cell in row.cells.items():
        number, mark = metrics.value(metric, cell.seconds, cell.readings, name)
        cells[name] = replace(cell, value=number, mark=mark)
    return replace(row, cells=cells)


def _grouped(rows: Sequence[Row], by: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(getattr(row.cell, by)), []).append(row)
    return groups


def _summaries(
    rows: Sequence[Row], columns: Sequence[str], *, intervals: bool
) -> dict[str, Summary]:
    means: Mapping[str, statistics.Interval | None] = {}
    if intervals:
        means = statistics.geometric_means([_processes(row) for row in rows], columns[0])
    return {name: _summary(rows, name, means.get(name)) for name in columns}


def _summary(rows: Sequence[Row], name: str, interval: statistics.Interval | None) -> Summary:
    cells = [row.cells[name] for row in rows]
    speedups = [
        cell.speedup
        for cell in cells
        if cell.speedup is not None and cell.status is CellState.SUCCEEDED
    ]
    return Summary(
        minimum=min(speedups, default=None),
        geomean=geometric_mean(speedups) if speedups else None,
        maximum=max(speedups, default=None),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        within_run=interval.within_run if interval else False,
        cells=len(speedups),
        of=len(rows),
        invalid=sum(cell.status is CellState.INVALID for cell in cells),
    )
