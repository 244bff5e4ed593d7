"""Cells and jobs to build small matrices from."""

from __future__ import annotations

from typing import Any

from farm.matrix.matrix import Entry
from jobs.spec import Cell


def cell(workload: str = "mlp", batch_size: int | str | None = 32, **changes: Any) -> Cell:
    """Return a cell, the same at every call but for what is named."""
    fields: dict[str, Any] = {
        "workload": workload,
        "workload_version": 1,
        "batch_size": batch_size,
        "epochs": 10,
        "precision": "float32",
        "backend": "tensorflow",
        "mode": "train",
        "data": "synthetic",
        "optimizer": "adam",
        "parameters": {"train_samples": 512},
    }
    return Cell.model_validate(fields | changes)


def measured(
    hardware: str,
    *seconds: float,
    of: Cell | None = None,
    samples: int | None = 512,
    first: int = 1,
) -> list[Entry]:
    """Return one job for each of the process medians, all succeeded."""
    return [
        Entry(
            cell=of or cell(),
            hardware=hardware,
            repeat=repeat,
            state="succeeded",
            epoch_seconds=value,
            samples_per_epoch=samples,
        )
        for repeat, value in enumerate(seconds, first)
    ]


def unmeasured(
    hardware: str,
    *states: str,
    of: Cell | None = None,
    reason: str | None = None,
    first: int = 1,
) -> list[Entry]:
    """Return one job for each of the states, none with a time."""
    return [
        Entry(cell=of or cell(), hardware=hardware, repeat=repeat, state=state, reason=reason)
        for repeat, state in enumerate(states, first)
    ]
