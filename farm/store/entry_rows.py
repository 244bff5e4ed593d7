"""Entries from the store's rows: every job that counts, as far as the matrix needs it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, func, select

from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.run import Run
from farm.store.tables import cells, conditions, jobs, results
from jobs.spec import Cell
from workers.job_states import SUPERSEDED


def state() -> Any:
    """Return the expression of a job's state, over `jobs` and its row of `results`, if any."""
    superseded = jobs.c.state == SUPERSEDED
    return case((superseded, SUPERSEDED), else_=func.coalesce(results.c.status, jobs.c.state))


def entries(connection: Connection, of_runs: Sequence[Run]) -> list[Entry]:
    """Return every job of the runs but the superseded ones, in their suites' order."""
    order: dict[str, int] = {}
    for planned in (planned for run in of_runs for planned in run.cells):
        order.setdefault(planned.cell.id, len(order))
    chosen = jobs.c.run.in_([run.id for run in of_runs])
    bodies = connection.execute(
        select(cells.c.id, cells.c.body).where(cells.c.id.in_(select(jobs.c.cell).where(chosen)))
    )
    by_id = {cell: Cell.model_validate_json(body) for cell, body in bodies}
    used = connection.execute(
        select(conditions.c.id, conditions.c.body).where(
            conditions.c.id.in_(select(results.c.conditions).join(jobs).where(chosen))
        )
    )
    under = {id_: json.loads(body) for id_, body in used}
    query = (
        select(
            jobs.c.id,
            jobs.c.cell,
            jobs.c.hardware,
            jobs.c.repeat,
            state().label("state"),
            results.c.epoch_seconds,
            results.c.samples_per_epoch,
            results.c.reason,
            results.c.reading,
            results.c.conditions,
        )
        .select_from(jobs.outerjoin(results))
        .where(chosen, jobs.c.state != SUPERSEDED)
    )
    rows = sorted(
        connection.execute(query),
        key=lambda row: (order.get(row.cell, len(order)), row.hardware, row.repeat),
    )
    return [
        Entry(
            job=row.id,
            cell=by_id[row.cell],
            hardware=row.hardware,
            repeat=row.repeat,
            state=row.state,
            epoch_seconds=row.epoch_seconds,
            samples_per_epoch=row.samples_per_epoch,
            reason=row.reason,
            reading=Reading.from_json(row.reading) if row.reading else None,
            conditions=under.get(row.conditions),
        )
        for row in rows
    ]
