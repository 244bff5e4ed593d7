"""Matrices put together by hand, so that what is printed rests on no statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from farm.matrix.matrix import CellState, Group, Matrix, MatrixCell, Row, Summary
from farm.statistics.geometric import geometric_mean
from tests.unit.matrix_samples import cell


def place(
    speedup: float, low: float | None = None, high: float | None = None, **more: Any
) -> MatrixCell:
    """Return a measured cell: the speed-up over a baseline of 4 s, and its interval."""
    fields: dict[str, Any] = {
        "status": CellState.SUCCEEDED,
        "repeats": 3,
        "submitted": 3,
        "samples_per_epoch": 512,
        "seconds": 4.0 / speedup,
        "speedup": speedup,
        "low": low,
        "high": high,
    }
    return MatrixCell(**fields | more)


def invalid(speedup: float, why: str, **more: Any) -> MatrixCell:
    """Return a cell whose network did not learn."""
    return place(speedup, status=CellState.INVALID, invalid=why, **more)


def unmeasured(status: CellState, reason: str | None = None) -> MatrixCell:
    """Return a cell without a number."""
    return MatrixCell(status=status, submitted=3, reason=reason)


def matrix(
    columns: Mapping[str, Sequence[MatrixCell]],
    means: Mapping[str, tuple[float, float]] | None = None,
    *,
    by: str | None = None,
    workloads: Sequence[str] = ("mlp", "cnn"),
    within_run: bool = False,
    **more: Any,
) -> Matrix:
    """Return a matrix of these columns, the baseline first; `means` are the means' intervals.

    The rows are the batch sizes 32, 64, … of the first workload, then of the next.
    """
    count = len(next(iter(columns.values())))
    each = -(-count // len(workloads))
    cells = [cell(workloads[index // each], 32 << index % each) for index in range(count)]
    rows = tuple(
        Row(cell=of, cell_id=of.id, cells={name: own[index] for name, own in columns.items()})
        for index, of in enumerate(cells)
    )

    def summary(own: Sequence[MatrixCell], name: str) -> Summary:
        counted = [c.speedup for c in own if c.speedup and c.status is CellState.SUCCEEDED]
        low, high = (means or {}).get(name, (None, None))
        return Summary(
            minimum=min(counted, default=None),
            geomean=geometric_mean(counted) if counted else None,
            maximum=max(counted, default=None),
            low=low,
            high=high,
            within_run=within_run and low is not None,
            cells=len(counted),
            of=len(own),
            invalid=sum(c.status is CellState.INVALID for c in own),
        )

    names = list(dict.fromkeys(str(getattr(of, by)) for of in cells)) if by else []
    groups = tuple(
        Group(
            name=group,
            summary={
                name: summary(
                    [row.cells[name] for row in rows if str(getattr(row.cell, by or "")) == group],
                    name,
                )
                for name in columns
            },
        )
        for group in names
    )
    return Matrix(
        baseline=next(iter(columns)),
        baseline_chosen=False,
        hardware=tuple(columns),
        rows=rows,
        summary={name: summary(own, name) for name, own in columns.items()},
        by=by,
        groups=groups,
        **more,
    )
