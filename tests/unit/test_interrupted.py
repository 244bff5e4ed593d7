"""A machine that slept in the middle of a lap: the result says so."""

from __future__ import annotations

import pytest

from jobs.result import ChildReport, Status
from tests.conftest import make_job, make_result
from workers.attempt import attempt
from workers.nursery import Ending, Nursery, Usage
from workers.telemetry import Recorder


class Answering(Nursery):
    """A nursery whose child left this report."""

    def __init__(self, report: ChildReport) -> None:
        super().__init__("ffmpeg", "fork", {})
        self.report = report

    def run(self, request: str, timeout_seconds: float) -> Ending:
        return Ending(
            status=0,
            report=self.report.model_dump_json().encode(),
            stderr_tail="",
            timed_out=False,
            oversized=False,
            usage=Usage(cpu_seconds=0.0, peak_bytes=1),
        )


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, None),
        (0, None),
        (1, "the machine slept, or its clock was set, in a lap, which is left out"),
        (3, "the machine slept, or its clock was set, in 3 laps, which are left out"),
    ],
)
def test_laps_lost_to_sleep_are_noise(count: int | None, said: str | None) -> None:
    measurement = make_result().measurement
    assert measurement is not None
    measured = measurement.model_copy(update={"discarded_laps": count})
    report = ChildReport(status=Status.SUCCEEDED, measurement=measured, environment={})
    nursery = Answering(report)
    tried = attempt(nursery, Recorder(None, cpus=()), make_job(), 1.0)
    assert tried.report.measurement is not None
    assert tried.report.measurement.discarded_laps == count
    assert [each for each in tried.noise if "slept" in each] == ([] if said is None else [said])
