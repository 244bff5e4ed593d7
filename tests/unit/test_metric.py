"""The metrics of a cell against values computed by hand."""

from __future__ import annotations

import pytest

from farm.metric import METRICS, Value, published_tflops, value
from farm.reading import Reading

TWO = (
    Reading(
        seconds=2.0,
        laps=3,
        samples_per_second=100.0,
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
        flops_per_second=4e12,
        cold_start_seconds=3.0,
        memory_bytes=30,
        memory_of="host",
        energy_joules=9.0,
        energy_kind="estimated",
        energy_part="cpu",
    ),
)


@pytest.mark.parametrize(
    ("metric", "number", "mark"),
    [
        ("seconds", 4.0, None),
        ("throughput", 200.0, None),  # the geometric mean of 100 and 400
        ("energy", 6.0, "estimated, cpu"),  # the least trustworthy of the two ways
        ("efficiency", 2e12 / 9.3e12, None),  # of a P100's published 9.3 TFLOPS
        ("memory", 30.0, "host"),
        ("cold-start", 2.0, None),
    ],
)
def test_a_value_is_what_its_name_says(metric: str, number: float, mark: str | None) -> None:
    found = value(metric, 4.0, TWO, "p100")
    assert found.number == pytest.approx(number)
    assert found.mark == mark


@pytest.mark.parametrize("metric", [name for name in METRICS if name not in ("speedup", "seconds")])
def test_what_is_not_known_is_none_and_never_zero(metric: str) -> None:
    assert value(metric, 4.0, (Reading(seconds=4.0, laps=1),), "p100") == Value(None)
    assert value(metric, None, (), "p100") == Value(None)


def test_one_process_without_a_value_leaves_no_mean_of_the_others() -> None:
    mixed = (TWO[0], Reading(seconds=8.0, laps=3))
    assert value("energy", 4.0, mixed, "p100").number is None
    assert value("throughput", 4.0, mixed, "p100").number is None


def test_hardware_without_a_published_peak_has_no_efficiency() -> None:
    assert value("efficiency", 4.0, TWO, "abacus").number is None
    assert published_tflops()["m2-max-38c"] == 13.6
