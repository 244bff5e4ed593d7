"""Recorded: what Redis holds of a run, read as what it should be; every worker can write there."""

from __future__ import annotations

import json
import logging
import re

from pydantic import ValidationError

from jobs.problem import first_problem
from jobs.spec import NAME_PATTERN, JobSpec

MAX_TAGS_CHARACTERS = 65_536

logger = logging.getLogger(__name__)


def spec(run: str, hardware: str, job: str, text: str) -> JobSpec | None:
    """Return the job that was recorded under its id; None, and a warning, when it is not that.

    Whoever may write what the run has of one hardware must not bring in jobs of another.
    """
    try:
        found = JobSpec.model_validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        said = (job[:64], run, problem)
        logger.warning("job %s of run %s cannot be read and is left out: %s", *said)
        return None
    if (found.run, found.hardware, found.id) != (run, hardware, job):
        logger.warning("job %s of run %s is left out: its record is of another", job[:64], run)
        return None
    return found


def tags(run: str, hardware: str, text: str) -> frozenset[str] | None:
    """Return the tags that were recorded of a hardware; None, and a warning, when there are none.

    The name is checked too.
    """
    try:
        found = json.loads(text[:MAX_TAGS_CHARACTERS])  # of a longer one nothing is left to read
        if re.fullmatch(NAME_PATTERN, hardware) and all(isinstance(tag, str) for tag in found):
            return frozenset(found)
    except (ValueError, TypeError, RecursionError):
        pass
    logger.warning("hardware %s of run %s cannot be read and is left out", hardware[:64], run)
    return None
