"""Numbers without an interval, and numbers of absurd size, as a reader sees them."""

from __future__ import annotations

from typing import Any

import pytest

from farm.matrix.matrix import Entry, Matrix, build
from farm.readings.reading import Reading
from farm.render import FORMATS, render
from tests.unit.matrix_by_hand import invalid, matrix, place
from tests.unit.matrix_samples import cell, measured

FLOOR = "accuracy 0.10 after training, below the floor of 0.80"


def test_a_speed_up_without_an_interval_beside_others_says_why() -> None:
    lone: dict[str, Any] = {"repeats": 1, "readings": (Reading(seconds=2.0, laps=1),)}
    many: dict[str, Any] = {"repeats": 1, "readings": (Reading(seconds=2.0, laps=9),)}
    columns = {
        "p100": [place(1.0, **many), place(1.0, **many), place(1.0, **lone), place(1.0, **many)],
        "t4": [place(2.0, **lone), place(2.0, 1.9, 2.1), place(2.0, **many), invalid(2.0, FLOOR)],
    }
    printed = render(matrix(columns), "table", title="")
    marks = [line.split("2.00×")[1].split() for line in printed.splitlines() if "2.00×" in line][:4]
    assert marks == [["[1]"], ["1.90–2.10"], ["[2]"], [")", "invalid", "[3]"]]
    assert "[1] no interval: one lap of one process\n" in printed
    assert "[2] no interval: one lap of one process on p100\n" in printed


def test_where_nothing_has_an_interval_no_cell_says_so() -> None:
    lone: dict[str, Any] = {"repeats": 1, "readings": (Reading(seconds=2.0, laps=1),)}
    columns = {"p100": [place(1.0, 1.0, 1.0, **lone)], "t4": [place(2.0, **lone)]}
    assert "no interval" not in render(matrix(columns), "table", title="")


def of_seconds(*pairs: tuple[float, float]) -> Matrix:
    """Return a matrix of two hardware that took these times, three processes each."""
    entries: list[Entry] = []
    for batch_size, (here, there) in enumerate(pairs, 1):
        for hardware, seconds in (("a", here), ("b", there)):
            repeats = [seconds * factor for factor in (1.0, 1.01, 1.03)]
            entries += measured(hardware, *repeats, of=cell(batch_size=batch_size))
    return build(entries, baseline="a")


@pytest.mark.parametrize("format", FORMATS)
def test_numbers_of_absurd_size_are_still_a_table(format: str) -> None:
    printed = render(of_seconds((1e300, 1.1e-7), (1.0, 1e15), (1e-300, 1.0)), format, title="")
    assert "inf" not in printed
    if format == "table":
        assert max(map(len, printed.splitlines())) < 140
        assert " 1.00e-15× " in printed


@pytest.mark.parametrize("format", FORMATS)
def test_a_speed_up_that_is_no_number_is_said_in_words(format: str) -> None:
    printed = render(of_seconds((1e300, 1e-300)), format, title="")
    assert "inf" not in printed
    assert ("out of range" in printed) == (format not in ("csv", "json"))
