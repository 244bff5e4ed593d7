"""A matrix for programs: JSON and CSV, with every number unrounded."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from farm.matrix import Matrix, MatrixCell, Row, Summary
from farm.render import escape, units


def to_json(matrix: Matrix) -> dict[str, Any]:
    """Return the matrix as plain values for `json.dumps`; None where a number does not exist.

    `seconds` is per epoch; `speedup` is the baseline's seconds ÷ seconds.
    """
    return {
        "baseline": matrix.baseline,
        "metric": matrix.metric,
        "hardware": list(matrix.hardware),
        "rows": [_row(row) for row in matrix.rows],
        "summary": {name: _summary(summary) for name, summary in matrix.summary.items()},
    }


def json_text(matrix: Matrix) -> str:
    """Return `to_json` as a text of ASCII characters."""
    return json.dumps(to_json(matrix), indent=2, allow_nan=False)


def csv_text(matrix: Matrix) -> str:
    """Return one line a row: its labels, the speed-ups, and then the details of every hardware.

    A hardware's name alone heads its speed-ups; they are empty where there is none, and
    `NAME status` and `NAME reason` say why. There are no summary rows: a program computes its own.
    """
    properties = ("precision", "backend", "data", "mode", "optimizer", "epochs")
    details = ("seconds", "repeats", "submitted", "status", "reason")
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
                *(getattr(cell, name) for name in properties),
                escape.csv(parameters),
                *(there.speedup for there in cells),
                *(_safe(_cell(there)[detail]) for there in cells for detail in details),
            ]
        )
    return target.getvalue().rstrip("\n")


def _safe(value: float | str | None) -> float | str | None:
    return escape.csv(value) if isinstance(value, str) else value


def _row(row: Row) -> dict[str, Any]:
    return {
        **row.cell.model_dump(mode="json"),
        "cell": row.cell_id,
        "cells": {name: _cell(cell) for name, cell in row.cells.items()},
    }


def _cell(cell: MatrixCell) -> dict[str, Any]:
    return {
        "status": cell.status.value,
        "speedup": cell.speedup,
        "seconds": cell.seconds,
        "repeats": cell.repeats,
        "submitted": cell.submitted,
        "reason": cell.reason,
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "min": summary.minimum,
        "geomean": summary.geomean,
        "max": summary.maximum,
        "cells": summary.cells,
        "of": summary.of,
    }
