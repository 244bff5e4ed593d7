"""What telemetry costs: pairs in turn and the interval of their ratio; what `doctor` prints."""

from __future__ import annotations

import math
from typing import Any

import pytest
from click.testing import CliRunner

from farm.cli import doctor
from jobs.errors import FarmError
from jobs.result import JobFailure, Result, Status
from jobs.spec import JobSpec
from tests.conftest import make_result
from workers import telemetry_cost
from workers.telemetry_cost import interval, measure


class FakeRunner:
    """Takes a tenth longer with telemetry than without."""

    def __init__(self) -> None:
        self.telemetry = True
        self.told: list[bool] = []

    def run(self, job: JobSpec, taken_at: float) -> Result:
        self.told.append(self.telemetry)
        return make_result(job, lap_seconds=1.1 if self.telemetry else 1.0, noise=("a burner",))


@pytest.fixture(autouse=True)
def some_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_cost, "installed_backend", lambda: "tensorflow")


def test_pairs_take_turns_in_who_is_first() -> None:
    runner: Any = FakeRunner()
    cost = measure(runner, 4)
    assert runner.told[1:] == [True, False, False, True, True, False, False, True]
    assert cost.ratios == pytest.approx((1.1,) * 4)
    assert cost.median == cost.mean == pytest.approx(1.1)
    assert cost.noise == ("a burner",) * 8


def test_the_interval_is_students_on_the_logarithms() -> None:
    # By hand: logs -0.1, 0, 0.1; mean 0, deviation 0.1, t(2; 0.975) = 4.3027
    mean, low, high = interval([math.exp(-0.1), 1.0, math.exp(0.1)])
    half = 4.30265 * 0.1 / math.sqrt(3)
    assert mean == pytest.approx(1.0)
    assert math.log(high) == pytest.approx(half, rel=1e-5)
    assert math.log(low) == pytest.approx(-half, rel=1e-5)


def test_a_job_that_fails_says_why() -> None:
    class Failing(FakeRunner):
        def run(self, job: JobSpec, taken_at: float) -> Result:
            failure = JobFailure(kind="exception", message="told to fail")
            return make_result(job, status=Status.FAILED, measurement=None, error=failure)

    runner: Any = Failing()
    with pytest.raises(FarmError, match="told to fail"):
        measure(runner, 3)


def test_doctor_prints_the_sensors_and_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    from workers import instruments
    from workers.probes.sensors import Sample, Sensors

    class Some(Sensors):
        power_source = "NVML"

        def sample(self) -> Sample:
            return Sample(power_watts=181.25, utilisation=0.5, memory_bytes=3 << 30)

    made = instruments.Instruments(Some(), device="gpu", rapl=False)
    monkeypatch.setattr(instruments, "instruments_of", lambda _: made)
    result = CliRunner().invoke(
        doctor.command, ["--sensors", "--device", "cpu"], catch_exceptions=False
    )
    lines = [line.split(maxsplit=1) for line in result.output.splitlines()[1:]]
    assert ["power", "181.2 W"] in lines
    assert ["utilisation", "50%"] in lines
    assert ["memory", "in use      3.00 GiB"] in lines
    assert ["clock", "absent"] in lines
    assert ["energy", "gpu: sampled (NVML)"] in lines


def test_doctor_refuses_too_few_pairs() -> None:
    result = CliRunner().invoke(doctor.command, ["--telemetry", "--pairs", "2"])
    assert result.exit_code == 2
