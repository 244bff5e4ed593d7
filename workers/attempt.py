"""Attempt: one child from its start to its end, with what it said and what it took."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobs.child import request_of
from jobs.memory import under_limit
from jobs.result import ChildReport, Trial
from jobs.spec import JobSpec
from jobs.telemetry import Telemetry
from workers import memory
from workers.nursery import Nursery, Usage
from workers.outcome import read_report, with_peak
from workers.telemetry import Recorder

PEAK = "peak_device_bytes"  # in the environment that a child reports: see jobs.child


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one child."""

    report: ChildReport
    noise: tuple[str, ...]
    telemetry: Telemetry | None
    usage: Usage | None
    peak_device_bytes: int | None  # of a GPU's memory; None: there is none, or it is not told

    @property
    def peak_host_bytes(self) -> int | None:
        """Resident set of the largest process; None when nobody could tell."""
        return None if self.usage is None else self.usage.peak_bytes

    def reporting(self, report: ChildReport) -> Attempt:
        """Return the same with another report."""
        return replace(self, report=report)

    def trial(self, size: int, *, fits: bool, device: str) -> Trial:
        """Return what it shows of a batch of this size, on this kind of device."""
        peak = self.peak_device_bytes if device == "gpu" else self.peak_host_bytes
        return Trial(batch_size=size, fits=fits, peak_memory_bytes=peak)


def attempt(
    nursery: Nursery,
    recorder: Recorder,
    job: JobSpec,
    timeout_seconds: float,
    *,
    trial: bool = False,
) -> Attempt:
    """Run the job, or no more of it than shows whether it fits, in a child of the nursery.

    Raises UnsupportedError without the backend, MemoryError when it cannot even be imported, and
    Stopped when the nursery's stop_token is pulled.
    """
    kills_before = memory.kills()
    with recorder:
        ending = nursery.run(request_of(job, trial=trial), timeout_seconds)
    killed = memory.kills() > kills_before
    limited = under_limit(nursery.pid or 0)
    report = read_report(ending, job.timeout_seconds, memory_killed=killed, under_limit=limited)
    window = report.measurement.laps_window if report.measurement else None
    telemetry = recorder.telemetry(ending.usage, window)
    said = report.environment.get(PEAK)
    peak = said if isinstance(said, int) else None
    if peak is None and telemetry is not None:
        peak = telemetry.peak_device_bytes
    known = {name: value for name, value in report.environment.items() if name != PEAK}
    host = None if ending.usage is None else ending.usage.peak_bytes
    report = report.model_copy(update={"environment": known})
    return Attempt(
        report=with_peak(report, job.cell, host_bytes=host, device_bytes=peak),
        noise=(*recorder.noise(ending.usage), *_interrupted(report)),
        telemetry=telemetry,
        usage=ending.usage,
        peak_device_bytes=peak,
    )


def _interrupted(report: ChildReport) -> tuple[str, ...]:
    """Return in words that the machine slept; the laps in which it did are left out already."""
    count = report.measurement.discarded_laps if report.measurement else 0
    if not count:
        return ()
    laps = "a lap, which is" if count == 1 else f"{count} laps, which are"
    return (f"the machine slept, or its clock was set, in {laps} left out",)
