"""Statistics: speed-ups with their intervals. Pure.

The unit of replication is the process (Kalibera and Jones 2013, "Rigorous benchmarking in
reasonable time"): the laps of one process give its median, the processes of a cell give the spread.
All is done on logarithms, where a ratio is a difference and a spread is a percentage.

One cell. Welch's t (1947) on the logs of the process medians. Each machine's variance is first
moderated across its cells (Smyth 2004, `moderation.py` beside this), which is worth some degrees
of freedom that a cell of three processes has not got. The variance of the difference is the sum
over the two sides, its degrees of freedom are Satterthwaite's (1946). One process alone borrows the
machine's usual variance from its repeated cells; where none is repeated, the interval is made of
the standard errors within the runs and says so (`within_run`): the next process may well fall
outside of it.

The geometric mean over K cells. Errors of different cells are independent, so the variance is
the sum of those of the K differences over K². The sum has degrees of freedom enough, so variances
are not moderated, and Satterthwaite's estimate is Welch's unbiased one.

Several units, physical machines of one name: the unit's mean of its processes is the replicate, and
a unit that is fast is fast in all its cells. `replicates.py` splits the spread in two, what a
unit keeps over its cells and the rest. Only the rest is moderated or averages out over cells;
the units' own spread has one degree of freedom fewer than there are units, however many the cells.

The noise of the baseline is in every column alike. That makes columns move together; it
leaves the interval of each one right, and says nothing for a ratio of two columns: build the matrix
on one of them for that.

Coverage of the 95 % interval and its median width relative to the ratio: 24 cells a matrix, 7 %
between and 13 % within processes, 10 laps; twofold: half of the cells have twice the spread; the
bootstrap is the percentile one over processes, and the mean is over 6 cells.

========= ======== ========= =========== =========== =============
processes spreads  bootstrap Welch       these       mean of 6
========= ======== ========= =========== =========== =============
3         equal    80 % 0.20 96.4 % 0.41 95.0 % 0.28 95.3 % 0.12
3         twofold  82 % 0.26 96.7 % 0.56 94.9 % 0.41 95.1 % 0.18
5         equal    88 % 0.18 95.5 % 0.25 95.2 % 0.21 95.3 % 0.09
5         twofold  88 % 0.24 95.8 % 0.33 94.8 % 0.30 94.9 % 0.14
10        equal    92 % 0.14 95.1 % 0.16 95.0 % 0.15 94.7 % 0.06
10        twofold  92 % 0.19 95.4 % 0.22 95.2 % 0.21 94.7 % 0.10
========= ======== ========= =========== =========== =============

From 2 to 1,000 cells, 3 against 10 processes, and machines with spreads of 1 : 5, it is 94.1 to
95.8 %; a single cell has Welch's. `python -m tests.benchmarks.calibration` prints all. Coverage is
an average over cells: the calmer ones of an uneven matrix are covered more often, the others less
(at 3 processes 91 % of those with twice the spread, 99 % of the rest; Welch's t does not favour
either). With several units a cell's interval covers 94 to 96 %, the mean's 95 to 99 %; with two of
them the mean's is wide, since two cannot tell much of the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from farm.statistics.process import Process

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# By the number of laps: few laps tell their own spread badly, as Student's t has it for means.
_FEW_LAPS = {2: 4.28, 3: 1.56, 4: 1.15, 5: 1.06}
_LOG_LARGEST = 700.0  # exp of more is not a float


class Interval(NamedTuple):
    """How many times as fast as the baseline, and between which bounds."""

    ratio: float  # baseline's seconds ÷ these
    low: float
    high: float
    within_run: bool  # rests on laps of single processes, on a side at least: no word on the next


def resolved(interval: Interval) -> bool:
    """Return whether the interval leaves 1 out: then the two do differ."""
    return not interval.low <= 1 <= interval.high


def log_se_of_median(laps: Sequence[float]) -> float | None:
    """Return the standard error of the log of the median of these laps, by their order statistics.

    ±1.96 of it covers the truth in 94 to 96 % of runs for 2 laps and more where laps are
    independent and normal; skew and heavy tails cost at most two points. Seconds > 0 in any order.
    None for fewer than two laps, and where one of them is no time.

    The distance of two order statistics about the median, over that of the normal quantiles of
    their ranks: Price and Bonett (2001), "Estimating the variance of the sample median"; widened
    for fewer than six laps so that the coverage stays.
    """
    count = len(laps)
    if count < 2 or min(laps) <= 0 or not math.isfinite(sum(laps)):
        return None
    ordered = sorted(laps)
    rank = max(1, round((count + 1) / 2 - math.sqrt(count)))
    below = sum(math.comb(count, index) for index in range(rank)) / 2**count
    spread = math.log(ordered[count - rank] / ordered[rank - 1])
    return _FEW_LAPS.get(count, 1.0) * spread / (-2 * NormalDist().inv_cdf(below))


def speedups(
    rows: Sequence[Mapping[str, Sequence[Process]]], baseline: str, *, confidence: float = 0.95
) -> list[dict[str, Interval | None]]:
    """Return, for each cell of work, the speed-up of every hardware that the baseline meets there.

    `rows` map hardware to its processes; hardware that is absent or empty was not measured there.
    The ratio is that of the geometric means of the processes' medians, and with several units of
    the means over units. None where no interval can be told: a single lap of a single process. The
    baseline's own is exactly 1.

    Raises ValueError for seconds that are not positive and finite.
    """
    from farm.statistics import intervals, replicates

    table = replicates.tabulate(rows)
    answer: list[dict[str, Interval | None]] = [{} for _ in rows]
    if baseline not in table.hardware:
        return answer
    base = table.hardware.index(baseline)
    found = intervals.of_cells(table, base, confidence)
    at = (table.measured & table.measured[:, [base]]).nonzero()
    told = _intervals(found.log[at], found.half[at], found.within_run[at])
    for row, column, interval in zip(at[0].tolist(), at[1].tolist(), told, strict=True):
        answer[row][table.hardware[column]] = _ONE if column == base else interval
    return answer


def geometric_means(
    rows: Sequence[Mapping[str, Sequence[Process]]], baseline: str, *, confidence: float = 0.95
) -> dict[str, Interval | None]:
    """Return the geometric mean of each hardware's speed-ups, over its rows with the baseline.

    As `speedups`; None also for hardware that shares no row with the baseline. Over a single row it
    is that row's interval.
    """
    from farm.statistics import intervals, replicates

    table = replicates.tabulate(rows)
    if baseline not in table.hardware:
        return dict.fromkeys(table.hardware)
    base = table.hardware.index(baseline)
    found = intervals.of_means(table, base, confidence)
    told = dict(zip(table.hardware, _intervals(*found), strict=True))
    return told | {baseline: _ONE}


_ONE = Interval(1.0, 1.0, 1.0, False)


def _intervals(
    logs: NDArray[np.float64], halves: NDArray[np.float64], within_run: NDArray[np.bool_]
) -> list[Interval | None]:
    """Return the intervals of these logs of ratios; None where there is no half-width."""
    import numpy as np

    bounds = np.exp(np.clip([logs, logs - halves, logs + halves], -_LOG_LARGEST, _LOG_LARGEST))
    columns = (*bounds.tolist(), within_run.tolist())
    return [
        None if low != low else Interval(ratio, low, high, within)  # noqa: PLR0124
        for ratio, low, high, within in zip(*columns, strict=True)
    ]
