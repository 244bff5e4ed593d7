"""Result: a measurement or an error, never both, never neither."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.spec import JobSpec, Scalar
from jobs.telemetry import Telemetry


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
    """Raw numbers of one process; every statistic is computed on reading.

    None is what is not known, as of measurements made elsewhere.
    """

    lap_seconds: tuple[float, ...] = Field(min_length=1)
    warmup_lap_seconds: tuple[float, ...]  # timed, and kept out of every statistic
    warmup_ended: Literal["steady", "cap", "fixed"] | None = None  # no trend left; time was up; …
    stopped_by: Literal["precision", "budget", "epochs"] | None = None  # what ended the laps
    laps_window: tuple[float, float] | None = None  # begin and end, seconds since the epoch
    cold_start_seconds: float | None  # build, compile and the first step
    learning_seconds: float | None = None  # of `steady`: the same steps everywhere, and lap sizing
    total_seconds: float | None  # cold start, warm-up, laps and the final test
    samples_per_lap: int | None = Field(ge=1)
    steps_per_lap: int | None = Field(ge=1)
    samples_per_epoch: int | None = Field(ge=1)
    history: dict[str, tuple[float, ...]]  # loss, accuracy, val_loss, …: one value an epoch
    steps_per_history: int | None = None  # of training between two values of `history`
    test: dict[str, float]  # the same after training, on the test set
    # What the workload demands of training, by the name of a value of `test`, or `loss_drop`:
    # 1 - last ÷ first training loss. Speed counts only where each is reached.
    floors: dict[str, float] = Field(default_factory=dict)
    floors_waived: str | None = None  # why nothing is demanded of this job
    # Standard deviation of the network's outputs over test samples, the mean over outputs: 0 is a
    # network that answers the same to everything.
    output_spread: float | None = None
    flops_per_sample: float | None = None  # of one training step, multiply and add apart
    item: str | None = None  # what is counted, where not samples: tokens, bytes, …
    items_per_sample: float | None = None
    batch_size: int | None = None  # the number that was used
    latency_seconds: tuple[float, ...] | None = None  # of `infer`: single steps, each waited for
    data_verified: bool | None = None  # the files are the published ones; None: synthetic
    parameter_count: int | None = None  # of the network
    peak_memory_bytes: int | None = None  # resident set of the child, host memory

    @property
    def epoch_seconds(self) -> tuple[float, ...]:
        """Each lap scaled to one epoch of training samples, in seconds; as it is, if unknown."""
        if self.samples_per_epoch is None or self.samples_per_lap is None:
            return self.lap_seconds
        scale = self.samples_per_epoch / self.samples_per_lap
        return tuple(lap * scale for lap in self.lap_seconds)

    @property
    def samples_per_second(self) -> tuple[float, ...] | None:
        """The samples of a lap over its own time, for each lap; None if their number is unknown."""
        if self.samples_per_lap is None:
            return None
        return tuple(self.samples_per_lap / lap for lap in self.lap_seconds)

    @property
    def step_seconds(self) -> tuple[float, ...] | None:
        """Each lap's time over its training steps, in seconds; None if their number is unknown."""
        if self.steps_per_lap is None:
            return None
        return tuple(lap / self.steps_per_lap for lap in self.lap_seconds)


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


class Trial(_Record):
    """One try at whether a batch of that size fits into memory, in a process of its own."""

    batch_size: int = Field(ge=1)
    fits: bool
    peak_memory_bytes: int | None = None  # of the device's own memory where it has some


class Result(_Outcome):
    """What one job came to, with everything needed to read it years later."""

    schema_version: Literal[1] = 1
    job: JobSpec
    worker: str  # the name of the worker that ran it
    facts: dict[str, Scalar | None]  # the machine: what its fingerprint is made of, and more
    environment: dict[str, Scalar | None]  # what was in force: versions, threads, flags
    started_at: float  # seconds since the epoch, by the worker's clock
    finished_at: float
    unit: str | None = None  # which physical machine: several may bear one hardware name
    noise: tuple[str, ...] = ()  # why the machine was not quiet, before or while it measured
    telemetry: Telemetry | None = None
    frontier: tuple[Trial, ...] = ()  # of the batch size `max`: what was tried, in that order
    start_latency_seconds: float | None = None  # from taking the job to the workload's first line
