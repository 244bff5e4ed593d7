"""Telemetry: what a machine's own sensors said while a job ran."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

# How an energy figure came about, the most trustworthy first.
EnergyKind: TypeAlias = Literal[
    "counter",  # the device's own cumulative counter
    "sampled",  # power readings, integrated over time
    "estimated",  # a model of the device: utilisation times something
    "nominal",  # the power that the maker states, times the time
]


class Energy(BaseModel):
    """Energy of one part of the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str  # gpu, cpu, dram, soc, …
    kind: EnergyKind
    source: str  # who said so: NVML, RAPL, …
    joules: float = Field(ge=0)
    seconds: float = Field(gt=0)  # over which


class Telemetry(BaseModel):
    """Readings over the life of a job's child. None is a sensor that is not there: never zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float  # from the first reading to the last
    samples: int  # readings between the first and the last; 0 where sampling would have disturbed
    period_seconds: float | None = None  # between two samples
    energy: tuple[Energy, ...] = ()
    power_watts: float | None = None  # of the device, mean over all that time
    laps_power_watts: float | None = None  # the same while laps ran; only where there are samples
    gpu_utilisation: float | None = None  # 0 to 1, mean
    cpu_utilisation: float | None = None  # 0 to 1, of all the machine's CPUs, mean
    peak_host_bytes: int | None = None  # resident set of the largest process of the child's tree
    peak_device_bytes: int | None = None  # memory of the GPU in use, everybody's, highest sampled
    temperature_celsius: float | None = None  # of the device, highest
    clock_mhz: float | None = None  # of the device's cores, mean
    min_clock_mhz: float | None = None
    throttle_reasons: tuple[str, ...] | None = None  # why the device ran slower than it can
