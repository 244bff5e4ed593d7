"""Numbered migrations of the store; each runs in one transaction with its own record."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from farm.store.reading_row import fill_in
from farm.store.tables import conditions, jobs, logs, metadata, results, unreadable, versions
from jobs.errors import StoreError


def _create_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _add_readings(connection: Connection) -> None:
    """What the matrix needs of a result stands beside it, and each set of conditions once."""
    present = {column["name"] for column in inspect(connection).get_columns(results.name)}
    for name, kind in (("reading", "TEXT"), ("conditions", "VARCHAR(16)")):
        if name not in present:
            connection.execute(text(f"ALTER TABLE results ADD COLUMN {name} {kind}"))
    conditions.create(connection, checkfirst=True)
    fill_in(connection)


def _add_retries(connection: Connection) -> None:
    """A job can stand in place of another, and what could not be read is kept as it came."""
    if "retry" not in {column["name"] for column in inspect(connection).get_columns(jobs.name)}:
        connection.execute(text("ALTER TABLE jobs ADD COLUMN retry INTEGER DEFAULT 0 NOT NULL"))
    unreadable.create(connection, checkfirst=True)


def _read_logs_by_hardware(connection: Connection) -> None:
    """Each hardware has a log of its own; what was read of those before is not read again."""
    logs.create(connection, checkfirst=True)
    columns = inspect(connection).get_columns(unreadable.name)
    if "hardware" not in {column["name"] for column in columns}:
        connection.execute(
            text("ALTER TABLE unreadable ADD COLUMN hardware VARCHAR(64) DEFAULT '' NOT NULL")
        )
        if connection.dialect.name == "postgresql":  # SQLite keeps to no length
            connection.execute(text("ALTER TABLE unreadable ALTER COLUMN id TYPE VARCHAR(200)"))


MIGRATIONS = (_create_tables, _add_readings, _add_retries, _read_logs_by_hardware)


def migrate(engine: Engine) -> None:
    """Bring the store's tables up to date; raise StoreError when they are of a newer farm."""
    current = _version(engine)
    if current > len(MIGRATIONS):
        raise StoreError(
            f"the store has schema version {current}, this farm knows {len(MIGRATIONS)}; "
            f"upgrade it: pip install --upgrade benchfarm"
        )
    for number in range(current + 1, len(MIGRATIONS) + 1):
        try:
            with engine.begin() as connection:
                if engine.dialect.name == "sqlite":
                    # Its driver begins no transaction before DDL. One migrates, others wait.
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                    if inspect(connection).has_table(versions.name) and number <= (
                        connection.scalar(select(func.max(versions.c.version))) or 0
                    ):
                        continue
                MIGRATIONS[number - 1](connection)
                connection.execute(insert(versions).values(version=number))
        except SQLAlchemyError:
            if _version(engine) < number:  # else another process has just done it
                raise


def _version(engine: Engine) -> int:
    with engine.connect() as connection:
        if not inspect(connection).has_table(versions.name):
            return 0
        return connection.scalar(select(func.max(versions.c.version))) or 0
