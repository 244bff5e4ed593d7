"""One result in full, as a reader sees it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from farm.readings.correctness import invalid
from farm.render.result import lines, moment
from farm.render.sparkline import sparkline
from jobs.result import Measurement, Result
from jobs.telemetry import Energy, Telemetry
from tests.conftest import make_cell, make_job, make_result

HOSTILE = "\x1b[31mred\x1b]0;pwned\x07\u202e\x08"


def measured(**changes: Any) -> Result:
    """Return a result whose measurement has these changes."""
    result = make_result()
    assert result.measurement is not None
    values = result.measurement.model_dump() | changes
    return result.model_copy(update={"measurement": Measurement.model_validate(values)})


def text(result: Result) -> str:
    """Return what is printed."""
    return "\n".join(lines(result))


def test_a_result_reads_as_intended() -> None:
    result = measured(
        lap_seconds=(1.0, 1.1, 1.2, 1.3),
        warmup_lap_seconds=(3.0, 2.0),
        warmup_ended="steady",
        stopped_by="precision",
        samples_per_lap=200,
        samples_per_epoch=1000,
        steps_per_lap=2,
        floors={"accuracy": 0.8, "loss_drop": 0.4},
    ).model_copy(
        update={
            "telemetry": Telemetry(
                seconds=5.0,
                samples=0,
                energy=(Energy(part="gpu", kind="counter", source="NVML", joules=500, seconds=5),),
                temperature_celsius=70.0,
            ),
            "facts": {"memory_bytes": 16 << 30, "device_name": "Tesla P100", "driver": None},
            "environment": {"threads": 4, "tf32": False},
            "noise": ("load average 3.1",),
            "unit": "GPU-1",
        }
    )
    assert (
        text(result)
        == """\
job     0c133d7063d81fba: noop batch 128 #1 on p100
run     run-1
status  succeeded
worker  p100@host
unit    GPU-1
when    1970-01-01 00:16:40 UTC, took 5 s
noisy   load average 3.1

Work
  workload       noop
  version        1
  batch size     128
  epochs         3
  precision      float32
  backend        tensorflow
  mode           train
  data           synthetic
  optimizer      adam
  protocol       train
  data pipeline  host

Times
  laps        4 laps; stopped because the interval of the median was narrow
              enough
  median      1.15 s a lap
  spread      1.00 s to 1.30 s; the middle half 1.08 s to 1.22 s (13.0 %)
  epoch       5.75 s for 1,000 samples
  step        0.575 s, 2 steps a lap
  throughput  174/s: 200 samples a lap
  warm-up     2 laps; ended because no trend was left, 5.00 s
  cold start  0.500 s
  total       5.00 s

Laps, in seconds
  ▁▃▆█
  (3.000)  (2.000)    1.000    1.100    1.200    1.300
  (in brackets: warm-up, which no statistic counts)

Training
  loss           1.00 → 0.500 █▁
  test accuracy  0.900, the floor of 0.800 is reached
  loss drop      0.500, the floor of 0.400 is reached

Telemetry
  energy gpu   500 J in 5.00 s, 100 W (counter, NVML)
  temperature  70.00 °C

Environment
  tf32     false
  threads  4

