"""The store's tables, as they are now."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

versions = Table("schema_versions", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("suite", String(64), nullable=False),
    Column("created_at", Float, nullable=False),  # seconds since the epoch
    Column("manifest", Text, nullable=False),  # Run as JSON
    # Of the one log that a run had at first; not read any more (see `logs`).
    Column("cursor", String(64), nullable=False, default="0"),
    Index("runs_by_suite", "suite", "created_at"),
)

logs = Table(
    "logs",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("hardware", String(64), primary_key=True),
    Column("cursor", String(64), nullable=False),  # the last entry read from its log in Redis
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
    # As Redis had it; a result overrules it, unless the job was superseded.
    Column("state", String(16), nullable=False),
    Column("retry", Integer, nullable=False, server_default="0"),  # of the same cell × repeat
    Index("jobs_by_run", "run", "hardware"),
)

conditions = Table(
    "conditions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("body", Text, nullable=False),  # flat JSON: the machine, and what was in force
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
    Column("reading", Text),  # farm.readings.reading.Reading as JSON; NULL without a measurement
    Column("conditions", String(16)),  # the id of a row of that table
    Column("body", Text, nullable=False),  # Result as JSON: everything
)

unreadable = Table(
    "unreadable",
    metadata,
    Column("id", String(200), primary_key=True),  # run, colon, hardware, colon, entry of its log
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("hardware", String(64), nullable=False, server_default=""),  # in whose log it was
    Column("job", String(16)),  # NULL where nothing says of which job it is
    Column("reason", Text, nullable=False),  # why it could not be read
    Column("body", Text, nullable=False),  # as it came, or its beginning
    Column("size", BigInteger, nullable=False),  # of all of it, in bytes
    Index("unreadable_by_run", "run"),
)
