"""Laps and what is computed from them, with a clock that the test winds."""

from __future__ import annotations

import pytest

from jobs.errors import JobError
from jobs.measure import Laps
from jobs.result import Measurement


class Clock:
    """Tells the times it was given, one after the other."""

    def __init__(self, *times: float) -> None:
        self.times = list(times)

    def __call__(self) -> float:
        return self.times.pop(0)


def time_laps(*times: float, asleep: tuple[float, ...] = ()) -> Laps:
    """Time laps that begin and end when said; `asleep`: by how much the wall clock is ahead."""
    ahead = asleep or (0.0,) * len(times)
    walls = (1000.0 + time + more for time, more in zip(times, ahead, strict=True))
    laps = Laps(Clock(*times), Clock(*walls))
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
        Laps(Clock(1.0), Clock(1.0)).stop()


def test_the_window_is_that_of_the_laps_that_count() -> None:
    assert time_laps(10.0, 15.0, 100.0, 102.0, 200.0, 203.0).window == (1100.0, 1203.0)
    assert time_laps(1.0, 4.0).window == (1001.0, 1004.0)


def test_an_epoch_in_which_the_machine_slept_is_left_out() -> None:
    times = (10.0, 15.0, 100.0, 102.0, 200.0, 203.0)
    laps = time_laps(*times, asleep=(0.0, 0.0, 0.0, 60.0, 60.0, 60.0))
    assert (laps.warmup, laps.measured, laps.discarded) == ((5.0,), (3.0,), 1)
    assert laps.window == (1260.0, 1263.0)


def test_sleep_in_the_first_epoch_makes_no_warmup_of_the_second() -> None:
    times = (10.0, 15.0, 100.0, 102.0, 200.0, 203.0)
    laps = time_laps(*times, asleep=(0.0, *[60.0] * 5))
    assert (laps.warmup, laps.measured, laps.discarded) == ((), (2.0, 3.0), 1)


def test_a_machine_that_slept_in_every_epoch_measured_nothing() -> None:
    laps = time_laps(1.0, 4.0, asleep=(0.0, 60.0))
    with pytest.raises(JobError, match="keep the machine awake"):
        _ = laps.measured


def measured(laps: Laps, **changes: int | None) -> Measurement:
    """Laps of 40 steps of 50 samples, with 6,000 samples to an epoch, and the given changes."""
    values: dict[str, object] = {
        "lap_seconds": laps.measured,
        "warmup_lap_seconds": laps.warmup,
        "cold_start_seconds": 1.0,
        "total_seconds": 20.0,
        "samples_per_lap": 2000,
        "steps_per_lap": 40,
        "samples_per_epoch": 6000,
        "history": {},
        "test": {},
        **changes,
    }
    return Measurement.model_validate(values)


def test_the_arithmetic_is_that_of_the_hand() -> None:
    # Laps of 2 s and 4 s after a warm-up of 5 s, with pauses that count nowhere.
    measurement = measured(time_laps(10.0, 15.0, 100.0, 102.0, 200.0, 204.0))
    assert measurement.samples_per_second == (1000.0, 500.0)  # 2000 / 2 and 2000 / 4
    assert measurement.step_seconds == (0.05, 0.1)  # 2 / 40 and 4 / 40
    assert measurement.epoch_seconds == (6.0, 12.0)  # three laps to an epoch


def test_what_is_not_known_is_not_computed() -> None:
    laps = time_laps(1.0, 4.0)
    assert measured(laps, samples_per_lap=None).samples_per_second is None
    assert measured(laps, steps_per_lap=None).step_seconds is None
