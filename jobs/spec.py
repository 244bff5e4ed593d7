"""JobSpec: one cell of the matrix × one repeat, and the identities made from it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Backend: TypeAlias = Literal["tensorflow", "torch", "jax"]
Precision: TypeAlias = Literal["float32"]
DataSource: TypeAlias = Literal["real", "synthetic"]
Mode: TypeAlias = Literal["train"]
Optimizer: TypeAlias = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
Scalar: TypeAlias = bool | int | float | str

# Part of Redis keys, queue names and file names, so no separator of any of them.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
Name: TypeAlias = Annotated[str, Field(pattern=NAME_PATTERN)]

MAX_BATCH_SIZE = 1 << 24
MAX_EPOCHS = 100_000
MAX_REPEATS = 1_000
MAX_TIMEOUT_SECONDS = 7 * 86_400


class Cell(BaseModel):
    """What is measured, on whatever hardware: equal cells are the same work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workload: Name
    workload_version: int = Field(ge=1)  # raised whenever the definition of the work changes
    batch_size: int = Field(ge=1, le=MAX_BATCH_SIZE)
    epochs: int = Field(ge=1, le=MAX_EPOCHS)
    precision: Precision
    backend: Backend
    mode: Mode
    data: DataSource
    optimizer: Optimizer
    parameters: dict[str, Scalar]  # all of the workload's own, defaults filled in

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits, equal on every machine for equal cells."""
        return _digest(self.model_dump(mode="json"))


class JobSpec(BaseModel):
    """One cell, on one hardware, one repeat: what travels through the queue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Name
    hardware: Name
    cell: Cell
    repeat: int = Field(ge=1, le=MAX_REPEATS)
    seed: int = Field(ge=0, lt=2**31)  # of the data; the network's is seed + repeat
    timeout_seconds: float = Field(gt=0, le=MAX_TIMEOUT_SECONDS)

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits; the same submission always gives the same ids."""
        return _digest([self.run, self.hardware, self.cell.id, self.repeat, self.seed])

    @property
    def label(self) -> str:
        """The job in one short phrase, for logs and tables."""
        cell = self.cell
        return f"{cell.workload} batch {cell.batch_size} #{self.repeat} on {self.hardware}"


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
