"""Several physical machines of one name: their spread enters the intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farm.statistics.process import Process
from farm.statistics.replicates import tabulate
from tests.unit.test_statistics import Rows, both, only, processes, told


def test_the_spread_between_units_enters_and_repeats_on_one_unit_do_not_hide_it() -> None:
    # Given two units 20 % apart, each as steady as can be, over several rows
    rng = np.random.default_rng(1)

    def steady(centre: float, unit: str) -> list[Process]:
        return processes(*(centre * np.exp(0.01 * rng.normal(size=5))).tolist(), unit=unit)

    rows = [
        {"base": steady(1, "b"), "here": [*steady(2, "one"), *steady(2.4, "two")]} for _ in range(6)
    ]
    unknown: Rows = [
        {name: [Process(p.seconds) for p in of] for name, of in row.items()} for row in rows
    ]
    # Then the interval is that of two, not of ten; in the mean over rows too
    split, pooled = both(rows), both(unknown)
    for one, ten in zip(split, pooled, strict=True):
        assert math.log(one.high / one.low) > 3 * math.log(ten.high / ten.low)
        assert one.low < 1 / 2.4
        assert one.high > 1 / 2


def test_with_several_units_the_ratio_is_of_the_mean_over_units() -> None:
    here = [*processes(1, 1, 1, unit="one"), *processes(4, unit="two")]
    interval = told(only(here, processes(2, 2)))
    assert interval.ratio == pytest.approx(1)


def test_units_that_do_not_differ_let_the_mean_narrow() -> None:
    rng = np.random.default_rng(1)

    def cell(units: int) -> list[Process]:
        return [Process(float(np.exp(0.05 * rng.normal())), f"u{unit}") for unit in range(units)]

    rows = [{"base": cell(4), "here": cell(4)} for _ in range(24)]
    *cells, mean = both(rows)
    assert math.log(mean.high / mean.low) < 0.6 * min(math.log(c.high / c.low) for c in cells)


def test_a_cell_on_one_unit_of_several_is_less_certain_than_one_on_all() -> None:
    rng = np.random.default_rng(1)
    effect = {"one": -0.1, "two": 0.0, "three": 0.1}

    def cell(*units: str) -> list[Process]:
        return [
            Process(float(np.exp(effect[unit] + 0.01 * rng.normal())), unit)
            for unit in units
            for _ in range(3)
        ]

    base = processes(1, 1.01, 1.02)
    rows = [{"base": base, "here": cell(*effect)} for _ in range(8)]
    rows.append({"base": base, "here": cell("one")})
    found = both(rows)
    assert found[8].high / found[8].low > found[0].high / found[0].low


def test_the_spread_is_split_in_what_a_unit_keeps_and_the_rest_without_bias() -> None:
    # Given units 10 % apart, whose cells scatter by 5 %, in matrices of three rows
    rng = np.random.default_rng(1)
    kept, rest = [], []
    for _ in range(2000):
        logs = 0.1 * rng.normal(size=4) + 0.05 * rng.normal(size=(3, 4))
        rows = [
            {"here": [Process(math.exp(log), f"u{unit}") for unit, log in enumerate(row)]}
            for row in logs.tolist()
        ]
        table = tabulate(rows)
        kept.append(table.unit_variance.mean())
        rest.append(table.variance.mean())
    # Then the mean of three cells still holds a third of the scatter
    assert np.mean(kept) == pytest.approx(0.1**2 + 0.05**2 / 3, rel=0.05)
    assert np.mean(rest) == pytest.approx(0.05**2, rel=0.05)
