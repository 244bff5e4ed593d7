"""Speed-ups with intervals: against values computed otherwise, and what must always hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy.stats import ttest_ind

from farm.statistics.process import Process
from farm.statistics.statistics import (
    Interval,
    geometric_means,
    log_se_of_median,
    resolved,
    speedups,
)
from tests.benchmarks.interval_cost import random_rows

Rows = Sequence[Mapping[str, Sequence[Process]]]


def processes(*seconds: float, unit: str | None = None) -> list[Process]:
    return [Process(each, unit) for each in seconds]


def told(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


def only(here: Sequence[Process], base: Sequence[Process]) -> Interval | None:
    return speedups([{"base": base, "here": here}], "base")[0]["here"]


def both(rows: Rows) -> list[Interval]:
    """Return every interval of `here`, the geometric mean's last."""
    found = [told(row["here"]) for row in speedups(rows, "base")]
    return [*found, told(geometric_means(rows, "base")["here"])]


# One cell, nothing to borrow from: Welch's t.


def test_one_cell_has_the_interval_of_welchs_t_on_the_logs() -> None:
    # Given three processes and two, of unlike spread
    base, here = (3.0, 2.5, 2.9), (1.0, 1.05)
    # When another implementation is asked for the difference of the means of the logs
    welch = ttest_ind(np.log(base), np.log(here), equal_var=False).confidence_interval(0.95)
    # Then ours is that
    interval = told(only(processes(*here), processes(*base)))
    assert interval.low == pytest.approx(math.exp(welch.low))
    assert interval.high == pytest.approx(math.exp(welch.high))
    assert interval.ratio == pytest.approx((3.0 * 2.5 * 2.9) ** (1 / 3) / 1.05**0.5)
    assert not interval.within_run


def test_the_geometric_mean_over_one_row_is_the_rows_interval() -> None:
    rows = [{"base": processes(1, 1.1, 1.2), "here": processes(2, 2.1, 2.4)}]
    assert geometric_means(rows, "base")["here"] == speedups(rows, "base")[0]["here"]


def test_more_confidence_is_wider() -> None:
    rows = [{"base": processes(1, 1.1), "here": processes(2, 2.1)}]
    narrow, wide = (
        told(speedups(rows, "base", confidence=level)[0]["here"]) for level in (0.8, 0.99)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


# What is there, and what is not.


def test_only_hardware_measured_beside_the_baseline_has_a_speedup() -> None:
    rows: Rows = [
        {"base": processes(1, 2), "here": processes(1, 2), "other": []},
        {"here": processes(1, 2)},
        {"base": processes(1, 2), "other": processes(3, 4)},
        {},
    ]
    assert [sorted(row) for row in speedups(rows, "base")] == [
        ["base", "here"],
        [],
        ["base", "other"],
        [],
    ]


def test_the_baselines_own_is_exactly_one() -> None:
    rows = [{"base": processes(1, 2), "here": processes(1)}]
    assert speedups(rows, "base")[0]["base"] == Interval(1, 1, 1, False)
    assert geometric_means(rows, "base")["base"] == Interval(1, 1, 1, False)


def test_without_the_baseline_nothing_can_be_told() -> None:
    rows = [{"here": processes(1, 2)}]
    assert speedups(rows, "base") == [{}]
    assert geometric_means(rows, "base") == {"here": None}
    assert (speedups([], "base"), geometric_means([], "base")) == ([], {})


def test_hardware_that_shares_no_row_has_no_mean() -> None:
    rows = [{"base": processes(1, 2)}, {"here": processes(1, 2)}]
    assert geometric_means(rows, "base")["here"] is None


def test_the_mean_leaves_out_rows_that_one_side_lacks() -> None:
    shared = [
        {"base": processes(4, 4.1), "here": processes(2, 2.2)},
        {"base": processes(3, 3.1), "here": processes(3, 3.2)},
    ]
    more = [{"base": processes(9, 9.1)}, *shared, {"here": processes(7, 7.1)}]
    assert geometric_means(more, "base")["here"] == pytest.approx(
        told(geometric_means(shared, "base")["here"])
    )


def test_seconds_that_are_no_time_are_refused() -> None:
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="positive, finite"):
            only(processes(bad, 1), processes(1, 2))


def test_the_mean_of_known_variances_is_as_computed_by_hand() -> None:
    # Given two rows, all four sides of two processes with a variance of 0.02 in the log
    base, here = processes(math.exp(-0.1), math.exp(0.1)), processes(math.exp(-1.1), math.exp(-0.9))
    rows = [{"base": base, "here": here}, {"base": base, "here": here}]
    # Then the variance is 4 × 0.02/2 over 2², and Welch's degrees of freedom 4²/(4 × 1/3) - 2
    interval = told(geometric_means(rows, "base")["here"])
    half = 2.2281 * math.sqrt(0.01)  # t(10) at 97.5 %
    assert interval[:3] == pytest.approx((math.e, math.exp(1 - half), math.exp(1 + half)), rel=1e-4)


