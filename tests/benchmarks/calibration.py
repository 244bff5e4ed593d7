"""How often the intervals cover the truth: simulated matrices, of lognormal times.

    python -m tests.benchmarks.calibration [CELLS]

Prints, by setting, coverage in % and median width relative to the ratio: of the percentile
bootstrap over processes, of Welch's t, of the farm's intervals, and of its geometric means; then of
hardware with several units, whose own spread is 8 % or nothing, against a baseline with one. CELLS,
20,000 unless told, are simulated for each setting; the bootstrap sees at most 2,000 of them.
Takes some minutes.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farm.statistics.process import Process
from farm.statistics.statistics import Interval, geometric_means, speedups

BETWEEN, WITHIN, LAPS = 0.07, 0.13, 10  # what machines with two shared cores showed

Array = NDArray[np.float64]


class Setting(NamedTuple):
    """What a matrix is like."""

    rows: int
    processes: tuple[int, int]  # of the baseline and of the other
    spread: str = "equal"  # of the cells: equal, twofold (half of them have twice), scattered
    scales: tuple[float, float] = (1.0, 1.0)  # of the machines' spreads
    shared: bool = True  # a cell that spreads more does so on both machines

    def __str__(self) -> str:
        scales = "" if self.scales == (1, 1) else f", spreads {self.scales[0]:g}:{self.scales[1]:g}"
        apart = "" if self.shared or self.spread == "equal" else ", each its own"
        base, here = self.processes
        return f"{self.rows} rows, {base}/{here} processes, {self.spread}{apart}{scales}"


class Matrix(NamedTuple):
    """The logs of the process medians of two machines, and of the true ratios."""

    base: Array  # [row, process]
    here: Array
    truth: Array  # [row]

    def rows(self) -> list[dict[str, list[Process]]]:
        """Return it as the statistics take it."""
        pairs = zip(np.exp(self.base).tolist(), np.exp(self.here).tolist(), strict=True)
        return [
            {"base": [Process(t) for t in base], "here": [Process(t) for t in here]}
            for base, here in pairs
        ]


class Score(NamedTuple):
    """How a method did."""

    coverage: float  # fraction of intervals that hold the truth
    width: float  # median of (high - low) / ratio

    def __str__(self) -> str:
        return f"{100 * self.coverage:5.1f} {self.width:6.3f}"


def simulate(setting: Setting, rng: np.random.Generator) -> Matrix:
    """Return a matrix of this kind, its laps drawn and their medians taken."""

    def factors() -> Array:
        if setting.spread == "twofold":
            return rng.choice([1.0, 2.0], size=setting.rows)
        if setting.spread == "scattered":
            return np.exp(rng.normal(0, 0.6, size=setting.rows))
        return np.ones(setting.rows)

    def machine(centre: Array, spread: Array, processes: int) -> Array:
        shape = (setting.rows, processes)
        of_process = BETWEEN * rng.normal(size=shape)
        of_laps = np.median(WITHIN * rng.normal(size=(*shape, LAPS)), axis=-1)
        return np.asarray(centre[:, None] + spread[:, None] * (of_process + of_laps))

    base = rng.normal(0, 2, size=setting.rows)
    truth = rng.normal(1, 1, size=setting.rows)
    spread = factors()
    other = spread if setting.shared else factors()
    return Matrix(
        machine(base, spread * setting.scales[0], setting.processes[0]),
        machine(base - truth, other * setting.scales[1], setting.processes[1]),
        truth,
    )


def matrices(setting: Setting, cells: int, seed: int) -> Iterator[Matrix]:
    """Yield matrices of this kind, of so many cells in all."""
    rng = np.random.default_rng(seed)
    for _ in range(max(1, cells // setting.rows)):
        yield simulate(setting, rng)


def score(intervals: list[Interval | None], truth: Array) -> Score:
    """Compare intervals with the logs of the true ratios."""
    ratio, low, high, _ = np.array(intervals, dtype=np.float64).T
    covered = (low <= np.exp(truth)) & (np.exp(truth) <= high)
    return Score(float(covered.mean()), float(np.median((high - low) / ratio)))


def farm(drawn: list[Matrix]) -> tuple[Score, Score]:
    """Return how the farm does on the cells, and on the geometric means."""
    cells: list[Interval | None] = []
    means: list[Interval | None] = []
    for matrix in drawn:
        rows = matrix.rows()
        cells.extend(found["here"] for found in speedups(rows, "base"))
        means.append(geometric_means(rows, "base")["here"])
    truth = [matrix.truth for matrix in drawn]
    return (
        score(cells, np.concatenate(truth)),
        score(means, np.array([each.mean() for each in truth])),
    )


def welch(drawn: list[Matrix]) -> Score:
    """Return how Welch's t on the logs does, each cell by itself."""
    from scipy.special import stdtrit

    base, here, truth = (np.concatenate(part) for part in zip(*drawn, strict=True))
    errors = [
        (side.var(axis=1, ddof=1) / side.shape[1], side.shape[1] - 1) for side in (base, here)
    ]
    total = errors[0][0] + errors[1][0]
    df = total**2 / sum(variance**2 / d for variance, d in errors)
    half = stdtrit(df, 0.975) * np.sqrt(total)
    return _bounds(base.mean(axis=1) - here.mean(axis=1), half, half, truth)


