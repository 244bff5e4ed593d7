"""LargestBatch: the batch size `max` of one job: tries in fresh children, then the measurement."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from jobs.result import ChildReport, Measurement, Status, Trial
from jobs.spec import MAX_BATCH_SIZE, JobSpec
from workers import frontier
from workers.attempt import Attempt
from workers.frontier import Search
from workers.outcome import PERHAPS_MEMORY, TEMPLATE_DIED, killed_from_outside

logger = logging.getLogger(__name__)

# Runs the job, with a number for its batch size, within so many seconds; as a trial, or in full.
Measure: TypeAlias = Callable[[JobSpec, float, bool], Attempt]

LAPS = 5  # of `steady` that are spent on sizing a lap, and the last one, begun before time is up
BESIDE_TRAINING = 1.3  # an epoch's time over that of its training steps: validation, the last test
ERROR_CHARACTERS = 300  # of what a larger batch failed with
STEPS_DOWN = 4  # at most, when the measurement needs more memory than its try


class LargestBatch:
    """Finds the largest batch of a job that fits into memory, within the job's timeout.

    Each try is a child of its own, that builds the network and trains it by a few steps. Sizes go
    up to the number of samples in the data set: a larger batch is none of it. What a try needs of
    the host is foreseen from the peaks before it, anew before each, and one that would need more
    than the machine can spare is not begun. A machine that others use too would swap or lose their
    processes before it said no, and a limit on the child's address space, instead, would refuse
    what backends reserve and never touch. A GPU's memory is its backend's to refuse.

    Once a size has fitted, a larger one that fails by whatever else has found a limit too: of an
    index of 32 bits, of a library. Before, it is the job that fails.

    `measure` runs a child; `spare_bytes` tells what the host can spare, and `base_bytes` what a
    child shares with the template. `device` is cpu or gpu. `learning_steps` are those that the
    workload takes under `steady` before its laps: part of a measurement's time.
    """

    def __init__(
        self,
        job: JobSpec,
        measure: Measure,
        *,
        device: str,
        base_bytes: int,
        spare_bytes: Callable[[], int],
        learning_steps: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job = job
        self.trials: list[Trial] = []
        # Why there is no larger one; None: it is not known yet.
        self.limited_by: (
            Literal["memory", "memory, foreseen", "samples", "time", "error"] | None
        ) = None
        self._measure = measure
        self._device = device
        self._base_bytes = base_bytes
        self._spare_bytes = spare_bytes
        self._learning_steps = learning_steps
        self._clock = clock
        self._deadline = clock() + job.timeout_seconds
        self._search = Search(cap=_samples(job))
        self._peaks: list[tuple[int, int]] = []  # of host memory
        # The largest that has fitted: its size, what it measured, and its try's seconds.
        self._fitting: tuple[int, Measurement, float] | None = None
        self._error: str | None = None  # what the smallest that did not fit failed with, if not OOM

    def find(self) -> ChildReport | None:
        """Try until the largest is known; return None, or why there is none to be measured."""
        while (size := self._next()) is not None:
            if not self._time_for(size):
                self.limited_by = "time"
                return None
            began = self._clock()
            # Whatever becomes of the try, the largest so far has to be measured in time.
            seconds = self._deadline - began - self._seconds_for(self._search.low)
            tried = self._measure(self._with(size), seconds, True)
            report, fitted_before = tried.report, self._search.low > 0
            if report.measurement is not None:
                self._note(tried, size, fits=True)
                if self._fitting is None or self._fitting[0] < size:
                    self._fitting = size, report.measurement, self._clock() - began
                if report.measurement.samples_per_epoch:
                    self._search.limit(report.measurement.samples_per_epoch)
            elif report.status is Status.TIMED_OUT and fitted_before:
                self.limited_by = "time"
                return None
            elif report.status is Status.OUT_OF_MEMORY:
                self._note(tried, size, fits=False)
                if size == 1 and not fitted_before:
                    self.limited_by = "memory"
                    return report
            elif killed_from_outside(report.error) == TEMPLATE_DIED:
                return self._told(report, size)  # that says nothing of memory
            elif fitted_before or (size > 1 and _perhaps_memory(report)):
                self._note(tried, size, fits=False)
            else:
                return self._told(report, size)
        self.limited_by = self._limit()
        return None

    def measure(self) -> Attempt:
        """Measure the job at the size found; by an eighth less when that does not fit after all."""
        size: int | None = self._search.low
        for _ in range(1 + STEPS_DOWN):
            assert size
            tried, seconds = size, max(1.0, self._deadline - self._clock())
            measured = self._measure(self._with(tried), seconds, False)
            if measured.report.status is not Status.OUT_OF_MEMORY:
                break
            self._note(measured, tried, fits=False)
            self.limited_by = "memory"
            if (size := frontier.step_down(tried)) is None:
                break
        fitted = {trial.batch_size for trial in self.trials if trial.fits}
        if measured.report.measurement is not None and tried not in fitted:
            self._note(measured, tried, fits=True)
        return measured.reporting(self._told(measured.report, tried))

    def extend(self, seconds: float) -> None:
        """Move the deadline: what took so long is no part of the job's time."""
        self._deadline += seconds

    def _told(self, report: ChildReport, size: int) -> ChildReport:
        """Return the report with the batch size and what limits it, or with what was found."""
        said = {**report.environment, "batch_limited_by": self.limited_by}
        if self.limited_by == "error":
            said["batch_limit_error"] = self._error
        if report.measurement is not None:
            measurement = report.measurement.model_copy(update={"batch_size": size})
            return report.model_copy(update={"measurement": measurement, "environment": said})
        assert report.error is not None
        fit = sorted({trial.batch_size for trial in self.trials if trial.fits})
        known = f"{fit[-1]} is the largest that fitted" if fit else "none has fitted before"
        message = f"{report.error.message} (at batch size {size} of `max`; {known})"
        error = report.error.model_copy(update={"message": message})
        return report.model_copy(update={"error": error})

    def _next(self) -> int | None:
        """Return the size to try next, by what the host can spare at this moment, or None."""
        spare = self._base_bytes + self._spare_bytes()
        self._search.ceiling = frontier.ceiling(self._peaks, spare)
        size = self._search.next
        if size is not None:
            smaller = frontier.probe(size, self._peaks, self._base_bytes, spare)
            # Tried before and not among the peaks, it has none that anybody could tell.
            if smaller is not None and smaller not in {trial.batch_size for trial in self.trials}:
                return smaller
        elif self._search.foreseen:
            logger.info(
                "%s: a batch above %s is not tried: it would need more of the host's memory than "
                "the %.1f GiB that can be spared",
                *(self.job.label, max(self._search.low, self._search.ceiling or 0), spare / 2**30),
            )
        return size

    def _limit(self) -> Literal["memory", "memory, foreseen", "samples", "error"]:
        """Return why there is no larger one than what the search has found."""
        if self._search.low >= self._search.cap:
            return "samples"
        if self._search.foreseen:
            return "memory, foreseen"
        return "memory" if self._error is None else "error"

    def _note(self, tried: Attempt, size: int, *, fits: bool) -> None:
        self.trials.append(tried.trial(size, fits=fits, device=self._device))
        self._search.record(size, fits=fits)
        if fits:
            logger.info("%s: a batch of %d fits", self.job.label, size)
            if tried.peak_host_bytes is not None:
                self._peaks.append((size, tried.peak_host_bytes))
            return
        said = tried.report.error.message if tried.report.error else ""
        logger.info("%s: a batch of %d does not fit: %s", self.job.label, size, said)
        if self._search.high == size:
            gone = tried.report.status is Status.OUT_OF_MEMORY
            self._error = None if gone else " ".join(said.split())[:ERROR_CHARACTERS]

    def _with(self, size: int) -> JobSpec:
        cell = self.job.cell.model_copy(update={"batch_size": size})
        return self.job.model_copy(update={"cell": cell})

    def _time_for(self, size: int) -> bool:
        """Return whether a try and the measurement after it can be expected to end in time."""
        if self._fitting is None:
            return True
        fitting, _, seconds = self._fitting
        largest = max(size, self._search.low)
        needed = seconds * max(1.0, size / fitting) + self._seconds_for(largest)
        return self._clock() + needed <= self._deadline

    def _seconds_for(self, size: int) -> float:
        """Return how long a measurement with this size will take, by the largest that fitted."""
        if self._fitting is None:
            return 0.0
        fitting, tried, seconds = self._fitting
        cell, effort = self.job.cell, self.job.effort
        sample_seconds = tried.lap_seconds[-1] / (tried.samples_per_lap or fitting)
        seconds *= max(1.0, size / fitting)
        if cell.protocol == "train":
            samples = (cell.epochs or 1) * (tried.samples_per_epoch or size)
            return seconds + BESIDE_TRAINING * samples * sample_seconds
        step_seconds = sample_seconds * size
        laps_seconds = LAPS * max(effort.lap_seconds, step_seconds)
        measuring = effort.warmup_seconds + effort.budget_seconds + laps_seconds
        return seconds + measuring + self._learning_steps * step_seconds


def _samples(job: JobSpec) -> int:
    """Return how many samples the job says that its data has; the largest batch, if it does not."""
    name = "test_samples" if job.cell.mode == "infer" else "train_samples"
    said = job.cell.parameters.get(name)
    return min(MAX_BATCH_SIZE, said) if isinstance(said, int) and said >= 1 else MAX_BATCH_SIZE


def _perhaps_memory(report: ChildReport) -> bool:
    return report.error is not None and PERHAPS_MEMORY in report.error.message
