"""Telemetry: what a machine's own sensors said while a job ran."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from jobs.limits import MAX_PARTS, Count, FirstMistakeOnly, Text, Texts

# How an energy figure came about, the most trustworthy first.
EnergyKind: TypeAlias = Literal[
    "counter",  # the device's own cumulative counter
    "sampled",  # power readings, integrated over time
    "estimated",  # a model of the device: utilisation times something
    "nominal",  # the power that the maker states, times the time
]


def _told(value: object) -> object:
    """Take a reading that is no number for a sensor that is not there."""
    number = isinstance(value, float) and not math.isfinite(value)
    return None if number or value in ("NaN", "Infinity", "-Infinity") else value


Sensed: TypeAlias = Annotated[float | None, BeforeValidator(_told)]


class Energy(BaseModel):
    """Energy of one part of the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    part: Text  # gpu, cpu, dram, soc, …
    kind: EnergyKind
    source: Text  # who said so: NVML, RAPL, …
    joules: float = Field(ge=0)
    seconds: float = Field(gt=0)  # over which


class Telemetry(BaseModel):
    """Readings over the life of a job's child. None is a sensor that is not there: never zero."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seconds: float  # from the first reading to the last
    # Readings between the first and the last; 0 where sampling would have disturbed.
    samples: Count
    period_seconds: Sensed = None  # between two samples
    energy: Annotated[tuple[Energy, ...], FirstMistakeOnly()] = Field((), max_length=MAX_PARTS)
    power_watts: Sensed = None  # of the device, mean over all that time
    laps_power_watts: Sensed = None  # the same while laps ran; only where there are samples
    gpu_utilisation: Sensed = None  # 0 to 1, mean
    cpu_utilisation: Sensed = None  # 0 to 1, of all the machine's CPUs, mean
    peak_host_bytes: Count | None = None  # resident set of the largest process of the child's tree
    peak_device_bytes: Count | None = None  # memory of the GPU in use, everybody's, highest sampled
    temperature_celsius: Sensed = None  # of the device, highest
    clock_mhz: Sensed = None  # of the device's cores, mean
    min_clock_mhz: Sensed = None
    throttle_reasons: Texts | None = None  # why the device ran slower than it can
