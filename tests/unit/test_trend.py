"""Trend: exact probabilities, and how the rule fares on simulated laps."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest

from jobs.trend import SMALLEST_WINDOW, has_trend, is_steady, probability

LAPS = 20  # a warm-up of 20 seconds at most, in laps of a second


def test_probabilities_are_those_of_all_orders_counted() -> None:
    for count in (4, 6):
        scores = [
            sum((b > a) - (b < a) for a, b in itertools.combinations(order, 2))
            for order in itertools.permutations(range(count))
        ]
        for score in set(scores):
            as_far = sum(abs(other) >= abs(score) for other in scores)
            assert probability(count, score) == pytest.approx(as_far / len(scores))


def test_a_probability_from_the_published_table() -> None:
    # Kendall 1970, appendix table 1: n = 8, S = 18 has 0.0156 on one side.
    assert probability(8, 18) == pytest.approx(2 * 0.0156, abs=1e-4)


@pytest.mark.parametrize("values", [[1.0, 2, 3, 4, 5, 6, 7, 8], [8.0, 7, 6, 5, 4, 3, 2, 1]])
def test_rising_and_falling_are_trends(values: list[float]) -> None:
    assert has_trend(values)


def test_equal_values_and_few_values_are_none() -> None:
    assert not has_trend([1.0] * 20)
    assert not has_trend([3.0, 2.0, 1.0])
    assert not has_trend([])


def test_too_few_laps_are_never_steady() -> None:
    assert not is_steady([])
    assert not is_steady([1.0] * (SMALLEST_WINDOW - 1))
    assert is_steady([1.0] * SMALLEST_WINDOW)


def warmups(lap: Callable[[int], float], spread: float) -> list[int]:
    """Simulate 300 warm-ups; return after how many laps each is over, sorted: 21 is never."""
    noise = random.Random(1)
    ends = []
    for _ in range(300):
        laps: list[float] = []
        while not is_steady(laps) and len(laps) <= LAPS:
            laps.append(lap(len(laps)) * noise.lognormvariate(0, spread))
        ends.append(len(laps))
    return sorted(ends)


@pytest.mark.parametrize("spread", [0.005, 0.13])
def test_noise_alone_passes_at_once_nine_times_in_ten(spread: float) -> None:
    ends = warmups(lambda _: 1.0, spread)
    assert ends[0] == SMALLEST_WINDOW
    assert ends[int(0.9 * len(ends))] == SMALLEST_WINDOW
    assert ends[-1] < LAPS


def test_laps_that_still_become_shorter_do_not_pass() -> None:
    # From 1.5 to 1, by a third of the rest each lap, under noise of 2 %: at lap 8 the rest is 3 %.
    ends = warmups(lambda i: 1 + 0.5 * math.exp(-i / 3), 0.02)
    assert ends[len(ends) // 20] > 9
    # From 2 to 1 within 30 laps, under noise of 5 %: at lap 8 they take 1.45.
    ends = warmups(lambda i: 1 + math.exp(-i / 10), 0.05)
    assert sum(end == SMALLEST_WINDOW for end in ends) < 0.05 * len(ends)


def test_laps_that_become_longer_never_pass() -> None:
    ends = warmups(lambda i: 1 + 0.02 * i, 0.01)
    assert ends[len(ends) // 20] > LAPS
