"""The protocol `steady`: lap sizes, the interval of the median, and when it all ends."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterable, Mapping

import pytest

from jobs.errors import JobError
from jobs.spec import Effort
from jobs.steady import (
    MAX_DISCARDED,
    SteadyLaps,
    fits,
    median_interval,
    relative_half_width,
    steps_per_lap,
)


class Clock:
    """Stands still until the test lets time pass."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def run(
    effort: Effort,
    laps: Iterable[float],
    lap_seconds: float = 1.0,
    sleep: Mapping[int, float] | None = None,
) -> SteadyLaps:
    """Have laps last as said, with 10 s between them, until no more are wanted.

    In those that `sleep` names by their numbers the machine sleeps for so many seconds.
    """
    clock, wall = Clock(100.0), Clock(1_000_000.0)
    steady = SteadyLaps(effort, lap_seconds, clock, wall)
    for number, seconds in enumerate(laps):
        steady.start()
        clock.now += seconds
        wall.now += seconds + (sleep or {}).get(number, 0.0)
        steady.stop()
        if steady.finished:
            break
        clock.now += 10.0
        wall.now += 10.0
    return steady


def noisy(spread: float, seed: int = 1) -> Iterable[float]:
    source = random.Random(seed)
    return (source.lognormvariate(0, spread) for _ in itertools.count())


def test_a_lap_has_as_many_steps_as_fill_it() -> None:
    assert steps_per_lap(1.0, 0.004) == 250
    assert steps_per_lap(1.0, 0.4) == 2
    assert steps_per_lap(1.0, 30.0) == 1
    assert steps_per_lap(1.0, 0.0) == 1
    assert fits(1.0, 0.7)
    assert fits(1.0, 1.4)
    assert not fits(1.0, 0.6)
    assert not fits(1.0, 1.6)


def test_the_interval_of_the_median_takes_six_values() -> None:
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert median_interval([6.0, 1.0, 2.0, 3.0, 4.0, 5.0]) == (1.0, 6.0)
    assert relative_half_width([1.0] * 5) == math.inf
    assert relative_half_width([1.0, 1.0, 1.0, 1.0, 1.0, 2.0]) == 0.5


@pytest.mark.parametrize(
    ("count", "rank"), [(6, 1), (8, 1), (9, 2), (12, 3), (17, 5), (20, 6), (25, 8), (50, 18)]
)
def test_the_ranks_are_those_of_the_published_table(count: int, rank: int) -> None:
    # As printed in tables of the sign test's interval, such as David & Nagaraja's section 7.1.
    ordered = [float(i) for i in range(1, count + 1)]
    assert median_interval(ordered) == (rank, count + 1 - rank)


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    source = random.Random(3)
    held = 0
    for _ in range(2000):
        interval = median_interval([source.lognormvariate(0, 0.5) for _ in range(12)])
        assert interval is not None
        held += interval[0] <= 1.0 <= interval[1]
    assert 0.95 <= held / 2000 <= 0.98  # 96.1 % by the binomial


def test_steady_laps_are_measured_after_eight_and_stop_at_the_precision() -> None:
    steady = run(Effort(), [1.0] * 100)
    assert (steady.warmup_ended, steady.stopped_by) == ("steady", "precision")
    assert (steady.warmup, steady.measured) == ([1.0] * 8, [1.0] * 6)


def test_what_lies_between_laps_is_nobodys_and_the_window_is_that_of_measured_laps() -> None:
    steady = run(Effort(), [1.0] * 100)
    began = 1_000_000.0 + 8 * (1.0 + 10.0)
    assert steady.window == (began, began + 6 * 1.0 + 5 * 10.0)


def test_a_warmup_that_becomes_shorter_lasts_until_it_no_longer_does() -> None:
    laps = [2.0, 1.8, 1.6, 1.4, 1.3, 1.2, 1.1, 1.05, 1.0]
    steady = run(Effort(warmup_seconds=60), itertools.chain(laps, itertools.repeat(1.0)))
    assert steady.warmup_ended == "steady"
    assert len(steady.warmup) > len(laps)
    assert set(steady.measured) == {1.0}


