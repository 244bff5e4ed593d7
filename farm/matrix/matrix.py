"""Matrix: cells of work × hardware, each a speed-up over the baseline. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from farm.choices import ACROSS, BATCH_SIZE
from farm.matrix import matching
from farm.matrix import metric as metrics
from farm.matrix.cell import NOT_SUBMITTED, CellState, MatrixCell
from farm.matrix.peak import Peaks
from farm.matrix.verdict import Verdicts
from farm.readings.entry import Entry
from farm.statistics import statistics
from farm.statistics.geometric import geometric_mean
from farm.statistics.process import Process
from jobs.errors import FarmError, UnknownNameError
from jobs.spec import Cell

__all__ = ["ACROSS", "CellState", "Entry", "Group", "Matrix", "MatrixCell", "Row", "Summary"]
__all__ += ["build", "group_name"]


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

    @property
    def best_batch(self) -> bool:
        """Whether each hardware stands with its fastest batch size, whichever the others have."""
        return BATCH_SIZE in self.across


def build(
    entries: Iterable[Entry],
    *,
    baseline: str | None,
    hardware: Sequence[str] = (),
    metric: str = "speedup",
    by: str | None = None,
    across: Collection[str] = (),
    best_batch: bool = False,
    strict: bool = False,
    intervals: bool = True,
    peaks: Peaks | None = None,
) -> Matrix:
    """Return the matrix of these jobs.

    `hardware` orders the columns; hardware that it leaves out follows as first seen. Without a
    baseline the first column is it. Cells are equal when their ids are: the same work on synthetic
    and on real data makes two rows. `across` (some of `ACROSS`) matches cells that differ in these;
    a hardware that was measured in several ways is then represented by its fastest; `best_batch`
    does the same with the batch size. `strict` drops cells that differ from the baseline's in
    anything that changes the work. `by` (``workload`` or ``batch_size``) sums the rows up in
    groups. Intervals are `farm.statistics.statistics`', at 95 %. `peaks` are for the metric
    ``measured-efficiency``, see `farm.matrix.peak`.

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

    across = (*across, BATCH_SIZE) if best_batch else tuple(across)
    verdicts = Verdicts(base, strict=strict, metric=metric)
    rows = [
        _row(cell_id, jobs_of, columns, verdicts, across)
        for cell_id, jobs_of in matching.by_cell(jobs, across).items()
    ]
    if intervals:
        rows = _with_intervals(rows, base)
    if metric != "speedup":
        rows = [_with_values(row, metric, peaks or {}) for row in rows]
    return Matrix(
        baseline=base,
        baseline_chosen=baseline is None,
        hardware=tuple(columns),
        rows=tuple(rows),
        summary=_summaries(rows, columns, intervals=intervals),
        metric=metric,
        across=across,
        by=by,
        groups=tuple(
            Group(name=name, summary=_summaries(of, columns, intervals=intervals))
            for name, of in (_grouped(rows, by) if by else {}).items()
        ),
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
    chosen = {name: matching.fastest(of, across) for name, of in by_hardware.items()}
    pooled = {name: chosen[name][1] if name in chosen else NOT_SUBMITTED for name in columns}
    cell = matching.alike([way for way, _ in chosen.values()], jobs[0].cell, across)
    return Row(cell=cell, cell_id=cell_id, cells=verdicts.row(pooled))


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


def _with_values(row: Row, metric: str, peaks: Peaks) -> Row:
    cells = {}
    for name, cell in row.cells.items():
        number, mark, item = metrics.value(metric, cell, name, peaks)
        cells[name] = replace(cell, value=number, mark=mark, item=item)
    return replace(row, cells=cells)


def group_name(row: Row, by: str) -> str:
    """Return what the group of a row is called; ``none`` where its work has no batch size."""
    said = getattr(row.cell, by)
    return "none" if said is None else str(said)


def _grouped(rows: Sequence[Row], by: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(group_name(row, by), []).append(row)
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
