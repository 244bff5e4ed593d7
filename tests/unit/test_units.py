"""How numbers and units are written."""

from __future__ import annotations

import pytest

from farm.render import units


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1, "1.00×"), (1.774, "1.77×"), (0.9996, "1.00×"), (9.996, "10.0×"), (99.96, "100×"),
        (0.01234, "0.0123×"), (1234.5, "1,230×"), (0, "0×"),
    ],
)  # fmt: skip
def test_ratios(value: float, written: str) -> None:
    assert units.ratio(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3e-9, "3.00 ns"), (2.5e-4, "250 µs"), (0.052, "52.0 ms"), (0.52, "0.520 s"),
        (4.123, "4.12 s"), (128, "128 s"), (1234, "1,230 s"), (12_500, "3.47 h"),
    ],
)  # fmt: skip
def test_seconds(value: float, written: str) -> None:
    assert units.seconds(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.2, "0 s"), (45.4, "45 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations(value: float, written: str) -> None:
    assert units.duration(value) == written


def test_sizes_counts_spans_and_scalars() -> None:
    assert [units.size(value) for value in (512, 1536, 1.5 * 2**30)] == [
        "512 B",
        "1.50 KiB",
        "1.50 GiB",
    ]
    assert [units.count(number, "repeat") for number in (1, 1200)] == ["1 repeat", "1,200 repeats"]
    assert units.count(2, "process", "processes") == "2 processes"
    assert (units.span(3, 3), units.span(1, 3)) == ("3", "1 to 3")
    assert [units.scalar(value) for value in (True, 50_000, 0.25, "x")] == [
        "true",
        "50000",
        "0.25",
        "x",
    ]
