"""Intervals: how far the log of a speed-up can be from the truth. Pure.

The method is in `farm.statistics.statistics`. All arrays are [cell of work, hardware] or
[hardware]; NaN is what cannot be told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from farm.statistics import moderation
from farm.statistics.moderation import Array
from farm.statistics.replicates import Table

_NORMAL = 1e6  # degrees of freedom from which on Student's t is the normal distribution


class Estimates(NamedTuple):
    """Logs of speed-ups with their half-widths."""

    log: Array  # NaN where there is no ratio
    half: Array  # NaN where no interval can be told
    within_run: NDArray[np.bool_]


class _Parts(NamedTuple):
    """What the errors of one side's mean log sum up to."""

    variance: Array  # but for what the units keep
    squares: Array  # variance² over its degrees of freedom and two more, summed
    of_units: Array  # variance by what the units keep
    within_run: NDArray[np.bool_]


def of_cells(table: Table, baseline: int, confidence: float) -> Estimates:
    """Return the speed-up of every cell over the baseline's in the same row."""
    prior = moderation.fit(table.variance, table.df)
    variance, df = moderation.moderate(table.variance, table.df, prior)
    within = table.measured & (df == 0)
    of_replicates = np.where(within, table.within, variance * _rest(table, 1.0) / table.number)
    of_units = table.unit_variance / table.units
    squares = np.where(within, 0.0, of_replicates**2 / np.maximum(df, 1.0))
    squares = squares + of_units**2 / table.unit_df

    both = table.measured & table.measured[:, [baseline]]
    total = of_replicates + of_units
    total = np.where(both, total + total[:, [baseline]], np.nan)
    squares = squares + squares[:, [baseline]]
    with np.errstate(over="ignore"):  # of laps of 1 ns beside laps of an hour; infinity will do
        df = total**2 / np.maximum(squares, 1e-300)  # Satterthwaite 1946
    return Estimates(
        log=np.where(both, table.centre[:, [baseline]] - table.centre, np.nan),
        half=_half(total, np.where(squares > 0, df, _NORMAL), confidence),
        within_run=within | within[:, [baseline]],
    )


def of_means(table: Table, baseline: int, confidence: float) -> Estimates:
    """Return the geometric mean of each hardware's speed-ups over the rows of both.

    Over one row it is the cell's.
    """
    common = table.measured & table.measured[:, [baseline]]
    rows = common.sum(axis=0)
    here = _of_mean(table, common, rows)
    column = np.full(len(table.hardware), baseline)
    base = _of_mean(_columns(table, column), common, rows)

    total = here.variance + base.variance
    squares = here.squares + base.squares
    # Unbiased in both halves of the fraction: Welch 1947, who divides by d + 2 and takes 2 away.
    with np.errstate(over="ignore"):
        df = np.maximum(total**2 / np.maximum(squares, 1e-300) - 2, 1.0)
    apart = np.where(common, table.centre[:, [baseline]] - table.centre, 0.0)
    log = np.where(rows > 0, apart.sum(axis=0) / np.maximum(rows, 1), np.nan)
    half = _half(total, np.where(squares > 0, df, _NORMAL), confidence)
    # Two units tell their spread by one number, which is near 0 now and then: no sum's degrees of
    # freedom survive that, but the squares of half-widths add up (Graybill and Wang 1980).
    for side, unit_df in ((here, table.unit_df), (base, table.unit_df[baseline])):
        half = np.hypot(half, _half(side.of_units, np.asarray(unit_df), confidence))
    within_run = here.within_run | base.within_run
    cells = of_cells(table, baseline, confidence)
    only = common.argmax(axis=0), np.arange(len(rows))
    return Estimates(
        log=log,
        half=np.where(rows == 1, cells.half[only], half),
        within_run=np.where(rows == 1, cells.within_run[only], within_run),
    )


def _of_mean(table: Table, common: NDArray[np.bool_], rows: NDArray[np.int64]) -> _Parts:
    """Return the errors of each column's mean log over its common rows."""
    informs = moderation.informs(table.variance, table.df)
    freedom = np.where(informs, table.df, 0.0)
    total = freedom.sum(axis=0)
    each = np.maximum(rows, 1) ** 2.0
    lone = common & (table.df == 0)
    # A lone process has the mean variance of the machine's repeated cells: they count once more.
    borrowed = lone & (total > 0)
    weight = np.where(common & (table.df > 0), _rest(table, rows) / table.number, 0.0)
    weight = (weight + borrowed.sum(axis=0) * freedom / np.maximum(total, 1.0)) / each
    parts = weight * table.variance
    within = lone & ~borrowed
    of_laps = np.where(within, table.within, 0.0).sum(axis=0) / each
    of_units = table.unit_variance * np.where(common, 1 / table.units, 0.0).sum(axis=0)
    of_units = of_units / np.maximum(rows, 1)
    squares = (parts**2 / (table.df + 2)).sum(axis=0)
    return _Parts(parts.sum(axis=0) + of_laps, squares, of_units, within.any(axis=0))


def _rest(table: Table, rows: Array | NDArray[np.int64] | float) -> Array:
    """Return how much of the residual is not in what the units keep, in a mean over these rows."""
    cells = np.maximum(table.several.sum(axis=0), 1)
    return np.where(table.several, np.maximum(1 - rows / cells, 0.0), 1.0)


def _columns(table: Table, columns: NDArray[np.int64]) -> Table:
    """Return the table with these columns in place of its own."""
    arrays = {
        name: array[..., columns] for name, array in table._asdict().items() if name != "hardware"
    }
    return table._replace(**arrays)


def _half(variance: Array, df: Array, confidence: float) -> Array:
    quantile = stdtrit(np.clip(df, 1.0, _NORMAL), (1 + confidence) / 2)
    return np.asarray(quantile * np.sqrt(variance), dtype=np.float64)
