"""Reading: what the matrix needs of one result, computed once when it is collected."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from typing import Any, NamedTuple

from farm import correctness
from farm.condition import MOMENTARY
from farm.statistics import log_se_of_median
from jobs.result import Measurement, Result
from jobs.spec import Scalar
from jobs.telemetry import Energy, EnergyKind, Telemetry

# A cell's fields that two results may differ in although they stand in one row.
_OF_THE_CELL = ("precision", "backend", "data", "data_pipeline", "optimizer", "workload_version")


class Reading(NamedTuple):
    """One process in numbers; None is what is not known. Rates and energy are those of the laps."""

    seconds: float  # per epoch, the median of the laps; per lap where an epoch is unknown
    laps: int
    samples: int | None = None  # trained on in `seconds`
    log_se: float | None = None  # standard error of log(seconds) within the run
    samples_per_second: float | None = None
    flops_per_second: float | None = None  # by the workload's arithmetic, not by a counter
    cold_start_seconds: float | None = None
    memory_bytes: int | None = None  # peak, of the device's own memory where it has some
    memory_of: str | None = None  # gpu or host
    energy_joules: float | None = None  # per epoch
    energy_kind: EnergyKind | None = None
    energy_part: str | None = None
    unit: str | None = None
    invalid: str | None = None  # why its speed does not count
    losses: tuple[float, ...] = ()  # the trajectory that other machines' are compared with
    noise: tuple[str, ...] = ()

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
        said: dict[str, Any] = json.loads(text)
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
    flops = measured.flops_per_sample
    memory, of = _memory(measured, result.telemetry)
    energy = _energy(result)
    return Reading(
        seconds=seconds,
        laps=len(measured.lap_seconds),
        samples=epoch,
        log_se=log_se_of_median(measured.lap_seconds),
        samples_per_second=rate,
        flops_per_second=flops * rate if flops and rate else None,
        cold_start_seconds=measured.cold_start_seconds,
        memory_bytes=memory,
        memory_of=of,
        energy_joules=None if energy is None else energy.joules / energy.seconds * seconds,
        energy_kind=None if energy is None else energy.kind,
        energy_part=None if energy is None else energy.part,
        unit=result.unit,
        invalid=correctness.invalid(measured),
        losses=correctness.trajectory(measured),
        noise=result.noise,
    )


def conditions(result: Result) -> dict[str, Scalar | None]:
    """Return what the measurement was made under: the machine, what was in force, the data."""
    measured = result.measurement
    of_data = {} if measured is None else {"data_verified": measured.data_verified}
    said = {**{name: getattr(result.job.cell, name) for name in _OF_THE_CELL}, **of_data}
    for recorded in (result.facts, result.environment):
        # What the environment does not know must not hide a fact of the machine.
        said |= {k: v for k, v in recorded.items() if v is not None or said.get(k) is None}
    return {key: value for key, value in sorted(said.items()) if key not in MOMENTARY}


def conditions_id(body: str) -> str:
    """Return the id of conditions written as JSON: sixteen hexadecimal digits."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _memory(measured: Measurement, telemetry: Telemetry | None) -> tuple[int | None, str | None]:
    if telemetry is not None and telemetry.peak_device_bytes is not None:
        return telemetry.peak_device_bytes, "gpu"
    host = telemetry.peak_host_bytes if telemetry else None
    peak = max((each for each in (host, measured.peak_memory_bytes) if each), default=None)
    return peak, None if peak is None else "host"


def _energy(result: Result) -> Energy | None:
    """Return the energy of the device measured: its own, else the whole chip's."""
    parts = {each.part: each for each in (result.telemetry.energy if result.telemetry else ())}
    own = "gpu" if result.facts.get("device") == "gpu" else "cpu"
    wanted = (own, "soc", "device")
    return next((parts[name] for name in wanted if name in parts), None)


def _is_positive(seconds: float) -> bool:
    return math.isfinite(seconds) and seconds > 0
