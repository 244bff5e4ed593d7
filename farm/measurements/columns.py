"""Columns of a table of measurements: their names, what they hold, and what each belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from farm.measurements.kinds import (
    FLAG,
    NAME,
    PARAMETER,
    SCALAR,
    SECONDS,
    TEXT,
    Kind,
    number,
    one_of,
    whole,
)
from jobs.catalogue import find
from jobs.errors import UnknownNameError
from jobs.limits import MAX_NAMES, MAX_SECONDS, MAX_SERIES
from jobs.result import Status
from jobs.spec import (
    LARGEST,
    MAX_BATCH_SIZE,
    MAX_EPOCHS,
    MAX_PARAMETERS,
    MAX_VERSION,
    Backend,
    DataPipeline,
    DataSource,
    Mode,
    Optimizer,
    Precision,
    Protocol,
)
from jobs.telemetry import EnergyKind

Place: TypeAlias = Literal[
    "cell",  # what is measured
    "process",  # with the cell, it tells one process from another
    "lap",  # differs from row to row
    "said",  # of the whole process: its rows agree on it, or leave it empty
]

_COUNT = whole(1)
_AMOUNT = number(0, most=1e30)
_MOMENT = number(0, most=MAX_SECONDS)


_SIZE = whole(1, MAX_BATCH_SIZE)


def _batch_size(text: str) -> int | str:
    return LARGEST if text == LARGEST else int(_SIZE.read(text))


def _workload(text: str) -> str:
    """Return the name of a workload that is known here by this name or alias; else the text."""
    name: str = NAME.read(text)
    try:
        return find(name).name
    except UnknownNameError:
        return name


@dataclass(frozen=True)
class Column:
    """One column."""

    place: Place
    kind: Kind


COLUMNS: Final = {
    "hardware": Column("process", NAME),
    "workload": Column("cell", Kind(NAME.accepted, _workload)),
    "batch_size": Column("cell", Kind(f"{_SIZE.accepted}, or {LARGEST}", _batch_size)),
    "repeat": Column("process", whole(0, 10**9)),
    "lap": Column("lap", whole(0, 10**9)),
    "seconds": Column("lap", SECONDS),
    "samples": Column("said", _COUNT),
    "workload_version": Column("cell", whole(1, MAX_VERSION)),
    "epochs": Column("cell", whole(1, MAX_EPOCHS)),
    "precision": Column("cell", one_of(get_args(Precision))),
    "backend": Column("cell", one_of(get_args(Backend))),
    "mode": Column("cell", one_of(get_args(Mode))),
    "data": Column("cell", one_of(get_args(DataSource))),
    "optimizer": Column("cell", one_of(get_args(Optimizer))),
    "protocol": Column("cell", one_of(get_args(Protocol))),
    "data_pipeline": Column("cell", one_of(get_args(DataPipeline))),
    "jit": Column("cell", FLAG),
    "unit": Column("process", TEXT),
    "warmup": Column("lap", FLAG),
    "worker": Column("said", TEXT),
    "steps": Column("said", _COUNT),
    "samples_per_epoch": Column("said", _COUNT),
    "item": Column("said", TEXT),
    "items_per_sample": Column("said", _AMOUNT),
    "batch_size_used": Column("said", _SIZE),
    "latency_seconds": Column("lap", SECONDS),
    "cold_start_seconds": Column("said", _AMOUNT),
    "total_seconds": Column("said", _AMOUNT),
    "flops_per_sample": Column("said", _AMOUNT),
    "parameter_count": Column("said", whole(0)),
    "peak_memory_bytes": Column("said", whole(0)),
    "energy_joules": Column("lap", _AMOUNT),
    "energy_kind": Column("said", one_of(get_args(EnergyKind))),
    "energy_part": Column("said", TEXT),
    "noise": Column("said", TEXT),
    "status": Column("said", one_of(tuple(each.value for each in Status))),
    "error": Column("said", TEXT),
    "started_at": Column("said", _MOMENT),
    "finished_at": Column("said", _MOMENT),
}
# Columns named PREFIX.NAME, for any NAME.
FAMILIES: Final = {
    "parameters": Column("cell", PARAMETER),
    "environment": Column("said", SCALAR),
    "facts": Column("said", SCALAR),
    "history": Column("lap", number(finite=False)),
    "test": Column("said", number(finite=False)),
    "floors": Column("said", number()),
}
# How many columns of a family there may be; every other family may have MAX_NAMES.
MOST: Final = {"parameters": MAX_PARAMETERS, "history": MAX_SERIES}
MOST_COLUMNS: Final = MAX_NAMES
REQUIRED: Final = ("hardware", "workload", "seconds")


def has_batches(workload: str) -> bool:
    """Return whether a workload is known here, and its work goes by batches."""
    try:
        return find(workload).batched
    except UnknownNameError:
        return False


def find_column(name: str) -> Column | None:
    """Return the column of that name, or None."""
    prefix, _, rest = name.partition(".")
    return COLUMNS.get(name) or (FAMILIES.get(prefix) if rest else None)
