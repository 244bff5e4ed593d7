"""Result: a measurement or an error, never both, never neither."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.spec import JobSpec, Scalar


class Status(str, Enum):
    """How a job ended."""

    SUCCEEDED = "succeeded"  # measured
    FAILED = "failed"  # raised, was killed, or returned garbage
    TIMED_OUT = "timed_out"  # still running at its deadline, and was killed
    OUT_OF_MEMORY = "out_of_memory"  # of the host or of the device
    UNSUPPORTED = "unsupported"  # this machine lacks what the job needs
    CANCELLED = "cancelled"  # withdrawn before it was measured


class _Record(BaseModel):
    # NaN is a finding here, not noise: JSON keeps it as the string "NaN".
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Measurement(_Record):
    """Raw numbers of one process; every statistic is computed on reading."""

    lap_seconds: tuple[float, ...] = Field(min_length=1)
    warmup_lap_seconds: tuple[float, ...]  # timed, and kept out of every statistic
    cold_start_seconds: float  # build, compile and the first step
    total_seconds: float  # cold start, warm-up, laps and the final test
    samples_per_lap: int = Field(ge=1)
    steps_per_lap: int = Field(ge=1)
    samples_per_epoch: int = Field(ge=1)
    history: dict[str, tuple[float, ...]]  # loss, accuracy, val_loss, …: one value an epoch
    test: dict[str, float]  # the same after training, on the test set
    data_verified: bool | None = None  # the files are the published ones; None: synthetic
    parameter_count: int | None = None  # of the network
    peak_memory_bytes: int | None = None  # resident set of the child, host memory

    @property
    def epoch_seconds(self) -> tuple[float, ...]:
        """Each lap scaled to one epoch of training samples, in seconds."""
        scale = self.samples_per_epoch / self.samples_per_lap
        return tuple(lap * scale for lap in self.lap_seconds)


class JobFailure(_Record):
    """Why there is no measurement."""

    kind: Literal[
        "exception", "signal", "exit", "memory", "timeout", "garbage", "data", "unsupported"
    ]
    message: str  # for the reader of a table: what happened, and what to do
    exception: str | None = None  # the class's qualified name
    traceback: str | None = None
    signal: str | None = None  # SIGKILL, SIGSEGV, …
    exit_code: int | None = None
    stderr_tail: str = ""


class _Outcome(_Record):
    status: Status
    measurement: Measurement | None = None
    error: JobFailure | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> _Outcome:
        if (self.measurement is None) == (self.error is None):
            raise ValueError("a result holds a measurement or an error: exactly one of them")
        if (self.status is Status.SUCCEEDED) != (self.measurement is not None):
            raise ValueError(f"status {self.status.value!r} does not go with what the result holds")
        return self


class ChildReport(_Outcome):
    """What the child process says of itself; the runner makes a Result of it."""

    environment: dict[str, Scalar | None]
    workload_started_at: float | None = None  # seconds since the epoch


class Result(_Outcome):
    """What one job came to, with everything needed to read it years later."""

    schema_version: Literal[1] = 1
    job: JobSpec
    worker: str  # the name of the worker that ran it
    facts: dict[str, Scalar | None]  # the machine: what its fingerprint is made of, and more
    environment: dict[str, Scalar | None]  # what was in force: versions, threads, flags
    started_at: float  # seconds since the epoch, by the worker's clock
    finished_at: float
    start_latency_seconds: float | None = None  # from taking the job to the workload's first line
