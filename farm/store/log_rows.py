"""Log rows: how far the logs of results in Redis were read, and what of them is no result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select, update

from farm.store.database import insert_new
from farm.store.entry_rows import state
from farm.store.tables import jobs, logs, results, unreadable
from farm.store.unreadable import KEPT_CHARACTERS, MOST_UNREADABLE, Unreadable
from workers.job_states import OPEN

START = "0"  # the cursor before the first entry of a log


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the store is with one hardware of a run."""

    cursor: str = START  # of the last entry read from its log
    jobs: int = 0
    complete: bool = False  # no job of those known is queued or running


def progress(connection: Connection, run: str) -> dict[str, Progress]:
    """Return how far the store is with each hardware of a run of which it knows anything."""
    still_open = func.sum(case((state().in_(OPEN), 1), else_=0))
    counted = connection.execute(
        select(jobs.c.hardware, func.count(), still_open)
        .select_from(jobs.outerjoin(results))
        .where(jobs.c.run == run)
        .group_by(jobs.c.hardware)
    )
    counts = {hardware: (count, left) for hardware, count, left in counted}
    read = select(logs.c.hardware, logs.c.cursor).where(logs.c.run == run)
    cursors = {row.hardware: row.cursor for row in connection.execute(read)}
    found = {}
    for hardware in {*counts, *cursors}:
        count, left = counts.get(hardware, (0, 0))
        cursor = cursors.get(hardware, START)
        found[hardware] = Progress(cursor=cursor, jobs=count, complete=count > 0 and not left)
    return found


def advance(connection: Connection, run: str, hardware: str, cursor: str) -> None:
    """Record how far a log was read."""
    insert_new(connection, logs, [{"run": run, "hardware": hardware, "cursor": cursor}])
    here = (logs.c.run == run, logs.c.hardware == hardware)
    connection.execute(update(logs).where(*here).values(cursor=cursor))


def insert_unreadable(
    connection: Connection, run: str, hardware: str, new: Sequence[Unreadable]
) -> None:
    """Keep what could not be read of a hardware's log, up to MOST_UNREADABLE in all."""
    if not new:
        return
    here = (unreadable.c.run == run, unreadable.c.hardware == hardware)
    count = connection.scalar(select(func.count()).select_from(unreadable).where(*here)) or 0
    rows = [
        {
            "id": f"{run}:{each.hardware}:{each.cursor}",
            "run": run,
            "hardware": each.hardware,
            "job": each.job,
            # PostgreSQL's text holds no NUL.
            "reason": each.reason.replace("\0", ""),
            "body": each.text[:KEPT_CHARACTERS].replace("\0", "\ufffd"),
            "size": each.size,
        }
        for each in new[: max(0, MOST_UNREADABLE - count)]
    ]
    insert_new(connection, unreadable, rows)


def read_unreadable(connection: Connection, run: str) -> list[Unreadable]:
    """Return what came of a run and could not be read, in the order it came."""
    found = [
        Unreadable(
            hardware=row.hardware,
            cursor=row.id.rpartition(":")[2],
            job=row.job,
            reason=row.reason,
            text=row.body,
            size=row.size,
        )
        for row in connection.execute(select(unreadable).where(unreadable.c.run == run))
    ]
    return sorted(found, key=lambda each: tuple(map(int, each.cursor.split("-"))))
