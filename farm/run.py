"""Run: one submission of a suite, as Redis and the store keep it."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from farm.suite.plan import PlannedCell, jobs_for
from farm.suite.selector import Selector
from jobs.limits import FirstMistakeOnly, Moment, Text
from jobs.problem import first_problem
from jobs.spec import JobSpec, Name

logger = logging.getLogger(__name__)

MAX_JOBS = 1_000_000  # a hardware; a suite has fewer, a table of measurements may have many


class Run(BaseModel):
    """The manifest: everything needed to make the jobs of any hardware that joins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    suite: Name
    description: Text
    created_at: Moment  # by the submitting machine's clock
    selector: Selector
    seed: int = Field(ge=0, lt=2**31)
    cells: Annotated[tuple[PlannedCell, ...], FirstMistakeOnly()] = Field(max_length=MAX_JOBS)

    @field_validator("cells")
    @classmethod
    def _countable(cls, cells: tuple[PlannedCell, ...]) -> tuple[PlannedCell, ...]:
        if sum(planned.repeats for planned in cells) > MAX_JOBS:
            raise ValueError(f"more than {MAX_JOBS:,} jobs a hardware")
        return cells

    def jobs(self, hardware: str) -> list[JobSpec]:
        """Return the jobs of one hardware."""
        return jobs_for(self.id, hardware, self.cells, self.seed)

    def explainer(self) -> Callable[[JobSpec], bool]:
        """Return what tells whether a job is one of this run's, on any hardware, retried or not."""
        planned = {each.cell.id: each for each in self.cells}

        def explains(job: JobSpec) -> bool:
            plan = planned.get(job.cell.id)
            return (
                plan is not None
                and job.repeat <= plan.repeats
                and (job.run, job.seed) == (self.id, self.seed)
                and (job.timeout_seconds, job.effort) == (plan.timeout_seconds, plan.effort)
            )

        return explains

    def asked_of(self, columns: Mapping[str, Collection[str]]) -> list[str]:
        """Return the hardware that the run was submitted for, of all that has written jobs to it.

        `columns` has the tags of each. What the others have written is nobody's loss.
        """
        return [hardware for hardware, tags in columns.items() if self.selector.matches(tags)]

    def waits_for(self, columns: Collection[Collection[str]]) -> str | None:
        """Return in words which selected hardware has not been seen yet, or None."""
        if self.selector.is_all:
            return None if columns else "any hardware"
        missing = [
            each
            for each in self.selector.root
            if not any(Selector.model_validate(each).matches(tags) for tags in columns)
        ]
        return ", ".join(missing) or None


def read_manifest(run: str, manifest: str) -> Run | None:
    """Read what was recorded of a run; None, and a warning, when it is of another version."""
    try:
        found = Run.model_validate_json(manifest)
    except ValidationError as error:
        problem = first_problem(error)
        logger.warning("run %s is left out: it is of another version of farm (%s)", run, problem)
        return None
    if found.id != run:
        logger.warning("run %s is left out: its record says that it is run %s", run, found.id)
        return None
    return found


def new_id(suite: str) -> str:
    """Return an id for a run submitted now: suite, time (UTC), and four random digits."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return f"{suite[:40]}-{stamp}-{secrets.token_hex(2)}"
