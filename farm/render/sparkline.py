"""Sparkline: a series of numbers as one short line of bars, which shows a trend at a glance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
_NO_NUMBER = "?"


def sparkline(values: Sequence[float], width: int) -> str:
    """Return one bar a value, from the smallest to the largest of them; at most `width` bars.

    Of more values than that, a bar is the median of neighbours. What is not finite is a ``?``;
    values that are all equal make bars of half the height.
    """
    groups = min(len(values), width)
    edges = [len(values) * index // max(groups, 1) for index in range(groups + 1)]
    shown = [statistics.median(values[begin:end]) for begin, end in pairwise(edges)]
    finite = [value for value in shown if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_bar(value, low, high) for value in shown)


def _bar(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _NO_NUMBER
    if high == low:
        return _BARS[len(_BARS) // 2 - 1]
    if math.isinf(high - low):
        value, low, high = value / 2, low / 2, high / 2
    share = (value - low) / (high - low)
    return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]
