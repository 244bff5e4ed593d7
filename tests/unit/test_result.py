"""Result: a measurement or an error, and nothing lost in JSON."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.result import JobFailure, Measurement, Result, Status
from tests.conftest import make_result

FAILURE = JobFailure(kind="exception", message="it broke")


def test_a_result_holds_exactly_one_of_measurement_and_error() -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        make_result(measurement=None)
    with pytest.raises(ValidationError, match="exactly one"):
        make_result(error=FAILURE)
    assert make_result(status="failed", measurement=None, error=FAILURE).error == FAILURE


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SUCCEEDED])
def test_only_a_success_has_a_measurement(status: Status) -> None:
    with pytest.raises(ValidationError, match="does not go with"):
        make_result(status=status)


@given(st.lists(st.floats(), min_size=1, max_size=5), st.floats())
def test_json_keeps_every_number_nan_and_infinity_too(history: list[float], test: float) -> None:
    measured = make_result().measurement
    assert measured is not None
    changed = measured.model_copy(update={"history": {"loss": tuple(history)}, "test": {"l": test}})
    again = Result.model_validate_json(make_result(measurement=changed).model_dump_json())
    assert again.measurement is not None
    for was, now in zip(
        [*history, test],
        [*again.measurement.history["loss"], again.measurement.test["l"]],
        strict=True,
    ):
        assert was == now or (math.isnan(was) and math.isnan(now))


def test_laps_are_scaled_to_epochs() -> None:
    # Half an epoch of samples in 2 s is a whole one in 4 s.
    measured = Measurement(
        lap_seconds=(2.0, 3.0),
        warmup_lap_seconds=(),
        cold_start_seconds=1.0,
        total_seconds=6.0,
        samples_per_lap=500,
        steps_per_lap=5,
        samples_per_epoch=1000,
        history={},
        test={},
    )
    assert measured.epoch_seconds == (4.0, 6.0)
