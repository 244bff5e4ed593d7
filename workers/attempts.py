"""Attempts: how often a job is begun when its process or its worker dies, and what is said then."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.result import ChildReport, Result, Status
from jobs.spec import JobSpec
from workers.outcome import failed

MAX_ATTEMPTS = 3


def told(result: Result, attempt: int) -> Result:
    """Return the result with the number of its attempt, where that is not the first."""
    if attempt == 1:
        return result
    return result.model_copy(update={"environment": {**result.environment, "attempts": attempt}})


def died_again(result: Result, deaths: Sequence[str]) -> Result:
    """Return the result of the last attempt with all the deaths named, and what to look at."""
    assert result.error is not None
    message = (
        f"given up after {len(deaths)} attempts ({', '.join(deaths)}); {_remedy(result.job)} "
        f"(of the last: {result.error.message})"
    )
    error = result.error.model_copy(update={"message": message})
    return result.model_copy(update={"error": error})


def never_ended(job: JobSpec, attempts: int) -> ChildReport:
    """Return the report of a job that is not run again: its workers died of it, or beside it."""
    message = (
        f"begun {attempts} times and never ended: its worker died each time, and it is not run "
        f"again; {_remedy(job)}"
    )
    return failed(Status.FAILED, kind="exit", message=message)


def _remedy(job: JobSpec) -> str:
    return (
        "see the workers' logs and the kernel's (dmesg, journalctl -k) for memory that ran out, "
        f"and a container's or batch system's limits; then `farm retry {job.run} --failed`"
    )
