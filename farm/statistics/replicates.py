"""Replicates: the processes of a matrix as arrays, and what their units have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farm.statistics.moderation import NEGLIGIBLE, Array

if TYPE_CHECKING:
    from farm.statistics.process import Process


class Table(NamedTuple):
    """The logs of seconds of a matrix, summed up by cell; arrays are [cell of work, hardware].

    A replicate is a process, or where a cell has several units, a unit's mean of its processes.
    """

    hardware: tuple[str, ...]
    measured: NDArray[np.bool_]
    centre: Array  # mean of the replicates; NaN where not measured
    number: Array  # of replicates; 1 where not measured
    variance: Array  # of one replicate, without what its unit keeps over the cells
    df: Array  # of that variance; 0 for a lone replicate
    within: Array  # variance of a lone process by its laps; NaN where not known
    units: Array  # units that the cell was measured on
    several: NDArray[np.bool_]  # cells whose replicates are units
    unit_variance: Array  # [hardware] of what a unit keeps over its cells, 0 with one unit
    unit_df: Array  # [hardware]


def tabulate(rows: Sequence[Mapping[str, Sequence[Process]]]) -> Table:
    """Return the table of these processes; see `farm.statistics.statistics.speedups`.

    Raises ValueError for seconds that are not positive and finite.
    """
    hardware = tuple(dict.fromkeys(name for row in rows for name, of in row.items() if of))
    column = {name: index for index, name in enumerate(hardware)}
    where: list[tuple[int, int]] = []
    sizes: list[int] = []
    flat: list[Process] = []
    for index, row in enumerate(rows):
        for name, processes in row.items():
            if processes:
                where.append((index, column[name]))
                sizes.append(len(processes))
                flat.extend(processes)
    seconds = np.array([process.seconds for process in flat], dtype=np.float64)
    if not (np.isfinite(seconds) & (seconds > 0)).all():
        bad = seconds[~(np.isfinite(seconds) & (seconds > 0))][0]
        raise ValueError(f"seconds are {bad}; a process takes a positive, finite time")
    logs = np.log(seconds)

    shape = (len(rows), len(hardware))
    table = Table(
        hardware=hardware,
        measured=np.zeros(shape, dtype=bool),
        centre=np.full(shape, np.nan),
        number=np.ones(shape),
        variance=np.zeros(shape),
        df=np.zeros(shape),
        within=np.full(shape, np.nan),
        units=np.ones(shape),
        several=np.zeros(shape, dtype=bool),
        unit_variance=np.zeros(len(hardware)),
        unit_df=np.ones(len(hardware)),
    )
    if not flat:
        return table
    at = tuple(np.array(where).T)
    size = np.array(sizes)
    start = np.cumsum(size) - size
    centre = np.add.reduceat(logs, start) / size
    squares = np.add.reduceat((logs - np.repeat(centre, size)) ** 2, start)
    variance = squares / np.maximum(size - 1, 1)
    table.measured[at] = True
    table.centre[at] = centre
    table.number[at] = size
    table.variance[at] = np.where(variance > NEGLIGIBLE, variance, 0.0)
    table.df[at] = size - 1
    errors = (process.log_se for process in (flat[first] for first in start.tolist()))
    within = np.array([np.nan if error is None else error**2 for error in errors])
    table.within[at] = np.where(size == 1, within, np.nan)
    _split_units(table, where, start.tolist(), sizes, flat, logs)
    return table


def _split_units(
    table: Table,
    where: Sequence[tuple[int, int]],
    starts: Sequence[int],
    sizes: Sequence[int],
    flat: Sequence[Process],
    logs: Array,
) -> None:
    """Make units the replicates of the cells that have several."""
    cells: dict[int, list[tuple[int, dict[str | None, float]]]] = {}  # by column
    for (row, column), start, size in zip(where, starts, sizes, strict=True):
        names = [process.unit for process in flat[start : start + size]]
        if size > 1 and None not in names and len(set(names)) > 1:
            of: dict[str | None, list[float]] = {}
            for name, log in zip(names, logs[start : start + size].tolist(), strict=True):
                of.setdefault(name, []).append(log)
            means = {name: sum(each) / len(each) for name, each in of.items()}
            cells.setdefault(column, []).append((row, means))
    for column, measured in cells.items():
        _split_column(table, column, measured)


def _split_column(
    table: Table, column: int, measured: Sequence[tuple[int, Mapping[str | None, float]]]
) -> None:
    """Split the spread between units in what a unit keeps over the cells, and the rest.

    With y the log of a unit's mean in a cell, less the cell's mean, the unit keeps the mean of its
    y, and the rest is the residual: an analysis of variance in two ways. Over K cells the residual
    has lost 1/K of its variance to what the units keep. Approximate where units share few cells.
    """
    index = {name: at for at, name in enumerate(dict.fromkeys(n for _, of in measured for n in of))}
    rows = np.array([row for row, _ in measured])
    y = np.full((len(rows), len(index)), np.nan)
    for at, (_, means) in enumerate(measured):
        for name, mean in means.items():
            y[at, index[name]] = mean
    there = ~np.isnan(y)
    units = there.sum(axis=1)
    centre = np.where(there, y, 0.0).sum(axis=1) / units
    away = np.where(there, y - centre[:, None], 0.0)
    kept = away.sum(axis=0) / there.sum(axis=0)
    # The mean of the cell holds 1/units of each unit, which its own deviation lacks.
    lacking = np.where(there, 1 - 1 / units[:, None], 0.0).sum(axis=0) / there.sum(axis=0)
    common = np.where(there, kept, 0.0).sum(axis=1) / units
    rest = np.where(there, away - (kept - common[:, None]), 0.0)
    cells = len(rows)
    residual = (rest**2).sum(axis=1) / (units - 1) * cells / max(cells - 1, 1)

    table.unit_variance[column] = (kept**2).sum() / lacking.sum()
    table.unit_df[column] = len(index) - 1
    table.centre[rows, column] = centre
    table.number[rows, column] = units
    table.units[rows, column] = units
    table.several[rows, column] = True
    # One cell alone cannot tell the two apart: all is the units' then, and nothing is the rest.
    table.variance[rows, column] = np.where(residual > NEGLIGIBLE, residual, 0.0)
    table.df[rows, column] = units - 1
