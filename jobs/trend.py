"""Trend: whether successive laps still become shorter, or longer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import factorial

SMALLEST_WINDOW = 8  # laps: fewer show only a trend that is far above their noise
LARGEST_WINDOW = 40  # enough to see a trend that matters; the exact test's cost grows as n⁴
SIGNIFICANCE = 0.1  # of the test, two-sided


def has_trend(values: Sequence[float], *, significance: float = SIGNIFICANCE) -> bool:
    """Return whether the values, in the order they came in, rise or fall: the Mann-Kendall test.

    Kendall's S counts the pairs that rise less the pairs that fall. Without a trend every order of
    n values is equally likely, whatever their distribution, so its probability is exact for any n
    (H. B. Mann, 'Nonparametric tests against trend', Econometrica 13, 1945; M. G. Kendall, 'Rank
    correlation methods', 4th ed. 1970, ch. 5). Equal values count as neither, which makes the test
    find less.
    """
    pairs = ((a, b) for i, a in enumerate(values) for b in values[i + 1 :])
    score = sum((b > a) - (b < a) for a, b in pairs)
    return probability(len(values), score) <= significance


def is_steady(laps: Sequence[float]) -> bool:
    """Return whether the latest laps show no trend any more.

    The latest are the second half of all, of 8 to 40: the longer a warm-up has
    taken, the smaller the trend that is still seen.
    """
    window = min(max(SMALLEST_WINDOW, len(laps) // 2), LARGEST_WINDOW)
    return len(laps) >= window and not has_trend(laps[-window:])


def probability(count: int, score: int) -> float:
    """Return the two-sided probability of Kendall's S at least as far from 0, without a trend."""
    pairs = count * (count - 1) // 2
    most = (pairs - abs(score)) // 2  # pairs against the trend
    orders = sum(_orders(count)[: most + 1])
    return min(1.0, 2 * orders / factorial(count))


@cache
def _orders(count: int) -> tuple[int, ...]:
    """Return how many orders of `count` values have 0, 1, 2, … pairs against the order."""
    found = [1]
    for size in range(2, count + 1):
        # The value put in last stands before 0 to size - 1 of the others.
        wider = [0] * (len(found) + size - 1)
        for against, orders in enumerate(found):
            for shift in range(size):
                wider[against + shift] += orders
        found = wider
    return tuple(found)
