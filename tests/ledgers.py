"""What tests ask of a Ledger in one line: of a whole run, or of the column that a job stands in."""

from __future__ import annotations

from jobs.result import Result
from jobs.spec import JobSpec
from workers.column import Taken
from workers.ledger import Ledger
from workers.result_log import LogEntry


def begin(ledger: Ledger, job: JobSpec) -> int:
    """Begin a job, as its worker does."""
    return ledger.column_of(job).begin(job)


def finish(ledger: Ledger, result: Result) -> Taken:
    """Hand in a result, as a worker does."""
    return ledger.column_of(result.job).finish(result)


def state(ledger: Ledger, job: JobSpec) -> str | None:
    """Return the job's state."""
    return ledger.column_of(job).state(job.id)


def states(ledger: Ledger, run: str) -> dict[str, str]:
    """Return each job's state by its id, on all hardware."""
    columns = [ledger.column(run, hardware).states() for hardware in ledger.columns(run)]
    return {job: state for column in columns for job, state in column.items()}


def jobs(ledger: Ledger, run: str) -> list[JobSpec]:
    """Return all the run's jobs."""
    return [job for name in ledger.columns(run) for job in ledger.column(run, name).jobs()]


def entries(ledger: Ledger, run: str, cursor: str = "0") -> list[LogEntry]:
    """Return what stands after the cursor in the logs of all hardware."""
    return [
        entry
        for name in ledger.columns(run)
        for entry in ledger.column(run, name).log.after(cursor)
    ]
