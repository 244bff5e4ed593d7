"""Metrics other than the speed-up, as a reader sees them."""

from __future__ import annotations

import math
import re

import pytest

from farm import choices
from farm.cli import matrix as cli
from farm.matrix import matrix as matrices
from farm.matrix import metric as metrics
from farm.matrix.matrix import CellState, Matrix, MatrixCell
from farm.readings.reading import Reading
from farm.render import render, units
from farm.render.values import SHOWN
from tests.unit.matrix_by_hand import invalid, matrix, place, unmeasured

FLOOR = "accuracy 0.10 after training, below the floor of 0.80"


def table(of: Matrix) -> str:
    return render(of, "table", title="run r1")


def row(printed: str, start: str) -> str:
    (found,) = (line for line in printed.splitlines() if re.match(start, line))
    return found


def with_values(metric: str, marks: tuple[str | None, str | None] = (None, None)) -> Matrix:
    columns = {
        "p100": [place(1.0, value=0.25, mark=marks[0]), place(1.0, value=4.0, mark=marks[0])],
        "t4": [place(2.0, value=2.0, mark=marks[1]), place(2.0, value=None)],
        "m2": [invalid(3.0, FLOOR, value=9.0, mark=marks[1]), unmeasured(CellState.FAILED, "why")],
    }
    return matrix(columns, metric=metric)


@pytest.mark.parametrize("metric", metrics.METRICS[1:])
def test_a_metric_is_summed_up_over_the_cells_shared_with_the_baseline(metric: str) -> None:
    printed = table(with_values(metric))
    write = SHOWN[metric].text
    summary = {
        name: re.split(r"\s{2,}", row(printed, name).removeprefix(name).strip())
        for name in ("minimum", "geometric mean", "maximum", "cells")
    }
    assert summary == {
        "minimum": [write(0.25), write(2.0), "–"],
        "geometric mean": [write(1.0), write(2.0) + " [3]", "–"],  # √(¼ × 4), by hand
        "maximum": [write(4.0), write(2.0), "–"],
        "cells": ["2 of 2", "1 of 2", "0 of 2"],
    }
    assert f"({write(9.0)}) invalid [1]" in printed
    assert "failed [2]" in printed
    assert row(printed, "cnn").split()[-3:-2] == ["–"]
    over = "over the 1 cell that t4 shares with p100, whose own mean there is"
    assert f"[3] {over} {write(0.25)}" in printed
    assert "– is not known" in printed
    assert "×" not in printed


def test_kinds_of_energy_are_never_mixed_without_a_mark() -> None:
    printed = table(with_values("energy", ("counter, gpu", "nominal, gpu")))
    header = row(printed, "workload")
    assert header.split()[2:] == ["p100", "[1]", "t4", "[2]", "m2", "[2]"]
    assert "[1] counter, gpu: by the device's own counter" in printed
    assert "[2] nominal, gpu: the power that the maker states × time, not measured" in printed


def test_a_column_of_several_kinds_of_energy_bears_a_mark_at_every_number() -> None:
    own = [
        place(2.0, value=2.0, mark="counter, gpu"),
        place(2.0, value=3.0, mark="estimated, gpu"),
    ]
    printed = table(matrix({"a": own}, metric="energy"))
    assert row(printed, "mlp").endswith("2.00 J [1]")
    assert row(printed, "cnn").endswith("3.00 J [2]")
    assert row(printed, "geometric mean").endswith("2.45 J [1,2]")
    assert "[2] estimated, gpu: estimated by a model of the device, not measured" in printed
    assert row(printed, "workload").endswith(" a")


def test_a_value_that_is_no_number_is_unknown_and_in_no_summary() -> None:
    own = [place(1.0, value=math.nan), place(1.0, value=3.0)]
    printed = table(matrix({"a": own}, metric="seconds"))
    assert row(printed, "mlp").split() == ["mlp", "32", "–"]
    assert row(printed, "maximum").split() == ["maximum", "3.00", "s"]
    assert "1 of 2" in row(printed, "cells")


