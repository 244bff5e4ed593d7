"""Result: a measurement or an error, never both, never neither."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from jobs.limits import (
    MAX_COUNT,
    MAX_NAMES,
    MAX_SERIES,
    Count,
    FirstMistakeOnly,
    Key,
    LastWords,
    Moment,
    Series,
    Some,
    Text,
    Texts,
    Values,
    Words,
    cut,
)
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


def _fact(value: Scalar | None) -> Scalar | None:
    """Cut a text to its limit, and refuse a number that is too large to be written."""
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, int) and abs(value) > MAX_COUNT:
        raise ValueError(f"a number beyond {MAX_COUNT:.0e}")
    return value


Facts: TypeAlias = Annotated[
    dict[Key, Annotated[Scalar | None, AfterValidator(_fact)]], Field(max_length=MAX_NAMES)
]


class _Record(BaseModel):
    # NaN is a finding here, not noise: JSON keeps it as the string "NaN".
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Measurement(_Record):
    """Raw numbers of one process; every statistic is computed on reading.

    None is what is not known, as of measurements made elsewhere.
    """

    lap_seconds: Annotated[Series, Field(min_length=1)]
    warmup_lap_seconds: Series  # timed, and kept out of every statistic
    warmup_ended: Literal["steady", "cap", "fixed"] | None = None  # no trend left; time was up; …
    stopped_by: Literal["precision", "budget", "epochs"] | None = None  # what ended the laps
    laps_window: tuple[float, float] | None = None  # begin and end, seconds since the epoch
    discarded_laps: Count | None = None  # the machine slept in them: none of those above
    cold_start_seconds: FiniteFloat | None  # build, compile and the first step
    # Of `steady`: the same steps everywhere, and the sizing of laps.
    learning_seconds: FiniteFloat | None = None
    total_seconds: FiniteFloat | None  # cold start, warm-up, laps and the final test
    samples_per_lap: Some | None
    steps_per_lap: Some | None
    samples_per_epoch: Some | None
    # Loss, accuracy, val_loss, …: one value an epoch.
    history: dict[Key, Series] = Field(max_length=MAX_SERIES)
    steps_per_history: Count | None = None  # of training between two values of `history`
    test: Values  # the same after training, on the test set
    # What the workload demands of training, by the name of a value of `test`, or `loss_drop`:
    # 1 - last ÷ first training loss. Speed counts only where each is reached.
    floors: Values = Field(default_factory=dict)
    floors_waived: Text | None = None  # why nothing is demanded of this job
    # Standard deviation of the network's outputs over test samples, the mean over outputs: 0 is a
    # network that answers the same to everything.
    output_spread: float | None = None
    flops_per_sample: FiniteFloat | None = None  # of one training step, multiply and add apart
    item: Text | None = None  # what is counted, where not samples: tokens, bytes, …
    items_per_sample: FiniteFloat | None = None
    batch_size: Count | None = None  # the number that was used
    latency_seconds: Series | None = None  # of `infer`: single steps, each waited for
    data_verified: bool | None = None  # the files are the published ones; None: synthetic
    parameter_count: Count | None = None  # of the network
    peak_memory_bytes: Count | None = None  # resident set of the child, host memory

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
        "exception",
        "signal",
        "exit",
        "memory",
        "timeout",
        "garbage",
        "data",
        "unsupported",
        "refused",
    ]
    message: Words  # for the reader of a table: what happened, and what to do
    exception: Text | None = None  # the class's qualified name
    traceback: LastWords | None = None
    signal: Text | None = None  # SIGKILL, SIGSEGV, …
    exit_code: int | None = Field(None, ge=-(2**31), lt=2**32)
    stderr_tail: LastWords = ""


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

    environment: Facts
    workload_started_at: Moment | None = None  # seconds since the epoch


class Trial(_Record):
    """One try at whether a batch of that size fits into memory, in a process of its own."""

    batch_size: Some
    fits: bool
    peak_memory_bytes: Count | None = None  # of the device's own memory where it has some


class Result(_Outcome):
    """What one job came to, with everything needed to read it years later."""

    schema_version: Literal[1] = 1
    job: JobSpec
    worker: Text  # the name of the worker that ran it
    facts: Facts  # the machine: what its fingerprint is made of, and more
    environment: Facts  # what was in force: versions, threads, flags
    started_at: Moment  # by the worker's clock
    finished_at: Moment
    unit: Text | None = None  # which physical machine: several may bear one hardware name
    # Why the machine was not quiet, before or while it measured.
    noise: Texts = ()
    telemetry: Telemetry | None = None
    # Of the batch size `max`: what was tried, in that order.
    frontier: Annotated[tuple[Trial, ...], FirstMistakeOnly()] = Field((), max_length=MAX_NAMES)
    # From taking the job to the workload's first line.
    start_latency_seconds: FiniteFloat | None = None


def never_handed_in(
    job: JobSpec, error: JobFailure, at: float, worker: str | None = None
) -> Result:
    """Return the failure of a job of which no result can be had.

    `at` is when that was known, in seconds since the epoch. `worker` is the
    one that says so; None: nobody knows which had it.
    """
    return Result(
        job=job,
        status=Status.FAILED,
        error=error,
        worker=worker or f"{job.hardware}@unknown",
        facts={},
        environment={},
        started_at=at,
        finished_at=at,
    )
