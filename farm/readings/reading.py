"""Reading: what the matrix needs of one result, computed once when it is collected."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from farm.readings import correctness
from farm.readings.condition import MOMENTARY
from farm.statistics.statistics import log_se_of_median
from jobs.result import Measurement, Result
from jobs.spec import LARGEST, JobSpec, Scalar
from jobs.telemetry import EnergyKind, Telemetry
from jobs.trend import LARGEST_WINDOW, has_trend

DRIFT = 0.05  # between the first and the last third of the laps: less is not worth a mark
DRIFT_SIGNIFICANCE = 0.01

# A cell's fields that two results may differ in although they stand in one row.
_OF_THE_CELL = ("precision", "backend", "data", "data_pipeline", "optimizer", "workload_version")


class Reading(NamedTuple):
    """One process in numbers; None is what is not known. Rates and energy are those of the laps."""

    seconds: float  # per epoch, the median of the laps; per lap where an epoch is unknown
    laps: int
    samples: int | None = None  # trained on in `seconds`
    log_se: float | None = None  # standard error of log(seconds) within the run
    samples_per_second: float | None = None
    item: str | None = None  # what is counted, where not samples
    items_per_sample: float | None = None
    batch_size: int | None = None  # the number that was used
    batch_limited_by: str | None = None  # of the batch size `max`: memory, samples, time, error
    latency_seconds: float | None = None  # of single steps, each waited for: their median
    flops_per_second: float | None = None  # by the workload's arithmetic; none of passes over bytes
    cold_start_seconds: float | None = None
    memory_bytes: int | None = None  # peak, of the device's own memory where it has some
    memory_of: str | None = None  # gpu or host
    energy_joules: float | None = None  # per epoch
    energy_kind: EnergyKind | None = None
    energy_part: str | None = None
    unit: str | None = None
    invalid: str | None = None  # why its speed does not count
    steps_per_loss: int | None = None  # of training between two of them
    losses: tuple[float, ...] = ()  # the trajectory that other machines' are compared with
    seed: int | None = None  # of inference: of its data; its repeat makes the network's of it
    output_mean: float | None = None  # of inference: over the outputs of one batch
    output_spread: float | None = None
    noise: tuple[str, ...] = ()

    @property
    def items_per_second(self) -> float | None:
        """Of what is counted; samples where nothing else is."""
        if self.samples_per_second is None or self.item is None:
            return self.samples_per_second
        return self.samples_per_second * (self.items_per_sample or 1)

    def over(self, samples: int) -> Reading:
        """Return it with the seconds of so many samples; as it is where its own are unknown."""
        if self.samples is None or self.samples == samples:
            return self
        scale = samples / self.samples
        joules = self.energy_joules
        return self._replace(
            seconds=self.seconds * scale,
            samples=samples,
            energy_joules=None if joules is None else joules * scale,
        )

    def to_json(self) -> str:
        """Return it as `from_json` takes it; what is not known or empty is left out."""
        said = {k: v for k, v in self._asdict().items() if v is not None and v != ()}
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Reading:
        """Read what `to_json` wrote."""
        # A newer farm may have written more than this one knows.
        said = {k: v for k, v in json.loads(text).items() if k in cls._fields}
        for name in ("losses", "noise"):
            if name in said:
                said[name] = tuple(said[name])
        return cls(**said)


def read(result: Result) -> Reading | None:
    """Return the reading of a result; None when it holds no measurement."""
    measured = result.measurement
    if measured is None:
        return None
    seconds = statistics.median(measured.epoch_seconds)
    epoch = measured.samples_per_epoch or measured.samples_per_lap
    rate = epoch / seconds if epoch and _is_positive(seconds) else None
    # What a triad adds and multiplies is beside the point: no share of a peak is made of it.
    flops = None if measured.item == "bytes" else measured.flops_per_sample
    latencies, limit = measured.latency_seconds, result.environment.get("batch_limited_by")
    memory, of = _memory(measured, result.telemetry)
    energy = _energy(result)
    return Reading(
        seconds=seconds,
        laps=len(measured.lap_seconds),
        samples=epoch,
        log_se=log_se_of_median(measured.lap_seconds),
        samples_per_second=rate,
        **_counted(measured),
        batch_size=batch_size(result),
        batch_limited_by=limit if isinstance(limit, str) else None,
        latency_seconds=statistics.median(latencies) if latencies else None,
        flops_per_second=flops * rate if flops and rate else None,
        cold_start_seconds=measured.cold_start_seconds,
        memory_bytes=memory,
        memory_of=of,
        energy_joules=None if energy is None else energy.watts * seconds,
        energy_kind=None if energy is None else energy.kind,
        energy_part=None if energy is None else energy.part,
        unit=result.unit,
        invalid=correctness.invalid(measured),
        steps_per_loss=measured.steps_per_history,
        losses=correctness.trajectory(measured),
        noise=(*result.noise, *_drift(measured.lap_seconds)),
        **(_outputs(result.job, measured) if result.job.cell.mode == "infer" else {}),
    )


def batch_size(result: Result) -> int | None:
    """Return the number of samples in a step; None where there is none, or it is not known."""
    used = result.measurement.batch_size if result.measurement else None
    said = result.job.cell.batch_size
    return used or (said if isinstance(said, int) else None)


def conditions(result: Result) -> dict[str, Scalar | None]:
    """Return what the measurement was made under: the machine, what was in force, the data."""
    measured = result.measurement
    of_data = {} if measured is None else {"data_verified": measured.data_verified}
    said = {**{name: getattr(result.job.cell, name) for name in _OF_THE_CELL}, **of_data}
    if result.job.cell.batch_size == LARGEST:
        said["batch_size"] = batch_size(result)
    for recorded in (result.facts, result.environment):
        # What the environment does not know must not hide a fact of the machine.
        said |= {k: v for k, v in recorded.items() if v is not None or said.get(k) is None}
    return {key: value for key, value in sorted(said.items()) if key not in MOMENTARY}


def conditions_id(body: str) -> str:
    """Return the id of conditions written as JSON: sixteen hexadecimal digits."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _memory(measured: Measurement, telemetry: Telemetry | None) -> tuple[int | None, str | None]:
    if telemetry is not None and telemetry.peak_device_bytes is not None:
        return telemetry.peak_device_bytes, "gpu, as the backend reserved it"
    host = telemetry.peak_host_bytes if telemetry else None
    peak = max((each for each in (host, measured.peak_memory_bytes) if each), default=None)
    return peak, None if peak is None else "host"


