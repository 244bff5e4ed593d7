"""Sensors: what a device can be asked about while it works, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from jobs.telemetry import EnergyKind

# Throttle reasons that mean a device in trouble, not one at its usual limit of power.
ALARMS = frozenset(
    {
        "hw_slowdown",
        "sw_thermal_slowdown",
        "hw_thermal_slowdown",
        "hw_power_brake_slowdown",
        "core_temperature",
        "package_temperature",
    }
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a device's sensors say at one moment; None is a sensor that is not there."""

    power_watts: float | None = None
    utilisation: float | None = None  # 0 to 1
    memory_bytes: int | None = None  # of the device's own memory in use, everybody's
    temperature_celsius: float | None = None
    clock_mhz: float | None = None  # of its cores
    throttle_reasons: tuple[str, ...] | None = None  # in force now


class EnergyCounter(Protocol):
    """One part of the machine whose energy something counts."""

    @property
    def part(self) -> str: ...

    @property
    def kind(self) -> EnergyKind: ...

    @property
    def source(self) -> str: ...

    def joules(self) -> float | None:
        """Return the energy since some fixed moment; None when it cannot be told any more."""


class Sensors:
    """A device without any; the base class of those that have some. No method raises."""

    power_source = ""  # who tells the power

    def sample(self) -> Sample:
        """Ask all that changes from second to second."""
        return Sample()

    def counters(self) -> tuple[EnergyCounter, ...]:
        """Return counters of the device's own energy, each starting afresh."""
        return ()

    def throttle_counts(self) -> Mapping[str, int]:
        """Return how often the device has slowed itself down since it was started, by reason."""
        return {}

    def foreign_processes(self) -> int | None:
        """Return how many processes compute on the device, asked while none of ours does."""
        return None

    def power_limit_watts(self) -> float | None:
        """Return the limit of power in force."""
        return None

    def temperature_limit_celsius(self) -> float | None:
        """Return the temperature from which the device slows down."""
        return None
