"""One hardware's jobs of one cell, pooled into what the matrix shows of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from jobs.spec import Cell


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
    INCOMPARABLE = "incomparable"  # measured, on another amount of data than the baseline

    @property
    def words(self) -> str:
        """The state as a reader's word: ``out of memory``."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job, as far as the matrix needs it."""

    cell: Cell
    hardware: str
    repeat: int
    state: str  # one of the first eight CellStates
    epoch_seconds: float | None = None  # median over the laps of the process, scaled to an epoch
    samples_per_epoch: int | None = None  # None is unknown, and taken to be as the baseline's
    reason: str | None = None  # why it did not succeed


@dataclass(frozen=True, kw_only=True)
class MatrixCell:
    """What one hardware came to in one row."""

    status: CellState
    repeats: int = 0  # processes that succeeded: `seconds` rests on these
    submitted: int = 0  # jobs that exist, in whatever state
    seconds: float | None = None  # per epoch, the geometric mean of the processes' medians
    speedup: float | None = None  # baseline's seconds ÷ seconds
    samples_per_epoch: int | None = None
    reason: str | None = None  # what the status does not say by itself


NOT_SUBMITTED = MatrixCell(status=CellState.NOT_SUBMITTED)


def geometric_mean(values: Sequence[float]) -> float:
    """Return exp(mean(log)) of positive values, whatever their order; of one value, itself."""
    if len(values) == 1:
        return values[0]
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def pool(entries: Iterable[Entry]) -> MatrixCell:
    """Pool the jobs that one hardware has for one cell; no speed-up yet.

    Raises ValueError for a state that no job can have.

    `seconds` is the geometric mean of the medians of the processes that succeeded. A speed-up is a
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
        return MatrixCell(status=status, submitted=len(jobs), reason=reason)
    counts = {"repeats": len(measured), "submitted": len(jobs)}
    samples = {job.samples_per_epoch for job in measured if job.samples_per_epoch is not None}
    if len(samples) > 1:
        listed = " and ".join(f"{count:,}" for count in sorted(samples))
        split = f"its repeats do not have the same number of samples in an epoch: {listed}"
        return MatrixCell(status=CellState.INCOMPARABLE, reason=_join(reason, split), **counts)
    return MatrixCell(
        status=CellState.SUCCEEDED,
        seconds=geometric_mean([job.epoch_seconds for job in measured if job.epoch_seconds]),
        samples_per_epoch=max(samples, default=None),
        reason=_join(reason, _short_data(measured[0])) or None,
        **counts,
    )


def compare(cell: MatrixCell, base: MatrixCell, baseline: str) -> MatrixCell:
    """Return `cell` with its speed-up over the baseline's cell, or with why it has none.

    The baseline's own is exactly 1. Two numbers of samples in an epoch are two amounts of work, so
    such a cell becomes incomparable, with its seconds kept.
    """
    if cell.status is not CellState.SUCCEEDED or cell.seconds is None:
        return cell
    if base.status is not CellState.SUCCEEDED or base.seconds is None:
        without = f"no speed-up: {baseline}, the baseline, has no time here ({base.status.words})"
        return replace(cell, reason=_join(cell.reason, without))
    here, there = cell.samples_per_epoch, base.samples_per_epoch
    if here is not None and there is not None and here != there:
        differs = f"an epoch has {here:,} samples here and {there:,} on {baseline}"
        reason = _join(cell.reason, differs)
        return replace(cell, status=CellState.INCOMPARABLE, reason=reason)
    return replace(cell, speedup=base.seconds / cell.seconds)


_TELLING = {state: rank for rank, state in enumerate(CellState)}
_PENDING = frozenset({CellState.RUNNING, CellState.QUEUED})
_JOB_STATES = frozenset(CellState) - {CellState.NOT_SUBMITTED, CellState.INCOMPARABLE}


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
    """Say so when an epoch had fewer samples than the cell asks for."""
    wanted, had = job.cell.parameters.get("train_samples"), job.samples_per_epoch
    if had is None or not isinstance(wanted, int) or had >= wanted:
        return None
    return f"an epoch had {had:,} samples, not {wanted:,}: the data set's files hold no more"


def _join(*reasons: str | None) -> str:
    return "; ".join(reason for reason in reasons if reason)
