"""Refusal: what a worker hands in for a job that it cannot read, being older than whoever asked."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.limits import Moment, Text
from jobs.result import JobFailure, Result, never_handed_in
from jobs.spec import JobSpec


class Refusal(BaseModel):
    """It stands in the log in the place of a result, which needs a job that can be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refused_by: Text  # the worker's name
    version: Text  # of benchfarm there
    reason: Text
    refused_at: Moment  # seconds since the epoch, by the worker's clock

    def result(self, job: JobSpec) -> Result:
        """Return what the job came to by this: a failure that says what to do."""
        message = (
            f"{self.refused_by} cannot read this job: {self.reason}; its benchfarm is "
            f"{self.version}, perhaps older than that of whoever submitted: upgrade it there "
            f"(pip install --upgrade benchfarm), then `farm retry {job.run} --failed`"
        )
        error = JobFailure(kind="refused", message=message)
        return never_handed_in(job, error, self.refused_at, self.refused_by)


def read(text: str) -> Refusal | None:
    """Return the refusal that a text holds; None where it is none."""
    try:
        return Refusal.model_validate_json(text)
    except ValidationError:
        return None
