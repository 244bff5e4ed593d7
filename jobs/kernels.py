"""Kernels: single operations on arrays that lie on the device, timed in laps and then checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs import steady as rules
from jobs.errors import UnsupportedError
from jobs.process import peak_memory_bytes
from jobs.result import Measurement
from jobs.spec import Backend, Cell, JobSpec
from jobs.workload import Clock

TRIALS = 4  # laps at most that are spent on finding the size of a lap


@dataclass
class Kernel:
    """One operation on two arrays, executed over and over on the device.

    The operands change places at every execution, so no result is the one before: a device that
    keeps an old one, or leaves executions out, is found out by checking two in a row.
    """

    operands: tuple[Any, Any]  # on the device
    compute: Callable[[Any, Any, Any], Any]  # (x, y, the result before) → result; it need not wait
    wait: Callable[[Any], None]  # until the device has finished the result and all before it
    result: Any = None  # the array that is written to; None: each execution makes one
    executions: int = 0

    def __post_init__(self) -> None:
        self._in_place = self.result is not None

    @property
    def ordered(self) -> tuple[Any, Any]:
        """The operands as the last execution had them."""
        first, second = self.operands
        return (first, second) if self.executions % 2 else (second, first)

    def execute(self, times: int) -> None:
        """Execute so many times, and wait until the device has finished."""
        for _ in range(times):
            self.executions += 1
            if not self._in_place:
                self.result = None  # before the next is made, so that there is room for one
            self.result = self.compute(*self.ordered, self.result)
        self.wait(self.result)


@dataclass(frozen=True, kw_only=True)
class Check:
    """How far a result lies from the right one, and how far rounding explains."""

    relative_error: float
    bound: float

    @property
    def correct(self) -> bool:
        """Whether rounding explains the error; NaN it does not."""
        return self.relative_error <= self.bound


def values(checks: Sequence[Check]) -> dict[str, float]:
    """Return what a Measurement's `test` holds: `correct`, 1 or 0, and the largest error."""
    return {
        "correct": float(all(check.correct for check in checks)),
        "relative_error": float(np.max([check.relative_error for check in checks])),  # NaN stays
    }


def measure(
    kernel: Kernel,
    check: Callable[[Kernel], Check],
    job: JobSpec,
    clock: Clock,
    *,
    item: str,
    items: float,
    flops: float,
) -> Measurement:
    """Execute once, size a lap, warm up, time laps by `steady.SteadyLaps`, check the result.

    A sample is one execution, of so many items and floating-point operations. The first, compiling
    included, is the cold start. A lap ends when the device has finished its last execution; within
    it nothing is waited for, so an execution that is shorter than its dispatch measures dispatch.
    The last result of the laps is checked, and one more.
    """
    effort = job.effort
    began = clock()
    kernel.execute(1)
    cold_start_seconds = clock() - began

    def timed(steps: int) -> float:
        started = clock()
        kernel.execute(steps)
        return clock() - started

    steps, lap_seconds = 1, timed(1)
    for _ in range(TRIALS):
        better = rules.steps_per_lap(effort.lap_seconds, lap_seconds / steps)
        if better == steps or rules.fits(effort.lap_seconds, lap_seconds):
            break
        steps = better
        lap_seconds = timed(steps)
    learning_seconds = clock() - began - cold_start_seconds

    laps = rules.SteadyLaps(effort, lap_seconds, clock, time.time)
    while not laps.finished:
        laps.start()
        kernel.execute(steps)
        laps.stop()
    checks = [check(kernel)]
    kernel.execute(1)  # with the operands the other way round
    checks.append(check(kernel))
    return Measurement(
        **laps.fields,
        cold_start_seconds=cold_start_seconds,
        learning_seconds=learning_seconds,
        total_seconds=clock() - began,
        samples_per_lap=steps,
        steps_per_lap=steps,
        samples_per_epoch=1,
        history={},
        test=values(checks),
        flops_per_sample=flops,
        item=item,
        items_per_sample=items,
        peak_memory_bytes=peak_memory_bytes(),
    )


def backend_of(cell: Cell) -> Backend:
    """Return the backend that the cell names; raise UnsupportedError when it names none."""
    if cell.backend is None:
        raise UnsupportedError("the job names no backend (tensorflow, torch or jax)")
    return cell.backend
