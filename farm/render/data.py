"""A matrix for programs: JSON and CSV, with every number unrounded."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

from farm.matrix.matrix import Matrix, MatrixCell, Row, Summary
from farm.matrix.warnings import warnings
from farm.render import escape, units


def to_json(matrix: Matrix, run: str | None = None) -> dict[str, Any]:
    """Return the matrix as plain values for `json.dumps`; None where a number does not exist.

    `seconds` is per epoch, or per task of work without epochs; `speedup` is the baseline's seconds
    ÷ seconds, and `low` and `high` are its 95 % interval; `value` is of `metric`, None for the
    speed-up, and `item` what a throughput counts a second (`flop`: floating-point operations).
    `batch_sizes` are the numbers that were used, of the batch size `max` too. A row matched
    `across` something has None there where its hardware differ. An invalid cell keeps its numbers,
    which are in no summary. `run` as `farm.matrix.warnings.warnings` takes it.
    """
    return {
        "baseline": matrix.baseline,
        "metric": matrix.metric,
        "across": list(matrix.across),
        "by": matrix.by,
        "hardware": list(matrix.hardware),
        "rows": [_row(row) for row in matrix.rows],
        "groups": [
            {"name": group.name, "summary": _summaries(group.summary)} for group in matrix.groups
        ],
        "summary": _summaries(matrix.summary),
        "warnings": warnings(matrix, run),
    }


def json_text(matrix: Matrix, run: str | None = None) -> str:
    """Return `to_json` as a text of ASCII characters."""
    return json.dumps(to_json(matrix, run), indent=2, allow_nan=False)


def csv_text(matrix: Matrix) -> str:
    """Return one line a row: its labels, the speed-ups, and then the details of every hardware.

    A hardware's name alone heads its speed-ups; they are empty where there is none, and
    `NAME status` and `NAME reason` say why. What holds several texts has them joined by semicolons.
    There are no summary rows: a program computes its own.
    """
    properties = (
        *("precision", "backend", "data", "mode", "optimizer", "epochs"),
        *("protocol", "data_pipeline", "jit"),
    )
    details = (
        *("seconds", "repeats", "submitted", "status", "reason"),
        *("low", "high", "resolved", "within_run", "differs", "invalid", "noise"),
        *("value", "mark", "item", "batch_sizes"),
    )
    header = ["workload", "workload_version", "batch_size", *properties, "parameters"]
    header += map(escape.csv, matrix.hardware)
    header += [escape.csv(f"{name} {detail}") for name in matrix.hardware for detail in details]

    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(header)
    for row in matrix.rows:
        cell = row.cell
        parameters = "; ".join(
            f"{name}={units.scalar(value)}" for name, value in sorted(cell.parameters.items())
        )
        cells = [row.cells[name] for name in matrix.hardware]
        writer.writerow(
            [
                escape.csv(cell.workload),
                cell.workload_version,
                cell.batch_size,
                *(_safe(getattr(cell, name)) for name in properties),
                escape.csv(parameters),
                *(_finite(there.speedup) for there in cells),
                *(_safe(known[detail]) for known in map(_cell, cells) for detail in details),
            ]
        )
    return target.getvalue().rstrip("\n")


def _safe(value: Any) -> float | str | None:
    if isinstance(value, bool):
        return units.scalar(value)
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str):
        return escape.csv(value)
    number: float | None = value
    return number


def _row(row: Row) -> dict[str, Any]:
    return {
        **row.cell.model_dump(mode="json"),
        "cell": row.cell_id,
        "cells": {name: _cell(cell) for name, cell in row.cells.items()},
    }


def _cell(cell: MatrixCell) -> dict[str, Any]:
    low, high = _finite(cell.low), _finite(cell.high)
    return {
        "status": cell.status.value,
        "speedup": _finite(cell.speedup),
        "low": low,
        "high": high,
        "resolved": None if low is None or high is None else cell.resolved,
        "within_run": cell.within_run,
        "seconds": _finite(cell.seconds),
        "value": _finite(cell.value),
        "mark": cell.mark,
        "item": cell.item,
        "batch_sizes": list(cell.batch_sizes),
        "repeats": cell.repeats,
        "submitted": cell.submitted,
        "reason": cell.reason,
        "invalid": cell.invalid,
        "differs": list(cell.differs),
        "noise": list(cell.noise),
    }


def _summaries(summaries: Mapping[str, Summary]) -> dict[str, Any]:
    return {name: _summary(summary) for name, summary in summaries.items()}


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "min": _finite(summary.minimum),
        "geomean": _finite(summary.geomean),
        "low": _finite(summary.low),
        "high": _finite(summary.high),
        "max": _finite(summary.maximum),
        "within_run": summary.within_run,
        "cells": summary.cells,
        "of": summary.of,
        "invalid": summary.invalid,
    }


def _finite(value: float | None) -> float | None:
    """Return the number; None for what JSON has no number for."""
    return None if value is None or not math.isfinite(value) else value
