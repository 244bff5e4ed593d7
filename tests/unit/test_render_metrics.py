"""Metrics other than the speed-up, as a reader sees them."""

from __future__ import annotations

import math
import re

import pytest

from farm import matrix as matrices
from farm import metric as metrics
from farm.cli import matrix as cli
from farm.matrix import CellState, Matrix
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
def test_a_metric_is_summed_up_over_the_own_cells_of_each_hardware(metric: str) -> None:
    printed = table(with_values(metric))
    write = SHOWN[metric].text
    summary = {
        name: re.split(r"\s{2,}", row(printed, name).removeprefix(name).strip())
        for name in ("minimum", "geometric mean", "maximum", "cells")
    }
    assert summary == {
        "minimum": [write(0.25), write(2.0), "–"],
        "geometric mean": [write(1.0), write(2.0), "–"],  # √(¼ × 4), by hand
        "maximum": [write(4.0), write(2.0), "–"],
        "cells": ["2 of 2", "1 of 2", "0 of 2"],
    }
    assert f"({write(9.0)}) invalid [1]" in printed
    assert "failed [2]" in printed
    assert row(printed, "cnn").split()[-3:-2] == ["–"]
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
    assert cli.METRICS == metrics.METRICS
    assert cli.ACROSS == matrices.ACROSS
    assert set(SHOWN) == set(metrics.METRICS) - {"speedup"}
