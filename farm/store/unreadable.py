"""Unreadable: a result that came and cannot be read, kept as it came."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.limits import MAX_SECONDS
from jobs.result import JobFailure, Result, never_handed_in
from jobs.spec import JobSpec

KEPT_CHARACTERS = 65_536
MOST_UNREADABLE = 1_000  # of one hardware in one run; who sends more sends no results


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """One entry of a log."""

    hardware: str  # in whose log of the run it was
    cursor: str  # of the entry: milliseconds since the epoch, by Redis's clock, and a number
    job: str | None  # the id; None where nothing says of which job of the run it is
    reason: str
    text: str  # at most KEPT_CHARACTERS of it
    size: int  # of all of it, in bytes

    def result(self, job: JobSpec) -> Result:
        """Return what the job came to by this: a failure that says why."""
        # Whoever writes into a log can choose its cursors.
        came_at = min(int(self.cursor.partition("-")[0]) / 1000, MAX_SECONDS)
        message = (
            f"its result came and could not be read: {self.reason}; `farm show {job.id}` prints "
            f"what came"
        )
        return never_handed_in(job, JobFailure(kind="garbage", message=message), came_at)