def test_one_kind_of_energy_is_said_above_the_table() -> None:
    printed = table(with_values("energy", ("counter, gpu", "counter, gpu")))
    assert "energy per epoch, counter, gpu: by the device's own counter; less" in printed
    assert "[" not in row(printed, "workload")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (units.joules(0.0005), "500 µJ"),
        (units.joules(0.5), "500 mJ"),
        (units.joules(1234), "1,230 J"),
        (units.joules(45_600), "45.6 kJ"),
        (units.joules(7.8e7), "78.0 MJ"),
        (units.rate(12_345), "12,300/s"),
        (units.percent(0.1234), "12.3 %"),
    ],
)
def test_units_of_the_metrics(written: str, expected: str) -> None:
    assert written == expected


def test_the_command_line_offers_every_metric_and_whatever_may_be_matched_across() -> None:
    offered = {option.name: option.type for option in cli.command.params}
    assert list(getattr(offered["metric"], "choices", ())) == list(choices.METRICS)
    assert list(getattr(offered["across"], "choices", ())) == list(choices.ACROSS)
    assert metrics.METRICS is choices.METRICS
    assert matrices.ACROSS is choices.ACROSS
    assert set(SHOWN) == set(metrics.METRICS) - {"speedup"}


def test_cells_that_the_baseline_lacks_are_in_no_summary() -> None:
    columns = {
        "p100": [place(1.0, value=None), place(1.0, value=4.0), invalid(1.0, FLOOR, value=1.0)],
        "t4": [place(1.0, value=9.0), place(1.0, value=2.0), place(1.0, value=8.0)],
    }
    for by in (None, "batch_size"):
        printed = table(matrix(columns, metric="energy", by=by, workloads=("mlp",)))
        assert "Means are over the cells that a column shares with p100." in printed
        for name in ("minimum", "geometric mean", "maximum"):
            assert row(printed, name).split()[-2:] == ["2.00", "J"]
        assert row(printed, "cells   ").split()[1:] == ["1", "of", "3", "1", "of", "3"]
        if by:
            assert row(printed, "32 ").endswith("– (0)")
            assert "J" not in row(printed, "32 ")


def test_a_group_says_what_the_baseline_comes_to_over_the_same_cells() -> None:
    columns = {
        "p100": [place(1.0, value=1.0), place(1.0, value=16.0)],
        "t4": [place(1.0, value=2.0), unmeasured(CellState.FAILED)],
    }
    printed = table(matrix(columns, metric="seconds", by="workload", workloads=("mlp",)))
    assert row(printed, "mlp").split()[-4:] == ["2.00", "s", "(1)", "[1]"]
    assert "[1] over the 1 cell that t4 shares with p100, whose own mean there is 1.00 s" in printed


def lapped(samples: int | None, of_epoch: int | None = None) -> MatrixCell:
    """A cell whose processes took as many samples a lap."""
    readings = (Reading(seconds=4.0, laps=5, samples=samples),) * 3
    return place(1.0, value=4.0, samples_per_epoch=of_epoch, readings=readings)


@pytest.mark.parametrize(
    ("rows", "unit"),
    [
        ([lapped(1000, 1000), lapped(500, 500)], "epoch"),
        ([lapped(1000), lapped(1000)], "1,000 samples trained on"),
        ([lapped(1)], "1 sample trained on"),
        ([lapped(1000), lapped(500)], "lap, all of a row on one number of samples"),
        ([lapped(None), lapped(None)], "lap"),
        ([lapped(None), lapped(1000)], "lap"),
        ([lapped(None), lapped(500, 500)], "epoch where one is known, else per lap"),
        ([lapped(1000), unmeasured(CellState.FAILED)], "1,000 samples trained on"),
    ],
)
def test_what_a_time_is_of_is_said_as_it_is_known(rows: list[MatrixCell], unit: str) -> None:
    said = table(matrix({"a": rows, "b": rows}))
    assert f"\nTimes are per {unit}: the geometric mean of the medians of 3 processes." in said
    for metric, what in (("seconds", "time"), ("energy", "energy")):
        said = table(matrix({"a": rows, "b": rows}, metric=metric))
        assert f"\n{what} per {unit}; less is better." in said
