"""The store's tables, as numbered migrations; each runs in one transaction with its own record."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from jobs.errors import StoreError

metadata = MetaData()

versions = Table("schema_versions", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("suite", String(64), nullable=False),
    Column("created_at", Float, nullable=False),  # seconds since the epoch
    Column("manifest", Text, nullable=False),  # Run as JSON
    Column("cursor", String(64), nullable=False),  # the last entry read from the run's log
    Index("runs_by_suite", "suite", "created_at"),
)

cells = Table(
    "cells",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("body", Text, nullable=False),  # Cell as JSON
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("cell", ForeignKey("cells.id"), nullable=False),
    Column("hardware", String(64), nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # as Redis had it; a result overrules it
    Index("jobs_by_run", "run", "hardware"),
)

results = Table(
    "results",
    metadata,
    Column("job", ForeignKey("jobs.id"), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("epoch_seconds", Float),  # the median of the process's laps, scaled to an epoch
    Column("samples_per_epoch", BigInteger),
    Column("reason", Text),  # why there is no measurement
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float, nullable=False),
    Column("body", Text, nullable=False),  # Result as JSON: everything
)


def _create_tables(connection: Connection) -> None:
    metadata.create_all(connection)


MIGRATIONS = (_create_tables,)


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
