"""PlannedCell: a cell, and how often and how long to measure it; jobs are made from it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from jobs.spec import MAX_REPEATS, MAX_TIMEOUT_SECONDS, Cell, JobSpec


class PlannedCell(BaseModel):
    """One cell of a suite, on whatever hardware it will run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell: Cell
    repeats: int = Field(ge=1, le=MAX_REPEATS)  # independent processes
    timeout_seconds: float = Field(gt=0, le=MAX_TIMEOUT_SECONDS)  # of each repeat


def jobs_for(run: str, hardware: str, cells: Sequence[PlannedCell], seed: int) -> list[JobSpec]:
    """Return the jobs of one hardware, round by round: repeat 1 of every cell, then repeat 2, ….

    A machine drifts as it warms up and as others use it; in rounds, the drift falls on all cells
    alike. Within a round the cells keep their order; a cell with fewer repeats drops out early.
    """
    rounds = max((planned.repeats for planned in cells), default=0)
    return [
        JobSpec(
            run=run,
            hardware=hardware,
            cell=planned.cell,
            repeat=repeat,
            seed=seed,
            timeout_seconds=planned.timeout_seconds,
        )
        for repeat in range(1, rounds + 1)
        for planned in cells
        if repeat <= planned.repeats
    ]
