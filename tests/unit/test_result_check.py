"""Result check: what of a worker's text is taken for a result."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from farm.runs.result_check import check, check_size
from jobs.errors import ResultError
from jobs.limits import MAX_LAPS, MAX_RESULT_BYTES, MAX_TEXT, MAX_WORDS
from jobs.result import Result
from tests.conftest import make_cell, make_job, make_result

JOB = make_job()


def text(path: str = "", value: object = None) -> str:
    """Return a right result with one value changed, ``measurement.lap_seconds`` for example."""
    said: dict[str, Any] = json.loads(make_result(JOB).model_dump_json())
    if path:
        *parents, name = path.split(".")
        part = said
        for parent in parents:
            part = part[parent]
        part[name] = value
    return json.dumps(said)


def refusal(said: str, job: Any = JOB) -> str:
    with pytest.raises(ResultError) as caught:
        check(said, job)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    return str(caught.value)


def test_a_result_of_its_job_passes() -> None:
    assert check(text(), JOB) == make_result(JOB)
    assert check(text()) == make_result(JOB)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("job.run", "run-2", "of the job"),
        ("job.hardware", "t4", "of the job"),
        ("job.repeat", 2, "of the job"),
        ("job.cell.batch_size", 1, "of the job"),
        # The same id, and not what was asked.
        ("job.timeout_seconds", 9.0, "its timeout_seconds are not those that were asked"),
        ("job.effort", {"lap_precision": 0.5}, "its effort are not those that were asked"),
        ("worker", "t4@host-1", "from 't4@host-1', which is no worker of p100"),
        ("worker", "p100\x1b[2J", "from 'p100\\x1b[2J', which is no worker of p100"),
    ],
)
def test_a_result_of_another_job_or_worker_is_refused(path: str, value: Any, reason: str) -> None:
    assert reason in refusal(text(path, value))


@pytest.mark.parametrize("lap", [0, -1.0, "NaN", "Infinity", "-Infinity", 1e-13, 1e10])
@pytest.mark.parametrize("name", ["lap_seconds", "warmup_lap_seconds", "latency_seconds"])
def test_no_lap_is_nothing_endless_or_no_number(name: str, lap: Any) -> None:
    said = refusal(text(f"measurement.{name}", [1.0, lap]))
    assert said.startswith(f"{name}: received ")
    assert said.endswith("accepted: a number of seconds from 1e-12 to 1e+09")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("measurement.cold_start_seconds", -1),
        ("measurement.total_seconds", "Infinity"),
        ("measurement.laps_window", [1.0, "NaN"]),
        ("measurement.flops_per_sample", -1e9),
        ("measurement.samples_per_lap", 0),
        ("measurement.samples_per_lap", 10**19),
        ("measurement.steps_per_lap", 1.5),
        ("measurement.parameter_count", -1),
        ("measurement.history", {"loss": ["a"]}),
        ("measurement.history", {"x" * 101: []}),
        ("measurement.history", {str(n): [] for n in range(101)}),
        ("measurement.lap_seconds", []),
        ("measurement.lap_seconds", [1.0] * (MAX_LAPS + 1)),
        ("measurement", None),
        ("started_at", "NaN"),
        ("started_at", -1),
        ("finished_at", 1e300),
        ("facts", {"": 1}),
        ("facts", {"memory_bytes": 10**19}),
        ("facts", {"a": [1]}),
        ("facts", {str(n): 1 for n in range(1001)}),
        ("environment", {"a": {"b": 1}}),
        ("noise", ["x"] * 1001),
        ("noise", [1] * 100_000),
        ("frontier", [{"batch_size": 0, "fits": True}]),
        ("telemetry", {"seconds": "NaN", "samples": 0}),
        ("telemetry", {"seconds": -1, "samples": 0}),
        ("telemetry", {"seconds": 1, "samples": -1}),
        ("status", "failed"),
        ("status", "queued"),
        ("schema_version", 2),
        ("unknown", 1),
        ("job.cell.parameters", {"n": 10**30}),
    ],
)
def test_numbers_that_no_measurement_has_are_refused(path: str, value: Any) -> None:
    job = None if path.startswith("job") else JOB
    refusal(text(path, value), job)


def test_a_loss_that_is_not_finite_is_a_finding() -> None:
    found = check(text("measurement.history", {"loss": [1.0, "NaN", "Infinity"]}), JOB)
    assert found.measurement is not None
    assert math.isnan(found.measurement.history["loss"][1])
    assert check(text("measurement.test", {"loss": "NaN"}), JOB)
    assert check(text("measurement.output_spread", "NaN"), JOB)


def test_a_sensor_that_says_no_number_is_one_that_is_not_there() -> None:
    said = {"seconds": 1.0, "samples": 3, "power_watts": "NaN", "clock_mhz": "Infinity"}
    found = check(text("telemetry", said), JOB)
    assert found.telemetry is not None
    assert (found.telemetry.power_watts, found.telemetry.clock_mhz) == (None, None)


def test_long_texts_are_cut_where_they_only_say_something() -> None:
    long = "x" * 100_000
    error = {"kind": "exception", "message": long, "traceback": f"{long}END", "stderr_tail": long}
    said = json.loads(text())
    said |= {"status": "failed", "measurement": None, "error": error, "facts": {"cpu": long}}
    said["noise"] = [long]
    found = check(json.dumps(said), JOB)
    assert found.error is not None
    assert len(found.error.message) == len(found.error.stderr_tail) == MAX_WORDS
    assert found.error.traceback is not None
    assert found.error.traceback.endswith("END")
    assert len(found.noise[0]) == len(str(found.facts["cpu"])) == MAX_TEXT
    # And what was cut is the same when it is read again.
    assert Result.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    "said",
    [
        "",
        "null",
        "[]",
        "{}",
        "\x00",
        "[" * 1_000_000,
        '{"a":' * 20_000,
        '{"facts": {"n": ' + "9" * 100_000 + "}}",
        " " * (MAX_RESULT_BYTES + 1),
        "[" + "0," * 2_000_000,
        "{" + ",".join(f'"{n}":0' for n in range(60_000)) + "}",
        text().replace("p100", "\\ud800"),
    ],
)
def test_what_is_no_result_at_all_is_one_line(said: str) -> None:
    refusal(said)


def test_the_longest_training_is_not_too_large() -> None:
    # Given as many epochs as a suite may ask for, each with its losses and accuracies
    values = [0.12345678901234567] * 100_000
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    changes = {"lap_seconds": values, "history": dict.fromkeys(names, values)}
    measured = make_result().measurement
    assert measured is not None
    result = make_result(
        make_job(make_cell(epochs=100_000)),
        measurement=measured.model_validate({**measured.model_dump(), **changes}),
    )
    # Then its result is taken
    said = result.model_dump_json()
    check_size(said.encode())
    assert check(said, result.job) == result
