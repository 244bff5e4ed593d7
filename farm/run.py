"""Run: one submission of a suite, as Redis and the store keep it."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection

from pydantic import BaseModel, ConfigDict, ValidationError

from farm.plan import PlannedCell, jobs_for
from farm.selector import Selector
from jobs.spec import JobSpec, Name

logger = logging.getLogger(__name__)


class Run(BaseModel):
    """The manifest: everything needed to make the jobs of any hardware that joins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    suite: str
    description: str
    created_at: float  # seconds since the epoch, by the submitting machine's clock
    selector: Selector
    seed: int
    cells: tuple[PlannedCell, ...]

    def jobs(self, hardware: str) -> list[JobSpec]:
        """Return the jobs of one hardware."""
        return jobs_for(self.id, hardware, self.cells, self.seed)

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
        return Run.model_validate_json(manifest)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        logger.warning("run %s is left out: it is of another version of farm (%s)", run, problem)
        return None


def new_id(suite: str) -> str:
    """Return an id for a run submitted now: suite, time (UTC), and four random digits."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return f"{suite[:40]}-{stamp}-{secrets.token_hex(2)}"
