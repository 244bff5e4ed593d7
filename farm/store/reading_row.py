"""Results as rows of the store: each with its reading, and the conditions that they share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select, update

from farm.readings.reading import conditions, conditions_id, read
from farm.store.database import insert_new
from farm.store.tables import conditions as conditions_table
from farm.store.tables import results
from jobs.result import Result

CHUNK = 500


def result_rows(of: Iterable[Result]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of the table `results`, and those of `conditions` that they refer to."""
    rows = []
    under: dict[str, str] = {}
    for result in of:
        body = json.dumps(conditions(result), separators=(",", ":"))
        id_ = conditions_id(body)
        under[id_] = body
        reading = read(result)
        rows.append(
            {
                "job": result.job.id,
                "status": result.status.value,
                "epoch_seconds": reading.seconds if reading else None,
                "samples_per_epoch": (
                    result.measurement.samples_per_epoch if result.measurement else None
                ),
                # PostgreSQL's text holds no NUL; `body`, being JSON, has it escaped.
                "reason": result.error.message.replace("\0", "") if result.error else None,
                "started_at": result.started_at,
                "finished_at": result.finished_at,
                "reading": reading.to_json() if reading else None,
                "conditions": id_,
                "body": result.model_dump_json(),
            }
        )
    return rows, [{"id": id_, "body": body} for id_, body in sorted(under.items())]


def fill_in(connection: Connection) -> None:
    """Give the results that have none their readings and conditions, some at a time."""
    bare = select(results.c.job, results.c.body).where(results.c.conditions.is_(None)).limit(CHUNK)
    while found := connection.execute(bare).all():
        rows, under = result_rows(Result.model_validate_json(body) for _, body in found)
        insert_new(connection, conditions_table, under)
        for (job, _), row in zip(found, rows, strict=True):
            values = {"reading": row["reading"], "conditions": row["conditions"]}
            connection.execute(update(results).where(results.c.job == job).values(**values))
