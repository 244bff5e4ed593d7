"""The store's database: opened by its URL, and the little that differs between dialects."""

from __future__ import annotations

import os
import time
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from farm.home import home
from jobs.errors import StoreError

BUSY_SECONDS = 30


def open_engine(url: str | None) -> Engine:
    """Return the database at `url`, FARM_STORE, or SQLite in the farm's home.

    Raises StoreError for a URL that is none, or whose driver is not installed.
    """
    address = url or os.environ.get("FARM_STORE") or f"sqlite:///{home() / 'farm.db'}"
    try:
        engine = create_engine(address)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"FARM_STORE is not a database URL that can be used here ({error}); accepted: a "
            f"SQLAlchemy URL such as sqlite:////folder/farm.db or "
            f"postgresql+psycopg://user@host/farm, with its driver installed"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows whose key is new; return how many were."""
    if not rows:
        return 0
    dialect = {"postgresql": postgresql, "sqlite": sqlite}.get(connection.dialect.name)
    if dialect is None:  # no portable "insert what is new": look first
        key = list(table.primary_key)
        asked = tuple_(*key).in_([tuple(row[part.name] for part in key) for row in rows])
        known = {tuple(row) for row in connection.execute(select(*key).where(asked))}
        rows = [row for row in rows if tuple(row[part.name] for part in key) not in known]
        if rows:
            connection.execute(table.insert(), rows)
        return len(rows)
    statement = dialect.insert(table).on_conflict_do_nothing()
    done = connection.execute(statement.execution_options(preserve_rowcount=True), rows)
    return max(0, done.rowcount)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Several people may collect at once: readers do not block the writer, writers queue up.
    for attempt in range(BUSY_SECONDS * 10):
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")
        except Exception as error:
            if "locked" not in str(error) or attempt == BUSY_SECONDS * 10 - 1:
                raise
            time.sleep(0.1)
        else:
            return
