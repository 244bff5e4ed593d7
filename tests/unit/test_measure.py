"""Laps: the arithmetic, with a clock that the test winds."""

from __future__ import annotations

import pytest

from jobs.measure import Laps


class Clock:
    """Tells the times it was given, one after the other."""

    def __init__(self, *times: float) -> None:
        self.times = list(times)

    def __call__(self) -> float:
        return self.times.pop(0)


def time_laps(*times: float) -> Laps:
    laps = Laps(Clock(*times))
    for _ in range(len(times) // 2):
        laps.start()
        laps.stop()
    return laps


def test_the_first_lap_is_a_warmup_and_what_lies_between_laps_is_nobodys() -> None:
    laps = time_laps(10.0, 15.0, 100.0, 102.0, 200.0, 203.0)
    assert laps.warmup == (5.0,)
    assert laps.measured == (2.0, 3.0)


def test_a_single_lap_counts() -> None:
    laps = time_laps(1.0, 4.0)
    assert laps.warmup == ()
    assert laps.measured == (3.0,)


def test_a_lap_that_was_never_started_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="never started"):
        Laps(Clock(1.0)).stop()
