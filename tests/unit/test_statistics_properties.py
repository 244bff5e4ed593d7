"""What holds for the intervals of any matrix."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from farm.statistics.process import Process
from farm.statistics.statistics import Interval, geometric_means, speedups
from tests.unit.test_statistics import Rows

SECONDS = st.floats(1e-3, 1e3)
LOG_SE = st.none() | st.floats(0, 0.5)
UNIT = st.sampled_from([None, "one", "two", "three"])
PROCESS = st.builds(Process, SECONDS, UNIT, LOG_SE)
CELL = st.lists(PROCESS, max_size=4)
ROWS = st.lists(st.fixed_dictionaries({"base": CELL, "here": CELL, "other": CELL}), max_size=6)


def every(rows: Rows, baseline: str, name: str) -> list[Interval | None]:
    of_rows = [row.get(name) for row in speedups(rows, baseline)]
    return [*of_rows, geometric_means(rows, baseline).get(name)]


def near(one: Interval | None, other: Interval | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = zip(one[:3], other[:3], strict=True)
    return one.within_run == other.within_run and all(
        math.isclose(math.log(a), math.log(b), rel_tol=1e-6, abs_tol=1e-7) for a, b in pairs
    )


@settings(deadline=None)
@given(ROWS)
def test_an_interval_is_finite_and_holds_its_ratio(rows: Rows) -> None:
    for name in ("base", "here", "other"):
        for interval in every(rows, "base", name):
            if interval is not None:
                assert 0 < interval.low <= interval.ratio <= interval.high < math.inf


@settings(deadline=None)
@given(ROWS)
def test_the_other_way_round_the_interval_is_inverted(rows: Rows) -> None:
    there = every(rows, "base", "here")
    back = every(rows, "here", "base")
    for one, other in zip(there, back, strict=True):
        inverse = one and Interval(1 / one.ratio, 1 / one.high, 1 / one.low, one.within_run)
        assert near(inverse, other)


@settings(deadline=None)
@given(ROWS, st.floats(0.01, 100))
def test_slowing_a_machine_down_divides_its_speedups(rows: Rows, factor: float) -> None:
    slower = [
        {**row, "here": [each._replace(seconds=each.seconds * factor) for each in row["here"]]}
        for row in rows
    ]
    pairs = zip(every(rows, "base", "here"), every(slower, "base", "here"), strict=True)
    for one, other in pairs:
        scaled = one and Interval(
            one.ratio / factor, one.low / factor, one.high / factor, one.within_run
        )
        assert near(scaled, other)


@settings(deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_processes_and_hardware_does_not_matter(
    rows: Rows, random: Random
) -> None:
    shuffle = random.shuffle
    order = list(range(len(rows)))
    shuffle(order)
    turned: list[dict[str, list[Process]]] = []
    for index in order:
        names = list(rows[index])
        shuffle(names)
        turned.append({name: list(rows[index][name]) for name in names})
        for cell in turned[-1].values():
            shuffle(cell)
    *cells, mean = every(rows, "base", "here")
    *shuffled, same = every(turned, "base", "here")
    assert all(near(cells[index], each) for index, each in zip(order, shuffled, strict=True))
    assert near(mean, same)


@settings(deadline=None)
@given(ROWS)
def test_a_column_does_not_depend_on_the_others(rows: Rows) -> None:
    alone = [{name: row[name] for name in ("base", "here")} for row in rows]
    assert all(
        near(one, other)
        for one, other in zip(
            every(rows, "base", "here"), every(alone, "base", "here"), strict=True
        )
    )
