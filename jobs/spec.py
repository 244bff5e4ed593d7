"""JobSpec: one cell of the matrix × one repeat, and the identities made from it."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jobs.limits import MAX_COUNT, Key

Backend: TypeAlias = Literal[
    "tensorflow", "torch", "jax",  # what Keras computes with
    "sklearn", "ffmpeg", "createml",  # of workloads that train no Keras network
]  # fmt: skip
KERAS_BACKENDS: tuple[Backend, ...] = ("tensorflow", "torch", "jax")
Precision: TypeAlias = Literal[
    "float32",
    "tf32",  # float32 whose products keep 10 bits of the factors
    "mixed_float16",  # Keras's policies: variables float32, products of halves
    "mixed_bfloat16",
    "float16",  # bare arithmetic, of no network
    "bfloat16",
]
DataSource: TypeAlias = Literal[
    "real",  # a published data set
    "synthetic",  # made up, of a published data set's shapes
    "generated",  # made up, and the work's own: the same on every machine
]
Mode: TypeAlias = Literal[
    "train",
    "infer",  # forward passes alone
    "run",  # of work that is neither
]
Protocol: TypeAlias = Literal[
    "train",  # whole epochs with validation and a final test, as the sources did; a lap is an epoch
    "steady",  # a lap is a block of steps, sized to last about a second
    "once",  # a whole task from its start to its end; a lap is one task
]
DataPipeline: TypeAlias = Literal[
    "staged",  # batches lie ready on the device before the clock starts
    "host",  # batches are put together on the host while the clock runs
]
Optimizer: TypeAlias = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
Scalar: TypeAlias = bool | int | float | str

# Part of Redis keys, queue names and file names, so no separator of any of them.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
Name: TypeAlias = Annotated[str, Field(pattern=NAME_PATTERN)]

MAX_BATCH_SIZE = 1 << 24
LARGEST: Literal["max"] = "max"  # a batch size: the largest that the machine has memory for
BatchSize: TypeAlias = Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)]
MAX_EPOCHS = 100_000
MAX_REPEATS = 1_000
MAX_RETRIES = 1_000
MAX_TIMEOUT_SECONDS = 7 * 86_400
MAX_VERSION = 10**9
MAX_PARAMETERS = 64
MAX_WORD = 1_000  # characters of a parameter that is text


def _bounded(value: Scalar) -> Scalar:
    """Refuse numbers that no other program could read, and texts that are no value."""
    if isinstance(value, str):
        if len(value) > MAX_WORD:
            raise ValueError(f"text of more than {MAX_WORD} characters")
    elif not math.isfinite(value) if isinstance(value, float) else abs(value) > MAX_COUNT:
        raise ValueError(f"a number that is not finite, or beyond {MAX_COUNT:.0e}")
    return value


Parameter: TypeAlias = Annotated[Scalar, AfterValidator(_bounded)]

# Fields that cells did not have at first, and what they meant then: left out of an id where they
# still mean that, so that what was measured before keeps its identity.
_FIRST_MEANING = {"protocol": "train", "data_pipeline": "host", "jit": None}


class Cell(BaseModel):
    """What is measured, on whatever hardware: equal cells are the same work.

    None is what is not known of a measurement made elsewhere; a job of the farm's knows it all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workload: Name
    # Raised whenever the definition of the work changes.
    workload_version: int | None = Field(ge=1, le=MAX_VERSION)
    batch_size: BatchSize | Literal["max"] | None  # None: the work has none
    epochs: int | None = Field(ge=1, le=MAX_EPOCHS)  # of the protocol `train`; None under `steady`
    precision: Precision | None
    backend: Backend | None
    mode: Mode | None
    data: DataSource | None
    optimizer: Optimizer | None
    protocol: Protocol | None = "train"
    data_pipeline: DataPipeline | None = "host"
    jit: bool | None = None  # the whole step is compiled; None: as the backend usually does it
    # All of the workload's own, defaults filled in.
    parameters: dict[Key, Parameter] = Field(max_length=MAX_PARAMETERS)

    @property
    def samples_per_step(self) -> int:
        """The batch size as a number; 1 where the work has none.

        Raises ValueError for the largest that fits: which that is, the worker finds out.
        """
        if self.batch_size == LARGEST:
            raise ValueError("the largest batch that fits has no number yet")
        return self.batch_size or 1

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits, equal on every machine for equal cells."""
        said = self.model_dump(mode="json")
        for name, meaning in _FIRST_MEANING.items():
            if said[name] == meaning:
                del said[name]
        return _digest(said)


class Effort(BaseModel):
    """How long and how exactly a process measures: no part of what is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # `steady` stops when the 95 % interval of the laps' median is this narrow (half its width,
    # relative to the median) …
    lap_precision: float = Field(default=0.02, gt=0, lt=1)
    # … or when the laps have taken this long, whichever is first.
    budget_seconds: float = Field(default=20.0, gt=0, le=MAX_TIMEOUT_SECONDS)
    warmup_seconds: float = Field(default=20.0, ge=0, le=MAX_TIMEOUT_SECONDS)  # at most
    lap_seconds: float = Field(default=1.0, gt=0, le=3600)  # what a lap of `steady` is sized to
    cooldown_seconds: float = Field(default=0.0, ge=0, le=3600)  # of rest before the job


class JobSpec(BaseModel):
    """One cell, on one hardware, one repeat: what travels through the queue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Name
    hardware: Name
    cell: Cell
    repeat: int = Field(ge=1, le=MAX_REPEATS)
    seed: int = Field(ge=0, lt=2**31)  # of the data; the network's is seed + repeat
    timeout_seconds: float = Field(gt=0, le=MAX_TIMEOUT_SECONDS)
    effort: Effort = Effort()
    retry: int = Field(0, ge=0, le=MAX_RETRIES)  # how often somebody has asked for it once more

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits; the same submission always gives the same ids."""
        said = [self.run, self.hardware, self.cell.id, self.repeat, self.seed]
        return _digest([*said, self.retry] if self.retry else said)

    @property
    def predecessor(self) -> JobSpec | None:
        """The job in whose place this one is; None where it is the first."""
        return self.model_copy(update={"retry": self.retry - 1}) if self.retry else None

    @property
    def label(self) -> str:
        """The job in one short phrase, for logs and tables."""
        cell = self.cell
        batch = "" if cell.batch_size is None else f" batch {cell.batch_size}"
        return f"{cell.workload}{batch} #{self.repeat} on {self.hardware}"


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
