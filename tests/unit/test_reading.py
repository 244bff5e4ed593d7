"""What a result comes to in numbers, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from farm.readings.reading import Reading, conditions, read
from jobs.result import Result
from jobs.telemetry import Energy, Telemetry
from tests.conftest import make_cell, make_job, make_result


def measured(laps: tuple[float, ...], telemetry: Telemetry | None = None, **changes: Any) -> Result:
    result = make_result(make_job(make_cell(precision=changes.pop("precision", "float32"))))
    assert result.measurement is not None
    measurement = result.measurement.model_copy(update={"lap_seconds": laps, **changes})
    return result.model_copy(update={"measurement": measurement, "telemetry": telemetry})


def reading(*arguments: Any, **changes: Any) -> Reading:
    found = read(measured(*arguments, **changes))
    assert found is not None
    return found


def test_laps_become_seconds_of_an_epoch_and_rates() -> None:
    # Given laps of 2, 4 and 3 s over 100 samples, and epochs of 400
    found = reading((2.0, 4.0, 3.0), samples_per_epoch=400, flops_per_sample=6.0)
    assert (found.seconds, found.laps, found.samples) == (12.0, 3, 400)
    assert found.samples_per_second == pytest.approx(100 / 3)
    assert found.flops_per_second == pytest.approx(200.0)


def test_what_is_counted_and_used_is_kept() -> None:
    # Given laps of 100 samples in 2 s, each of 128 tokens
    found = reading((2.0,), item="tokens", items_per_sample=128.0, batch_size=20)
    assert found.items_per_second == pytest.approx(50 * 128)
    assert (found.item, found.batch_size) == ("tokens", 20)
    plain = reading((2.0,))
    assert (plain.item, plain.items_per_second) == (None, plain.samples_per_second)
    assert plain.batch_size == 128  # the cell's own
    # An item of which nobody knows how many a sample has counts nothing
    assert reading((2.0,), item="tokens").item is None


def test_passes_over_bytes_have_no_arithmetic_that_a_peak_is_the_measure_of() -> None:
    triad = reading((2.0,), item="bytes", items_per_sample=12.0, flops_per_sample=2.0)
    assert triad.items_per_second == pytest.approx(600.0)
    assert triad.flops_per_second is None


@pytest.mark.parametrize("limit", ["samples", "memory", None])
def test_what_limited_the_largest_batch_is_kept(limit: str | None) -> None:
    result = measured((2.0,))
    said = {**result.environment, **({"batch_limited_by": limit} if limit else {})}
    result = result.model_copy(update={"environment": said})
    found = read(result)
    assert found is not None
    assert found.batch_limited_by == limit
    assert Reading.from_json(found.to_json()) == found
    assert "batch_limited_by" not in conditions(result)


def test_latency_is_the_median_of_single_passes() -> None:
    assert reading((1.0,), latency_seconds=(0.004, 0.002, 0.009)).latency_seconds == 0.004
    assert reading((1.0,)).latency_seconds is None


def test_inference_keeps_what_other_machines_can_be_compared_by() -> None:
    cell = make_cell(mode="infer", protocol="steady", epochs=None, optimizer=None)
    result = make_result(make_job(cell))
    assert result.measurement is not None
    told = result.measurement.model_copy(update={"test": {"output_mean": 0.1}, "history": {}})
    found = read(result.model_copy(update={"measurement": told}))
    assert found is not None
    assert (found.seed, found.output_mean, found.output_spread) == (42, 0.1, None)
    assert reading((1.0,), test={"output_mean": 0.1}).output_mean is None  # of training


def test_the_batch_that_was_used_is_a_condition_where_the_row_does_not_say_it() -> None:
    result = make_result(make_job(make_cell(batch_size="max")))
    assert result.measurement is not None
    used = result.measurement.model_copy(update={"batch_size": 4096})
    assert conditions(result.model_copy(update={"measurement": used}))["batch_size"] == 4096
    assert "batch_size" not in conditions(make_result())


def test_seconds_over_another_number_of_samples_scale_with_it() -> None:
    found = reading((2.0,), samples_per_epoch=None)
    assert (found.seconds, found.samples) == (2.0, 100)
    assert found.over(50).seconds == 1.0
    assert Reading(seconds=2.0, laps=1).over(50).seconds == 2.0  # unknown: left as it is


def energy(joules: float, seconds: float, **telemetry: Any) -> Telemetry:
    each = Energy(part="cpu", kind="counter", source="RAPL", joules=joules, seconds=seconds)
    return Telemetry(seconds=seconds, samples=0, energy=(each,), **telemetry)


@pytest.mark.parametrize(
    ("telemetry", "joules", "part"),
    [
        (energy(100.0, 10.0), 20.0, "cpu, whole job"),  # 10 W over the job, 2 s an epoch
        (energy(100.0, 10.0, laps_power_watts=30.0), 60.0, "cpu"),
        (energy(24.0, 6.0), 8.0, "cpu"),  # over just the time of the laps, 2 + 2 + 2 s
    ],
)
def test_energy_is_that_of_the_laps_or_says_that_it_is_not(
    telemetry: Telemetry, joules: float, part: str
) -> None:
    found = reading((2.0, 2.0, 2.0), telemetry)
    assert found.energy_joules == pytest.approx(joules)
    assert (found.energy_kind, found.energy_part) == ("counter", part)


def test_laps_that_drift_are_noise() -> None:
    rising = tuple(5.0 * 1.1**number for number in range(12))
    [reason] = reading(rising).noise
    assert "its laps became longer by" in reason
    assert reading((5.0, 5.2, 4.9, 5.1, 5.0, 5.15, 4.95, 5.05, 5.0)).noise == ()
    slight = tuple(5.0 + 0.001 * number for number in range(12))  # a trend, and of no matter
    assert reading(slight).noise == ()


def test_very_many_laps_are_looked_at_in_no_time() -> None:
    assert reading(tuple(1.0 + number / 1000 for number in range(5000))).noise


def test_what_the_environment_does_not_know_hides_no_fact() -> None:
    result = make_result(
        facts={"power_limit_watts": 300, "driver": None},
        environment={"power_limit_watts": None, "tf32": False, "load_average_1min": 0.5},
    )
    found = conditions(result)
    assert found["power_limit_watts"] == 300
    assert found["tf32"] is False
    assert found["precision"] == "float32"
    assert "load_average_1min" not in found


def test_a_reading_survives_json() -> None:
    whole = reading((2.0, 4.0), energy(1.0, 1.0), samples_per_epoch=400)
    assert Reading.from_json(whole.to_json()) == whole
    bare = Reading(seconds=1.0, laps=1)
    assert bare.to_json() == '{"seconds":1.0,"laps":1}'