def test_laps_that_become_longer_are_warmup_up_to_the_cap() -> None:
    growing = (1 + 0.01 * lap for lap in itertools.count())
    steady = run(Effort(warmup_seconds=15, budget_seconds=5), growing)
    assert (steady.warmup_ended, steady.stopped_by) == ("cap", "budget")
    assert 14 < sum(steady.warmup) + steady.warmup[-1] <= 15 + steady.warmup[-1]
    assert sum(steady.warmup) <= 15


def test_no_warmup_lap_begins_that_would_outlast_the_cap() -> None:
    steady = run(Effort(warmup_seconds=20, budget_seconds=20), [30.0] * 9, lap_seconds=30.0)
    assert (steady.warmup, steady.measured) == ([], [30.0])
    assert (steady.warmup_ended, steady.stopped_by) == ("cap", "budget")


def test_without_a_warmup_the_first_lap_counts() -> None:
    steady = run(Effort(warmup_seconds=0), [1.0] * 9)
    assert (steady.warmup, steady.warmup_ended) == ([], "cap")
    assert len(steady.measured) == 6


def test_noisy_laps_end_with_the_budget() -> None:
    steady = run(Effort(lap_precision=0.001, budget_seconds=12), noisy(0.1))
    assert steady.stopped_by == "budget"
    assert 12 <= sum(steady.measured) < 12 + max(steady.measured)


def test_more_precision_takes_more_laps() -> None:
    loose = run(Effort(lap_precision=0.1, budget_seconds=900), noisy(0.1))
    tight = run(Effort(lap_precision=0.02, budget_seconds=900), noisy(0.1))
    assert loose.stopped_by == tight.stopped_by == "precision"
    assert 6 <= len(loose.measured) < len(tight.measured)
    assert relative_half_width(tight.measured) <= 0.02
    assert statistics.median(tight.measured) == pytest.approx(1.0, rel=0.05)


def test_a_lap_in_which_the_machine_slept_is_discarded_and_another_one_takes_its_place() -> None:
    # Given sleep in the second warm-up lap, in the first lap that counts, and in the third
    steady = run(
        Effort(),
        [1.0, 1.7, *[1.0] * 7, 1.7, 1.0, 1.7, *[1.0] * 9],
        sleep=dict.fromkeys((1, 9, 11), 3600.0),
    )
    # Then there are as many laps as ever, and none of those
    assert (steady.warmup, steady.measured) == ([1.0] * 8, [1.0] * 6)
    assert steady.fields["discarded_laps"] == 3
    # And they begin with the first that is kept: after ten laps, their pauses, and two hours
    began_at = 1_000_000.0 + 10 * 11.0 + 2 * 0.7 + 2 * 3600.0
    assert steady.window[0] == pytest.approx(began_at, abs=1e-6)


def test_a_clock_that_is_slewed_or_set_back_is_no_sleep() -> None:
    slewed = run(Effort(lap_seconds=100), [100.0] * 20, 100.0, sleep={0: 1.9})
    assert slewed.discarded == 0
    assert run(Effort(), [1.0] * 20, sleep={3: -3600.0}).discarded == 0
    assert run(Effort(), [1.0] * 20, sleep={3: 1.02}).discarded == 1


def test_a_machine_that_always_sleeps_measures_nothing_and_says_so() -> None:
    with pytest.raises(JobError, match="keep it awake"):
        run(Effort(), [1.0] * 99, sleep=dict.fromkeys(range(99), 5.0))
    awake = run(Effort(), [1.0] * 99, sleep=dict.fromkeys(range(MAX_DISCARDED), 5.0))
    assert (awake.discarded, len(awake.measured)) == (MAX_DISCARDED, 6)


def test_a_lap_that_was_never_started_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="never started"):
        SteadyLaps(Effort(), 1.0, Clock(), Clock()).stop()
