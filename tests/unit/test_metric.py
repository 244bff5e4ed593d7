"""The metrics of a cell against values computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from farm.matrix.matrix import CellState, MatrixCell
from farm.matrix.metric import METRICS, Value, published_tflops, value
from farm.matrix.peak import Peak
from farm.readings.reading import Reading
from tests.unit.matrix_samples import cell

TWO = (
    Reading(
        seconds=2.0,
        laps=3,
        samples_per_second=100.0,
        latency_seconds=0.001,
        flops_per_second=1e12,
        cold_start_seconds=1.0,
        memory_bytes=10,
        memory_of="host",
        energy_joules=4.0,
        energy_kind="counter",
        energy_part="cpu",
    ),
    Reading(
        seconds=8.0,
        laps=3,
        samples_per_second=400.0,
        latency_seconds=0.004,
        flops_per_second=4e12,
        cold_start_seconds=3.0,
        memory_bytes=30,
        memory_of="host",
        energy_joules=9.0,
        energy_kind="estimated",
        energy_part="cpu",
    ),
)
PEAK = Peak(4e12, "peak-1", "8192", "torch", "float32")
WORDS = "the peak: float32 products of size 8192 on torch, run peak-1"


def place(readings: Sequence[Reading], **changes: Any) -> MatrixCell:
    """Return the cell of these processes; the changes are of the work."""
    return MatrixCell(
        status=CellState.SUCCEEDED, seconds=4.0, readings=tuple(readings), cell=cell(**changes)
    )


def found(
    metric: str, readings: Sequence[Reading], hardware: str = "p100", **changes: Any
) -> Value:
    """Return the value of a cell on hardware whose best float32 product is known."""
    return value(metric, place(readings, **changes), hardware, {("p100", "float32"): PEAK})


@pytest.mark.parametrize(
    ("metric", "number", "mark"),
    [
        ("seconds", 4.0, None),
        ("throughput", 200.0, None),  # the geometric mean of 100 and 400
        ("latency", 0.002, None),
        ("energy", 6.0, "estimated, cpu"),  # the least trustworthy of the two ways
        ("efficiency", 2e12 / 9.3e12, None),  # of a P100's published 9.3 TFLOPS
        ("measured-efficiency", 0.5, WORDS),
        ("memory", 30.0, "host"),
        ("cold-start", 2.0, None),
    ],
)
def test_a_value_is_what_its_name_says(metric: str, number: float, mark: str | None) -> None:
    there = found(metric, TWO)
    assert there.number == pytest.approx(number)
    assert there.mark == mark


@pytest.mark.parametrize("metric", [name for name in METRICS if name not in ("speedup", "seconds")])
def test_what_is_not_known_is_none_and_never_zero(metric: str) -> None:
    assert found(metric, (Reading(seconds=4.0, laps=1),)).number is None
    empty = MatrixCell(status=CellState.FAILED)
    assert value(metric, empty, "p100", {("p100", "float32"): PEAK}) == Value(None)


def test_one_process_without_a_value_leaves_no_mean_of_the_others() -> None:
    mixed = (TWO[0], Reading(seconds=8.0, laps=3))
    assert found("energy", mixed).number is None
    assert found("throughput", mixed).number is None


def test_hardware_without_a_peak_has_no_efficiency() -> None:
    assert found("efficiency", TWO, "abacus").number is None
    assert found("measured-efficiency", TWO, "abacus") == Value(None)
    assert published_tflops()["m2-max-38c"] == 13.6


@pytest.mark.parametrize("precision", ["tf32", "mixed_float16", "bfloat16", None])
def test_only_float32_is_set_against_the_published_peaks(precision: str | None) -> None:
    assert found("efficiency", TWO, precision=precision).number is None


@pytest.mark.parametrize(
    ("precision", "product"),
    [
        ("float32", "float32"),
        ("tf32", "tf32"),
        ("mixed_float16", "float16"),
        ("mixed_bfloat16", "bfloat16"),
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
    ],
)
def test_a_network_is_set_against_products_of_its_own_precision(
    precision: str, product: str
) -> None:
    peaks = {
        ("p100", each): PEAK._replace(flops_per_second=8e12 if each == product else 1e12)
        for each in ("float32", "tf32", "float16", "bfloat16")
    }
    there = value("measured-efficiency", place(TWO, precision=precision), "p100", peaks)
    assert there.number == pytest.approx(2e12 / 8e12)


@pytest.mark.parametrize(
    ("item", "per_sample", "number", "counted"),
    [
        (None, None, 200.0, "samples"),
        ("tokens", 128.0, 200.0 * 128, "tokens"),
        ("bytes", 1e9, 2e11, "bytes"),
        ("video seconds", 0.5, 100.0, "video seconds"),
        ("products", 1.0, 2e12, "flop"),  # by the arithmetic of each
    ],
)
def test_a_throughput_says_what_it_counts(
    item: str | None, per_sample: float | None, number: float, counted: str
) -> None:
    readings = [each._replace(item=item, items_per_sample=per_sample) for each in TWO]
    there = found("throughput", readings)
    assert there.number == pytest.approx(number)
    assert there.item == counted


def test_products_of_unknown_arithmetic_are_counted_as_such() -> None:
    readings = [
        each._replace(item="products", items_per_sample=1, flops_per_second=None) for each in TWO
    ]
    there = found("throughput", readings)
    assert there.number == pytest.approx(200.0)
    assert there.item == "products"


def test_repeats_that_count_unlike_things_have_no_throughput() -> None:
    readings = (TWO[0], TWO[1]._replace(item="tokens", items_per_sample=128.0))
    assert found("throughput", readings) == Value(None)
