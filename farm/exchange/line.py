"""ExchangeLine: one line of a file of results, checked before and after it is parsed."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from farm.exchange.source import MAX_LINE_BYTES
from farm.run import Run
from farm.runs.result_check import check_size, check_times
from jobs.errors import ResultError
from jobs.limits import MAX_NAMES
from jobs.result import Result
from jobs.spec import JobSpec


class Counts(BaseModel):
    """How much of each a file holds."""

    model_config = ConfigDict(extra="forbid")

    runs: int = 0
    jobs: int = 0
    results: int = 0


class Line(BaseModel):
    """One of: a run, a job with its state, a result, the end."""

    model_config = ConfigDict(extra="forbid")

    run: Run | None = None
    job: JobSpec | None = None
    state: str | None = None
    result: Result | None = None
    end: Counts | None = None

    @property
    def kind(self) -> str | None:
        """Say which of its forms the line has; None when none of them."""
        said = self.model_fields_set - {"state"}
        if len(said) != 1:
            return None
        (name,) = said
        stateful = "state" in self.model_fields_set
        if (name == "job" and not stateful) or (stateful and name not in ("job", "result")):
            return None
        return None if getattr(self, name) is None else name


def line_of(text: bytes) -> Line:
    """Return what a line holds; raise ValidationError or ResultError when it is wrong."""
    if text.startswith(b'{"run"'):
        # A run may be long, but none of its objects has many keys: each wrong one is an error.
        if max(part.group().count(b'":') for part in re.finditer(rb"[^{}]*", text)) > MAX_NAMES:
            raise ResultError(f"an object of more than {MAX_NAMES:,} keys")
    else:
        check_size(text, MAX_LINE_BYTES)
    line = Line.model_validate_json(text)
    if line.result is not None:
        # Of the rest a farm of before may have taken what this one would not.
        check_times(line.result, "lap_seconds")
    return line
