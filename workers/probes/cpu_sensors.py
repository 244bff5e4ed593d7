"""The sensors of the processor: temperature, clocks, and how often heat has slowed it down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import psutil

from workers.probes.files import number, text
from workers.probes.sensors import Sample, Sensors

SYSTEM = Path("/sys/devices/system/cpu")
POWERCAP = Path("/sys/class/powercap")
# The names of the drivers that measure processors: Intel's, AMD's, and Arm boards'.
CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal", "cpu-thermal")


class CpuSensors(Sensors):
    """What Linux tells of the processor and of the CPUs measured; on other systems nothing."""

    power_source = "RAPL"

    def __init__(
        self, cpus: Collection[int], *, system: Path = SYSTEM, powercap: Path = POWERCAP
    ) -> None:
        self._cpus = [system / f"cpu{cpu}" for cpu in sorted(cpus)]
        self._powercap = powercap

    def sample(self) -> Sample:
        """Read the highest temperature of the chip, and the mean clock of the CPUs measured."""
        kilohertz = [number(cpu / "cpufreq/scaling_cur_freq") for cpu in self._cpus]
        known = [value for value in kilohertz if value]
        return Sample(
            temperature_celsius=max((each.current for each in _temperatures()), default=None),
            clock_mhz=sum(known) / len(known) / 1000 if known else None,
        )

    def throttle_counts(self) -> Mapping[str, int]:
        """Return Intel's counters of the times that heat has slowed a core or its package down."""
        found = {}
        for reason in ("core", "package"):
            counts = [
                number(cpu / f"thermal_throttle/{reason}_throttle_count") for cpu in self._cpus
            ]
            known = [int(count) for count in counts if count is not None]
            if known:
                # Every CPU of a package tells the same events.
                found[f"{reason}_temperature"] = sum(known) if reason == "core" else max(known)
        return found

    def power_limit_watts(self) -> float | None:
        """Return the long-term limit of all packages together (RAPL's first constraint)."""
        limits = [
            number(zone / "constraint_0_power_limit_uw")
            for zone in sorted(self._powercap.glob("intel-rapl:*"))
            if (text(zone / "name") or "").startswith("package")
        ]
        known = [limit for limit in limits if limit]
        return sum(known) / 1e6 if known and len(known) == len(limits) else None

    def temperature_limit_celsius(self) -> float | None:
        """Return the temperature that the chip calls critical."""
        limits = [each.critical for each in _temperatures() if each.critical]
        return min(limits, default=None)


def governor(cpus: Collection[int], system: Path = SYSTEM) -> str | None:
    """Return the frequency governor of the CPUs: all of them, when they differ; None untold."""
    found = {text(system / f"cpu{cpu}/cpufreq/scaling_governor") for cpu in cpus} - {None, ""}
    return ", ".join(sorted(map(str, found))) or None


def _temperatures() -> list[Any]:
    try:
        chips = psutil.sensors_temperatures()
    except (AttributeError, OSError, ValueError, RuntimeError):  # no such sensors on this system
        return []
    return [each for name in CHIPS for each in chips.get(name, []) if each.current]
