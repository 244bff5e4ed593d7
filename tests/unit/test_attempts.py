"""What is said of a job whose process or worker died, again and again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from jobs.result import JobFailure, Status
from jobs.spec import JobSpec
from tests.conftest import make_job, make_result
from tests.unit.test_largest_batch import Machine, largest
from workers.attempt import Attempt
from workers.attempts import died_again, never_ended, told
from workers.outcome import TEMPLATE_DIED, failed, killed_from_outside


def test_the_attempt_is_told_where_it_is_not_the_first() -> None:
    result = make_result(environment={"threads": 4})
    assert told(result, 1) is result
    assert told(result, 2).environment == {"threads": 4, "attempts": 2}


@pytest.mark.parametrize(
    ("error", "death"),
    [
        (JobFailure(kind="signal", message="", signal="SIGKILL"), "SIGKILL"),
        (JobFailure(kind="signal", message="", signal="SIGTERM"), "SIGTERM"),
        (JobFailure(kind="signal", message=""), TEMPLATE_DIED),
        (JobFailure(kind="signal", message="", signal="SIGSEGV"), None),
        (JobFailure(kind="memory", message="", signal="SIGKILL"), None),
        (JobFailure(kind="exit", message="", exit_code=9), None),
        (JobFailure(kind="timeout", message=""), None),
        (None, None),
    ],
)
def test_what_others_do_to_a_process_is_told_from_what_it_does(
    error: JobFailure | None, death: str | None
) -> None:
    assert killed_from_outside(error) == death


def test_a_job_that_is_given_up_names_every_death_and_what_to_do() -> None:
    failure = JobFailure(kind="signal", message="was killed", signal="SIGKILL")
    last = make_result(status=Status.FAILED, measurement=None, error=failure)
    result = died_again(last, ["its worker died", "SIGTERM", "SIGKILL"])
    assert result.error is not None
    said = result.error.message
    assert "after 3 attempts (its worker died, SIGTERM, SIGKILL)" in said
    assert f"`farm retry {result.job.run} --failed`" in said
    assert said.endswith("(of the last: was killed)")
    assert result.error.signal == "SIGKILL"
    unborn = never_ended(make_job(), 3)
    assert unborn.status is Status.FAILED
    assert unborn.error is not None
    assert "begun 3 times and never ended" in unborn.error.message
    assert "dmesg" in unborn.error.message


@dataclass
class Dying(Machine):
    """A machine on which somebody kills the template, at one batch size."""

    dies_at: int = 64

    def measure(self, job: JobSpec, timeout_seconds: float, trial: bool) -> Attempt:
        if job.cell.samples_per_step == self.dies_at:
            return self.attempt(failed(Status.FAILED, kind="signal", message="it died"), 1)
        return super().measure(job, timeout_seconds, trial)


def test_a_template_that_dies_beside_a_larger_batch_says_nothing_of_memory() -> None:
    report = largest(Dying()).find()
    # Then it is no limit that was found, but a job to be tried again
    assert report is not None
    assert killed_from_outside(report.error) == TEMPLATE_DIED
