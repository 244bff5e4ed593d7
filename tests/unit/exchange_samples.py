"""Runs and results to carry from one farm to another, and the carrying."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from farm.exchange import exchange
from farm.exchange.importer import Imported, import_files
from farm.run import Run
from farm.store.store import Store
from farm.suite.plan import PlannedCell
from farm.suite.selector import Selector
from jobs.errors import ImportFileError
from jobs.result import Measurement, Result, Trial
from jobs.spec import Effort
from jobs.telemetry import Energy, Telemetry
from tests.conftest import make_cell


def make_run(name: str = "run-1", **changes: Any) -> Run:
    """Return a run of one cell, three repeats."""
    planned = PlannedCell(
        cell=make_cell(parameters={"rate": 0.5, "whole": 1.0, "on": True}),
        repeats=3,
        timeout_seconds=60.0,
        effort=Effort(lap_precision=0.1),
    )
    values = {"id": name, "suite": "quick", "description": "", "created_at": 1.0, "seed": 42}
    values |= {"selector": Selector(("all",)), "cells": (planned,), **changes}
    return Run.model_validate(values)


def rich(result: Result) -> Result:
    """Return the result with something in every field, NaN and unpleasant text among it."""
    assert result.measurement is not None
    values = result.measurement.model_dump() | {
        "history": {"loss": (1.0, math.nan, math.inf)},
        "test": {"accuracy": 0.1 + 0.2},
        "floors": {"accuracy": 0.8},
        "laps_window": (1.5, 2.5),
        "stopped_by": "budget",
        "latency_seconds": (0.1, math.inf),
    }
    energy = Energy(part="gpu", kind="counter", source="NVML", joules=1 / 3, seconds=0.1)
    return result.model_copy(
        update={
            "measurement": Measurement.model_validate(values),
            "telemetry": Telemetry(seconds=2.0, samples=0, energy=(energy,)),
            "noise": ("hot\u2028\n",),
            "facts": {"a": None, "b": 1, "c": 1.0, "d": True, "e": "\x1b[31m\u202e\0"},
            "unit": "GPU-1",
            "frontier": (Trial(batch_size=64, fits=False),),
        }
    )


def exported(store: Store) -> bytes:
    """Return all runs of a store as they are exported."""
    out = io.BytesIO()
    exchange.write(store, store.runs(), out)
    return out.getvalue()


def bring(store: Store, *files: Path) -> list[Imported]:
    """Import files."""
    return import_files(store, [str(file) for file in files])


def change(path: Path, index: int, **values: Any) -> None:
    """Replace keys of the object on a line, counted from 0."""
    lines = path.read_text().splitlines()
    lines[index] = json.dumps(json.loads(lines[index]) | values)
    path.write_text("\n".join(lines) + "\n")


def problems(store: Store, *files: Path) -> list[str]:
    """Return what is said of wrong files, after which nothing has changed."""
    before = exported(store)
    with pytest.raises(ImportFileError) as caught:
        bring(store, *files)
    assert exported(store) == before
    return list(caught.value.problems[:-1])