def _counted(measured: Measurement) -> dict[str, Any]:
    """Return what is counted where that is not samples, and how many there are in a sample."""
    if measured.item in (None, "samples") or measured.items_per_sample is None:
        return {}
    return {"item": measured.item, "items_per_sample": measured.items_per_sample}


def _outputs(job: JobSpec, measured: Measurement) -> dict[str, Any]:
    """Return what tells whether another machine has computed the same."""
    names = ("output_mean", "output_spread")
    return {"seed": job.seed, **{name: measured.test.get(name) for name in names}}


class _Power(NamedTuple):
    watts: float
    kind: EnergyKind
    part: str


def _energy(result: Result) -> _Power | None:
    """Return the mean power of the device that was measured, else of the whole chip.

    During the laps, where that is known; else over the whole job, set-up and test included, and it
    is marked so. Energy over just the time of the laps (as in a CSV) is theirs.
    """
    telemetry = result.telemetry
    parts = {each.part: each for each in (telemetry.energy if telemetry else ())}
    own = {"gpu": ("gpu",), "cpu": ("cpu",)}.get(str(result.facts.get("device")), ("gpu", "cpu"))
    found = next((parts[name] for name in (*own, "soc", "device") if name in parts), None)
    if telemetry is None or found is None:
        return None
    if telemetry.laps_power_watts is not None:
        return _Power(telemetry.laps_power_watts, found.kind, found.part)
    laps = sum(result.measurement.lap_seconds) if result.measurement else 0.0
    part = found.part if math.isclose(found.seconds, laps) else f"{found.part}, whole job"
    return _Power(found.joules / found.seconds, found.kind, part)


def _drift(laps: Sequence[float]) -> tuple[str, ...]:
    """Say so when the laps that count became longer or shorter to the end.

    By the Mann-Kendall test at 1 %, and by more than a twentieth between the first and the last
    third: a drift that is real and matters.
    """
    third = len(laps) // 3
    # Of very many laps evenly spread ones do: the exact test's cost grows as n⁴.
    seen = laps[:: math.ceil(len(laps) / LARGEST_WINDOW)]
    if third < 2 or not has_trend(seen, significance=DRIFT_SIGNIFICANCE):
        return ()
    change = statistics.median(laps[-third:]) / statistics.median(laps[:third]) - 1
    if abs(change) < DRIFT:
        return ()
    became = "longer" if change > 0 else "shorter"
    return (f"its laps became {became} by {abs(change):.0%} from the first third to the last",)


def _is_positive(seconds: float) -> bool:
    return math.isfinite(seconds) and seconds > 0