Facts of the machine
  device name  Tesla P100
  memory       16.0 GiB
  not known    driver"""
    )


def test_a_measurement_that_did_not_learn_says_so() -> None:
    result = measured(floors={"accuracy": 0.95, "iou": 0.5})
    assert result.measurement is not None
    shown = " ".join(text(result).split())
    assert f"invalid its speed does not count: {invalid(result.measurement)} " in shown
    assert "test accuracy 0.900, the floor of 0.950 is missed" in shown
    assert "floor of iou 0.500; not measured" in shown


def test_an_error_is_shown_with_its_traceback_and_the_end_of_stderr() -> None:
    error = {
        "kind": "exception",
        "exception": "ValueError",
        "message": "it broke\nbadly",
        "traceback": "Traceback:\n  f(a,  b)\n    ^^^^\nValueError: it broke",
        "stderr_tail": "warning\tone\r\nlast words",
    }
    shown = text(make_result(measurement=None, status="failed", error=error))
    assert "status  failed" in shown
    assert (
        "\nError\n  kind       exception\n  exception  ValueError\n  it broke\n  badly\n" in shown
    )
    assert "\nTraceback\n  Traceback:\n    f(a,  b)\n      ^^^^\n  ValueError: it broke\n" in shown
    assert "\nThe end of what it wrote to stderr\n  warning one\n  last words\n" in shown
    assert "Times" not in shown


def test_nothing_from_outside_steers_the_terminal() -> None:
    error = dict.fromkeys(("message", "exception", "traceback", "signal", "stderr_tail"), HOSTILE)
    changes: dict[str, Any] = {
        "worker": HOSTILE,
        "unit": HOSTILE,
        "noise": (HOSTILE,),
        "facts": {HOSTILE: HOSTILE},
        "environment": {HOSTILE: HOSTILE},
    }
    cell = make_cell(parameters={HOSTILE: HOSTILE})
    bad = make_result(
        make_job(cell),
        measurement=None,
        status="failed",
        **changes,
        error={**error, "kind": "exit"},
    )
    also = measured(
        history={HOSTILE: (1.0,)},
        test={HOSTILE: 1.0},
        floors={HOSTILE + "x": 1.0},
        floors_waived=HOSTILE,
    )
    energy = Energy(part=HOSTILE, kind="counter", source=HOSTILE, joules=1, seconds=1)
    seen = Telemetry(seconds=1, samples=0, energy=(energy,), throttle_reasons=(HOSTILE,))
    for result in (bad, also.model_copy(update={"telemetry": seen})):
        for each in lines(result):
            assert each.isprintable(), each
        assert "red" in text(result)
        assert "pwned" not in text(result)


def test_lines_keep_to_eighty_columns() -> None:
    long = " ".join(["word"] * 60)
    result = measured(lap_seconds=tuple(1 + i / 7 for i in range(500)), floors_waived=long)
    result = result.model_copy(
        update={"noise": (long,), "facts": {"k" * 60: long, "short": "y" * 30}, "worker": long}
    )
    assert max(map(len, lines(result))) <= 80
    assert "and 461 more; --json has them all" in text(result)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"samples_per_lap": None}, "throughput"),
        ({"samples_per_epoch": None}, "  epoch  "),
        ({"steps_per_lap": None}, "  step "),
        ({"cold_start_seconds": None}, "cold start"),
        ({"total_seconds": None}, "total"),
        ({"warmup_lap_seconds": ()}, "warm-up"),
        ({"lap_seconds": (1.0,)}, "spread"),
        ({"history": {}, "test": {}}, "Training"),
        ({}, "Telemetry"),
        ({}, "memory"),
    ],
)
def test_what_is_not_known_is_left_out(changes: dict[str, Any], absent: str) -> None:
    assert absent not in text(measured(**changes))


def test_work_that_was_not_described_says_what_is_not_known() -> None:
    cell = make_cell(precision=None, epochs=None, protocol=None)
    assert "not known      epochs, precision, protocol" in text(make_result(make_job(cell)))
    steady = make_cell(epochs=None, protocol="steady")
    assert "not known" not in text(make_result(make_job(steady)))


def test_values_that_are_no_numbers_are_shown_as_they_are() -> None:
    shown = text(measured(history={"loss": (1.0, math.nan)}, test={"accuracy": math.inf}))
    assert "1.00 → nan" in shown
    assert "test accuracy  inf" in shown


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ((), 5, ""),
        ((1.0,), 5, "▄"),
        ((2.0, 2.0), 5, "▄▄"),
        (tuple(map(float, range(8))), 8, "▁▂▃▄▅▆▇█"),
        (tuple(map(float, range(16))), 8, "▁▂▃▄▅▆▇█"),
        ((0.0, math.nan, math.inf, 1.0), 9, "▁??█"),
        ((-1e308, 1e308), 9, "▁█"),
        ((5e-324, 1e-323), 9, "▁█"),
    ],
)
def test_a_sparkline_shows_a_trend(values: tuple[float, ...], width: int, bars: str) -> None:
    assert sparkline(values, width) == bars


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "1970-01-01 00:00:00 UTC"), (1e300, "1e+300 s after 1970")]
)
def test_a_moment_is_in_utc(seconds: float, shown: str) -> None:
    assert moment(seconds) == shown


@pytest.mark.parametrize(("count", "trend"), [(7, False), (8, True)])
def test_a_trend_is_only_claimed_of_laps_enough_to_show_one(count: int, trend: bool) -> None:
    shown = text(measured(warmup_lap_seconds=(1.0,) * count, warmup_ended="cap"))
    shown = " ".join(shown.split())
    said = "ended because its time was up" + (", with a trend still there" if trend else "")
    assert f"warm-up {count} laps; {said}, {count}.00 s" in shown


def test_one_sample_is_not_called_samples() -> None:
    assert " for 1 sample\n" in text(measured(samples_per_epoch=1, samples_per_lap=1))


@pytest.mark.parametrize(("last", "shown"), [(1.0000001, "0"), (1.004, "-0.00400"), (0.5, "0.500")])
def test_a_loss_drop_of_nothing_has_no_sign(last: float, shown: str) -> None:
    result = measured(history={"loss": (1.0, last)}, floors={"loss_drop": 0.1})
    assert f"  loss drop      {shown}, the floor" in text(result)


def test_the_host_s_peak_memory_is_said_once() -> None:
    result = measured(peak_memory_bytes=1 << 30)
    seen = Telemetry(seconds=5.0, samples=3, peak_host_bytes=3 << 30, peak_device_bytes=1 << 20)
    shown = text(result.model_copy(update={"telemetry": seen}))
    assert "memory      3.00 GiB, host, at its peak" in shown
    assert "peak host" not in shown
    assert "peak device  1.00 MiB" in shown
    failed = make_result(measurement=None, status="failed", error={"kind": "exit", "message": "x"})
    assert "peak host" in text(failed.model_copy(update={"telemetry": seen}))