# Single processes.


def test_one_process_and_no_repeats_is_told_from_its_laps() -> None:
    interval = told(only([Process(1.0, None, 0.03)], [Process(2.0, None, 0.04)]))
    assert interval.within_run
    assert interval.ratio == pytest.approx(2)
    assert math.log(interval.high / 2) == pytest.approx(1.96 * 0.05, rel=1e-4)


def test_one_side_of_a_single_process_makes_the_interval_within_run() -> None:
    interval = told(only([Process(1.0, None, 0.03)], processes(2.0, 2.1)))
    assert interval.within_run


def test_a_single_lap_of_a_single_process_has_no_interval() -> None:
    rows = [{"base": processes(1, 2), "here": processes(1)}]
    assert speedups(rows, "base")[0]["here"] is None
    assert geometric_means(rows, "base")["here"] is None


def test_one_process_borrows_the_spread_of_the_machines_repeated_cells() -> None:
    # Given a machine that spreads by 10 % in repeated cells, with one process in the last
    repeated = [
        {"base": processes(1, 1.01, 1.02), "here": processes(t, t * 1.1, t * 1.2)}
        for t in (1, 2, 3)
    ]
    rows = [*repeated, {"base": processes(1, 1.01, 1.02), "here": [Process(1.0, None, 1e-6)]}]
    # Then its interval is not that of its laps, and wider than those of three processes
    found = [told(row["here"]) for row in speedups(rows, "base")]
    assert not any(each.within_run for each in found)
    widths = [each.high / each.low for each in found]
    assert widths[3] > 1.2 * max(widths[:3])
    # And the mean does not take the one process for certain either
    mean, alone = (told(geometric_means(of, "base")["here"]) for of in (rows, rows[:3]))
    assert not mean.within_run
    assert mean.high / mean.low > alone.high / alone.low


def test_laps_that_are_all_equal_make_an_interval_without_width() -> None:
    rows = [{"base": processes(2, 2, 2), "here": processes(0.1, 0.1, 0.1)} for _ in range(4)]
    for interval in both(rows):
        assert interval[:3] == pytest.approx((20, 20, 20))
        assert interval.high / interval.low == pytest.approx(1, abs=1e-9)


def test_one_cell_without_spread_among_others_gets_the_usual_one() -> None:
    rows = [{"base": processes(1, 1.1, 1.2), "here": processes(1, 1.1, 1.2)} for _ in range(5)]
    rows.append({"base": processes(1, 1.1, 1.2), "here": processes(1, 1, 1)})
    found = both(rows)
    assert found[5].high / found[5].low > 1.1


# The rest.


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.9, 1.1, False), (1.01, 1.1, True), (0.5, 0.99, True), (1, 1.5, False), (0.5, 1, False)],
)
def test_resolved_is_when_the_interval_leaves_one_out(
    low: float, high: float, verdict: bool
) -> None:
    assert resolved(Interval((low + high) / 2, low, high, False)) is verdict


def test_the_error_of_a_median_is_of_the_logs_and_of_no_order() -> None:
    assert log_se_of_median([]) is None
    assert log_se_of_median([1.0]) is None
    assert log_se_of_median([2.0, 2.0, 2.0]) == 0
    laps = [1.0, 1.1, 1.3, 0.9, 1.2, 1.05, 1.15, 0.95, 1.25, 1.02]
    error = log_se_of_median(laps)
    assert error is not None
    assert log_se_of_median([7 * lap for lap in reversed(laps)]) == pytest.approx(error)
    # Second smallest and second largest of ten: P(at most one below the median) = 11 / 1024
    assert error == pytest.approx(math.log(1.25 / 0.95) / (2 * 2.2994), rel=1e-3)


@pytest.mark.parametrize("laps", [2, 3, 4, 5, 10, 30])
def test_the_error_of_a_median_covers_the_true_median(laps: int) -> None:
    rng = np.random.default_rng(1)
    draws = np.exp(0.1 * rng.normal(size=(4000, laps)))
    errors = np.array([log_se_of_median(each) for each in draws.tolist()])
    covered = np.abs(np.log(np.median(draws, axis=1))) <= 1.96 * errors
    print(f"{laps} laps: {100 * covered.mean():.1f} %")
    assert 0.925 <= covered.mean() <= 0.975


def test_a_large_matrix_is_told_in_full() -> None:
    rows = random_rows(30, 8, 3)
    found = speedups(rows, "h0")
    assert all(len(row) == 8 and None not in row.values() for row in found)
    assert len(geometric_means(rows, "h0")) == 8
