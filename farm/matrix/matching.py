"""Matching: which jobs stand in one row of a matrix, and which of them stand for a hardware."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from farm.matrix.cell import CellState, MatrixCell, pool
from farm.readings.entry import Entry
from jobs.spec import LARGEST, Cell


def by_cell(jobs: Sequence[Entry], across: Collection[str]) -> dict[str, list[Entry]]:
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


def alike(cells: Sequence[Cell], of: Cell, across: Collection[str]) -> Cell:
    """Return the cell of a row: None in what is matched across and not the same in all of these."""
    said = {name: {getattr(each, name) for each in cells} for name in across}
    return of.model_copy(
        update={name: of.pop() if len(of) == 1 else None for name, of in said.items()}
    )


def fastest(jobs: Sequence[Entry], across: Collection[str]) -> tuple[Cell, MatrixCell]:
    """Pool the jobs of one hardware; of several ways to do the work, take the fastest.

    A way that did not succeed, or is invalid, is taken only where none did. Where an epoch is not
    known the time is a lap's: ways whose laps are unlike are compared by the time of a sample.
    """
    if not across:
        return jobs[0].cell, pool(jobs)
    ways: dict[tuple[object, ...], list[Entry]] = {}
    for job in jobs:
        ways.setdefault(tuple(getattr(job.cell, name) for name in across), []).append(job)
    pooled = [(way[0].cell, pool(way)) for way in ways.values()]
    sizes = [each.readings[0].samples for _, each in pooled if each.readings]
    per_sample = None not in sizes

    def pace(cell: MatrixCell) -> float:
        if not cell.seconds:
            return math.inf
        return cell.seconds / (cell.readings[0].samples or 1) if per_sample else cell.seconds

    return min(pooled, key=lambda each: (each[1].status is not CellState.SUCCEEDED, pace(each[1])))


def _order(cell: Cell, rank: Mapping[str, int]) -> tuple[Any, ...]:
    # Numbers go before texts, so that a sweep over numbers is in their order.
    parameters = tuple(
        (name, isinstance(value, str), value) for name, value in sorted(cell.parameters.items())
    )
    return (
        rank[cell.workload],
        math.inf if cell.batch_size == LARGEST else cell.batch_size or 0,
        *map(str, (cell.precision, cell.backend, cell.data, cell.mode, cell.protocol)),
        *map(str, (cell.data_pipeline, cell.optimizer, cell.jit)),
        cell.epochs or 0,
        cell.workload_version or 0,
        parameters,
    )
