"""PlannedCell: a cell, and how often and how long to measure it; jobs are made from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from jobs.spec import MAX_REPEATS, MAX_TIMEOUT_SECONDS, Cell, Effort, JobSpec


class PlannedCell(BaseModel):
    """One cell of a suite, on whatever hardware it will run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell: Cell
    repeats: int = Field(ge=1, le=MAX_REPEATS)  # independent processes
    timeout_seconds: float = Field(gt=0, le=MAX_TIMEOUT_SECONDS)  # of each repeat
    effort: Effort = Effort()

    def merged(self, other: PlannedCell) -> PlannedCell:
        """Return this cell, measured as often, as long and as exactly as either plan asks for."""
        mine, theirs = self.effort.model_dump(), other.effort.model_dump()
        return PlannedCell(
            cell=self.cell,
            repeats=max(self.repeats, other.repeats),
            timeout_seconds=max(self.timeout_seconds, other.timeout_seconds),
            effort=Effort(
                **{
                    key: (min if key == "lap_precision" else max)(mine[key], theirs[key])
                    for key in mine
                }
            ),
        )


def jobs_for(run: str, hardware: str, cells: Sequence[PlannedCell], seed: int) -> list[JobSpec]:
    """Return the jobs of one hardware, round by round: repeat 1 of every cell, then repeat 2, ….

    A machine drifts as it warms up and as others use it. In rounds, the drift falls on all cells
    alike; within a round the cells are shuffled by the seed, in another order each round and in the
    same on every hardware, so that none always runs after the same other. A cell with fewer repeats
    drops out early.
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
            effort=planned.effort,
        )
        for repeat in range(1, rounds + 1)
        for planned in _shuffled(cells, f"{seed} {repeat}")
        if repeat <= planned.repeats
    ]


def _shuffled(cells: Sequence[PlannedCell], seed: str) -> list[PlannedCell]:
    # By a digest: the same order with every version of Python.
    return sorted(
        cells, key=lambda each: hashlib.sha256(f"{seed} {each.cell.id}".encode()).digest()
    )