def bootstrap(drawn: list[Matrix], seed: int, resamples: int = 1000) -> Score:
    """Return how the percentile bootstrap over processes does, on the first 2,000 cells."""
    rng = np.random.default_rng(seed)
    base, here, truth = (np.concatenate(part)[:2000] for part in zip(*drawn, strict=True))
    log = base.mean(axis=1) - here.mean(axis=1)
    bounds = []
    for one, other in zip(base, here, strict=True):
        draws = [
            side[rng.integers(len(side), size=(resamples, len(side)))].mean(axis=1)
            for side in (one, other)
        ]
        bounds.append(np.quantile(draws[0] - draws[1], [0.025, 0.975]))
    low, high = np.array(bounds).T
    return _bounds(log, log - low, high - log, truth)


def _bounds(log: Array, below: Array, above: Array, truth: Array) -> Score:
    covered = (log - below <= truth) & (truth <= log + above)
    return Score(float(covered.mean()), float(np.median(np.exp(above) - np.exp(-below))))


def settings() -> Iterator[Setting]:
    """Yield what is simulated."""
    counts = ((3, 3), (5, 5), (10, 10))
    for rows, count, spread in itertools.product(
        (6, 24, 1000), counts, ("equal", "twofold", "scattered")
    ):
        yield Setting(rows, count, spread)
    for rows, count, spread in itertools.product(
        (6, 12, 24), ((3, 3), (3, 10), (10, 3), (5, 5)), ("equal", "twofold")
    ):
        yield Setting(rows, count, spread, (1, 5))
    for rows, spread in itertools.product((6, 24), ("equal", "twofold")):
        yield Setting(rows, (3, 10), spread)
    for count in counts:
        yield Setting(24, count, "twofold", shared=False)
    for rows, count in itertools.product((1, 2, 3, 12), ((2, 2), (3, 3))):
        yield Setting(rows, count)


def units(
    rows: int, count: int, processes: int, spread: float, cells: int, seed: int
) -> tuple[Score, Score]:
    """Return how the farm does on cells and means of hardware with so many units."""
    rng = np.random.default_rng(seed)
    found: list[Interval | None] = []
    means: list[Interval | None] = []
    for _ in range(max(1, cells // rows)):
        shape = (rows, count, processes)
        here = np.exp(spread * rng.normal(size=(count, 1)) + BETWEEN * rng.normal(size=shape))
        base = np.exp(BETWEEN * rng.normal(size=(rows, 3)))
        matrix = [
            {
                "base": [Process(seconds) for seconds in of_base],
                "here": [
                    Process(seconds, f"unit {unit}")
                    for unit, of_unit in enumerate(of_here)
                    for seconds in of_unit
                ],
            }
            for of_base, of_here in zip(base.tolist(), here.tolist(), strict=True)
        ]
        found.extend(row["here"] for row in speedups(matrix, "base"))
        means.append(geometric_means(matrix, "base")["here"])
    return score(found, np.zeros(len(found))), score(means, np.zeros(len(means)))


def main(argv: list[str]) -> None:
    """Print the tables."""
    cells = int(argv[0]) if argv else 20_000
    heads = ("bootstrap", "Welch", "farm", "geometric mean")
    print(f"{'setting':52}", *(f"{head:>14}" for head in heads))
    for setting in settings():
        drawn = list(matrices(setting, cells, seed=1))
        cell, mean = farm(drawn)
        told = mean if len(drawn) >= 200 else "too few"
        scores = (bootstrap(drawn, seed=1), welch(drawn), cell, told)
        print(f"{setting!s:52}", *(f"{each!s:>14}" for each in scores), flush=True)
    for rows, count, processes, spread in itertools.product(
        (2, 6, 24), (2, 3, 4), (1, 3), (0, 0.08)
    ):
        pair = units(rows, count, processes, spread, cells, seed=1)
        name = f"{rows} rows, {count} units of {processes} processes, {spread:.0%} apart"
        print(f"{name:82}", *(f"{each!s:>14}" for each in pair), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
