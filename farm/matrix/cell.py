"""One hardware's jobs of one cell, pooled into what the matrix shows of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.statistics.geometric import mean_over_units
from farm.statistics.process import Process
from jobs.spec import Cell, Scalar


class CellState(str, Enum):
    """What a place in the matrix holds; the first eight are also the states of a job.

    The order is that of telling: the first state among the jobs of a cell without a success is the
    cell's. What may still bring a number goes before what cannot any more.
    """

    SUCCEEDED = "succeeded"  # measured at least once
    RUNNING = "running"  # on a worker now
    QUEUED = "queued"  # waits for a worker
    FAILED = "failed"  # raised, was killed, or returned garbage
    OUT_OF_MEMORY = "out_of_memory"  # of the host or of the device
    TIMED_OUT = "timed_out"  # was killed at its deadline
    UNSUPPORTED = "unsupported"  # this machine lacks what the job needs
    CANCELLED = "cancelled"  # withdrawn before it was measured
    NOT_SUBMITTED = "not_submitted"  # this hardware has no job for the cell
    INCOMPARABLE = "incomparable"  # measured, but not the baseline's work
    INVALID = "invalid"  # measured, but it did not learn, or is wrong: its speed does not count

    @property
    def words(self) -> str:
        """The state as a reader's word: ``out of memory``."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class MatrixCell:
    """What one hardware came to in one row."""

    status: CellState
    repeats: int = 0  # processes that succeeded: `seconds` rests on these
    submitted: int = 0  # jobs that exist, in whatever state
    seconds: float | None = None  # per epoch, the geometric mean of the processes' medians
    speedup: float | None = None  # baseline's seconds ÷ seconds
    low: float | None = None  # of the speed-up's 95 % interval
    high: float | None = None
    within_run: bool = False  # the interval is of laps alone: of one process, not of the next
    differs: tuple[str, ...] = ()  # from the baseline's cell, what could matter most first
    invalid: str | None = None  # why the speed does not count
    noise: tuple[str, ...] = ()  # why the machine was not quiet
    value: float | None = None  # of the matrix's metric
    mark: str | None = None  # how the value came about
    item: str | None = None  # what the value counts
    cell: Cell | None = None  # what was measured here, where that is not the same in a whole row
    samples_per_epoch: int | None = None
    reason: str | None = None  # what the status does not say by itself
    readings: tuple[Reading, ...] = field(default=(), repr=False)
    repeated: tuple[int, ...] = field(default=(), repr=False)  # the repeat of each reading
    conditions: tuple[Mapping[str, Scalar | None], ...] = field(default=(), repr=False)

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The numbers of samples in a step that its processes used, ascending; none if unknown."""
        return tuple(sorted({each.batch_size for each in self.readings if each.batch_size}))

    @property
    def resolved(self) -> bool | None:
        """Whether the interval leaves 1 out; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return not self.low <= 1 <= self.high

    @property
    def processes(self) -> list[Process]:
        """What the statistics need of the processes that succeeded; none if they do not count."""
        if self.status is not CellState.SUCCEEDED:
            return []
        return [Process(each.seconds, each.unit, each.log_se) for each in self.readings]


NOT_SUBMITTED = MatrixCell(status=CellState.NOT_SUBMITTED)


