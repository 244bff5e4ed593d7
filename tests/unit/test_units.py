"""How numbers and units are written."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.render import interval, units

POSITIVE = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)


def number_of(text: str) -> float:
    """Return what a text says; the largest number, rounded up, is still that."""
    return min(float(text.replace(",", "")), sys.float_info.max)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1, "1.00×"), (1.774, "1.77×"), (0.9996, "1.00×"), (9.996, "10.0×"), (99.96, "100×"),
        (0.01234, "0.0123×"), (1234.5, "1,230×"), (0, "0×"), (-0.0, "0×"),
        (9_994_000, "9,990,000×"), (9_996_000, "1.00e7×"), (9.6e14, "9.60e14×"),
        (0.0001, "0.000100×"), (0.0000999, "9.99e-5×"), (5e-324, "4.94e-324×"),
    ],
)  # fmt: skip
def test_ratios(value: float, written: str) -> None:
    assert units.ratio(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3e-9, "3.00 ns"), (2.5e-4, "250 µs"), (0.052, "52.0 ms"), (0.52, "0.520 s"),
        (4.123, "4.12 s"), (128, "128 s"), (1234, "1,230 s"), (12_500, "3.47 h"),
        (0, "0 s"), (1e-12, "0.00100 ns"), (1e-300, "1.00e-300 s"), (9.6e14, "9.60e14 s"),
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


@given(POSITIVE)
def test_every_time_and_every_ratio_is_short_and_reads_as_what_it_is(value: float) -> None:
    in_seconds = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "h": 3600.0}
    number, unit = units.seconds(value).split()
    texts = {number: value / in_seconds[unit], units.ratio(value).removesuffix("×"): value}
    for text, meant in texts.items():
        assert len(text) <= len("9.99e-308")
        assert number_of(text) == pytest.approx(meant, rel=0.0051)


@given(POSITIVE)
def test_no_unit_fails_for_any_finite_number(value: float) -> None:
    for write in (units.joules, units.rate, units.percent, units.size):
        assert len(write(value)) < 20


@given(POSITIVE, st.floats(0, 1))
def test_an_interval_of_any_size_is_short_and_in_order(value: float, share: float) -> None:
    low, high = sorted((value, value + (sys.float_info.max - value) * share**9))
    texts = interval.ends(low, high)
    assert max(map(len, texts)) <= len("1.00000e-308")
    told = [number_of(text) for text in texts]
    assert told[0] <= told[1]
    assert told[0] == pytest.approx(low, rel=0.051)


@given(POSITIVE, st.floats(1.0, 2.5))
def test_a_narrow_interval_of_any_size_reads_as_what_it_is(low: float, by: float) -> None:
    high = min(low * by, sys.float_info.max)
    for text, value in zip(interval.ends(low, high), (low, high), strict=True):
        assert number_of(text) == pytest.approx(value, rel=0.051)