def pool(entries: Iterable[Entry]) -> MatrixCell:
    """Pool the jobs that one hardware has for one cell; no speed-up yet.

    Raises ValueError for a state that no job can have.

    `seconds` is the geometric mean of the medians of the processes that succeeded; of several
    physical machines of one name, that of the machines' own means. A speed-up is a
    ratio, and only for the geometric mean is the ratio of two means the mean of the ratios,
    whichever machine is the baseline (Fleming and Wallace 1986, "How not to lie with statistics").
    It is also the point estimate, exp(mean(log t)), that Welch's t on the logarithms of process
    medians puts an interval around.
    """
    jobs = sorted(entries, key=lambda entry: (entry.repeat, entry.reason or ""))
    by_state: dict[CellState, list[Entry]] = {}
    for job in jobs:
        by_state.setdefault(_state(job), []).append(job)
    measured = by_state.pop(CellState.SUCCEEDED, [])
    reason = _reason(by_state, len(jobs), len(measured))
    if not measured:
        status = min(by_state, key=_TELLING.__getitem__)
        return MatrixCell(status=status, submitted=len(jobs), reason=reason, cell=jobs[0].cell)
    samples = {job.samples_per_epoch for job in measured if job.samples_per_epoch is not None}
    if len(samples) > 1:
        listed = " and ".join(f"{count:,}" for count in sorted(samples))
        split = f"its repeats do not have the same number of samples in an epoch: {listed}"
        return MatrixCell(
            status=CellState.INCOMPARABLE,
            reason=join(reason, split),
            repeats=len(measured),
            submitted=len(jobs),
            cell=jobs[0].cell,
        )
    readings = tuple(map(_read, measured))
    # Where no epoch is known the seconds are a lap's: all on as many samples as the first's.
    if target := next(iter(samples), None) or readings[0].samples:
        readings = tuple(each.over(target) for each in readings)
    failures = [each.invalid for each in readings if each.invalid]
    return MatrixCell(
        status=CellState.INVALID if failures else CellState.SUCCEEDED,
        invalid=_of_several(failures, len(measured)),
        readings=readings,
        repeated=tuple(job.repeat for job in measured),
        noise=tuple(dict.fromkeys(reason for each in readings for reason in each.noise)),
        conditions=tuple(
            {id(job.conditions): job.conditions for job in measured if job.conditions}.values()
        ),
        seconds=mean_over_units((each.unit, each.seconds) for each in readings),
        samples_per_epoch=max(samples, default=None),
        reason=join(reason, _short_data(measured[0])) or None,
        repeats=len(measured),
        submitted=len(jobs),
        cell=measured[0].cell,
    )


_TELLING = {state: rank for rank, state in enumerate(CellState)}
_PENDING = frozenset({CellState.RUNNING, CellState.QUEUED})
_JOB_STATES = frozenset(CellState) - {
    CellState.NOT_SUBMITTED,
    CellState.INCOMPARABLE,
    CellState.INVALID,
}


def _state(job: Entry) -> CellState:
    state = CellState(job.state)
    if state not in _JOB_STATES:
        raise ValueError(f"a job cannot be {state.value!r}")
    if state is CellState.SUCCEEDED and not _is_time(job.epoch_seconds):
        return CellState.FAILED
    return state


def _is_time(seconds: float | None) -> bool:
    return seconds is not None and math.isfinite(seconds) and seconds > 0


def _reason(others: dict[CellState, list[Entry]], submitted: int, measured: int) -> str | None:
    """Say what became of the jobs that did not succeed, where a status alone would not tell."""
    if not measured and not others.keys() - _PENDING:
        return None
    parts = []
    for state in sorted(others, key=_TELLING.__getitem__):
        jobs = others[state]
        why = _why(jobs)
        if len(jobs) == submitted:
            return why
        parts.append(f"{len(jobs)} {state.words}" + (f": {why}" if why else ""))
    if not parts:
        return None
    return f"{measured} of {submitted} repeats succeeded; " + "; ".join(parts)


def _why(jobs: list[Entry]) -> str | None:
    reasons = list(dict.fromkeys(reason for job in jobs if (reason := _reason_of(job))))
    if len(reasons) > 1:
        return f"{reasons[0]} (the first of {len(reasons)} reasons)"
    return reasons[0] if reasons else None


def _reason_of(job: Entry) -> str | None:
    if job.state == CellState.SUCCEEDED.value:
        return f"its time is not a positive number of seconds: {job.epoch_seconds}"
    return job.reason


def _short_data(job: Entry) -> str | None:
    """Say so when an epoch had fewer samples than the cell asks for; inference takes the test's."""
    if job.cell.mode not in ("train", None):
        return None
    wanted, had = job.cell.parameters.get("train_samples"), job.samples_per_epoch
    if had is None or not isinstance(wanted, int) or had >= wanted:
        return None
    return f"an epoch had {had:,} samples, not {wanted:,}: the data set's files hold no more"


def _read(job: Entry) -> Reading:
    """Return the job's reading, which says the batch size wherever that is known."""
    assert job.epoch_seconds is not None
    reading = job.reading or Reading(seconds=job.epoch_seconds, laps=1)
    said = job.cell.batch_size
    if reading.batch_size is None and isinstance(said, int):
        return reading._replace(batch_size=said)
    return reading


def _of_several(failures: Sequence[str], measured: int) -> str | None:
    if not failures:
        return None
    if len(failures) == measured == 1:
        return failures[0]
    return f"{len(failures)} of {measured} repeats: {failures[0]}"


def join(*reasons: str | None) -> str:
    """Return the reasons that there are as one text."""
    return "; ".join(reason for reason in reasons if reason)
