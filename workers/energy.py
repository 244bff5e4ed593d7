"""Energy counters that no device of NVIDIA's has: RAPL's, and those that `zeus` reaches.

Zeus (You et al., NSDI 2023; the extra `energy`) knows AMD's GPUs, whose counter it checks first,
and Apple silicon, where IOReport's energy model estimates what each part of the chip takes. RAPL's
counters on Linux can be read by root alone unless the administrator allows more (CVE-2020-8694).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jobs.telemetry import EnergyKind
from workers.probes.cpu_sensors import POWERCAP
from workers.probes.files import number, text
from workers.probes.sensors import EnergyCounter

logger = logging.getLogger(__name__)

MOST_WATTS = 1000.0  # of a package whose limits are not told
# By the first word of a RAPL zone's name. `core` and `uncore` are parts of a package's figure.
_PARTS = {"package": "cpu", "dram": "dram", "psys": "platform"}
_APPLE_PARTS = {"cpu": "cpu_total_mj", "gpu": "gpu_mj", "dram": "dram_mj", "ane": "ane_mj"}


class RaplZone:
    """One counter of the processor's, in microjoules, which starts from zero again when it is full.

    It fills up in minutes to hours; between two readings it must not fill up twice. When it could
    have, by the package's limits of power, its energy cannot be told any more.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._counter = folder / "energy_uj"
        self._range = number(folder / "max_energy_range_uj") or 0.0
        limits = [number(path) or 0 for path in folder.glob("constraint_*_power_limit_uw")]
        self._most_watts = max(limits, default=0) / 1e6 or MOST_WATTS
        self._clock = clock
        self._last = number(self._counter)
        self._read_at = clock()
        self._total: float | None = None if self._last is None else 0.0

    def joules(self) -> float | None:
        """Return the energy since the zone was opened, in joules."""
        now, at = number(self._counter), self._clock()
        if now is None or self._last is None or self._total is None:
            self._total = None
            return None
        if (at - self._read_at) * self._most_watts > self._range / 1e6:
            self._total = None
            return None
        step = now - self._last
        self._total += (step if step >= 0 else step + self._range) / 1e6
        self._last, self._read_at = now, at
        return self._total


class RaplEnergy:
    """All of the machine's zones of one part together."""

    kind: EnergyKind = "counter"
    source = "RAPL"

    def __init__(self, part: str, zones: Sequence[RaplZone]) -> None:
        self.part = part
        self._zones = zones

    def joules(self) -> float | None:
        """Return the energy of all; None as soon as one cannot be told."""
        told = [zone.joules() for zone in self._zones]
        known = [joules for joules in told if joules is not None]
        return sum(known) if len(known) == len(told) else None


@dataclass(frozen=True, kw_only=True)
class ZeusEnergy:
    """A part that zeus tells."""

    part: str
    kind: EnergyKind
    source: str
    ask: Callable[[], float | None]  # millijoules

    def joules(self) -> float | None:
        """Return the energy since some fixed moment."""
        try:
            millijoules = self.ask()
        except Exception as error:  # noqa: BLE001 - whatever a vendor's library raises
            logger.debug("zeus tells nothing of the %s: %s", self.part, error)
            return None
        return None if millijoules is None else millijoules / 1000


def rapl(
    powercap: Path = POWERCAP, clock: Callable[[], float] = time.monotonic
) -> tuple[EnergyCounter, ...]:
    """Return a counter for each part of the machine that RAPL tells to this process, from now on.

    The zones are those of the control type ``intel-rapl`` (AMD's processors have it too).
    """
    zones: dict[str, list[RaplZone]] = {}
    for folder in sorted(powercap.glob("intel-rapl:*")):
        name = (text(folder / "name") or "").partition("-")[0]
        if name in _PARTS:
            zones.setdefault(_PARTS[name], []).append(RaplZone(folder, clock))
    found = (RaplEnergy(part, members) for part, members in sorted(zones.items()))
    return tuple(each for each in found if each.joules() is not None)


def zeus_amd(index: int) -> tuple[EnergyCounter, ...]:
    """Return the counter of the GPU that amd-smi numbers so; none without zeus or without one.

    Zeus numbers GPUs as HIP does, so the number is translated. Not run on AMD's hardware by the
    tests, which stand in for the libraries.
    """
    try:
        import amdsmi
        from zeus.device.gpu.amd import AMDGPUs

        library = AMDGPUs()
        handle = amdsmi.amdsmi_get_processor_handles()[index]
        hip = amdsmi.amdsmi_get_gpu_enumeration_info(handle)["hip_id"]
        gpu = next(each for each in library.gpus if each.gpu_index == hip)
        if not gpu.supports_get_total_energy_consumption():
            return ()
    except Exception as error:  # noqa: BLE001 - a missing library, driver or device alike
        logger.debug("zeus tells nothing of AMD's GPU %d: %s", index, error)
        return ()
    # The library closes when nothing holds it any more, and the GPU does not.
    ask = partial(_millijoules, library, gpu)
    return (ZeusEnergy(part="gpu", kind="counter", source="amd-smi by zeus", ask=ask),)


def _millijoules(_: Any, gpu: Any) -> float:
    return float(gpu.get_total_energy_consumption())


def zeus_apple() -> tuple[EnergyCounter, ...]:
    """Return the parts of an Apple chip that IOReport's energy model tells; none without zeus."""
    try:
        from zeus.device.soc import get_soc

        chip = get_soc()
        told = chip.get_total_energy_consumption()
    except Exception as error:  # noqa: BLE001
        logger.debug("zeus tells nothing of this chip: %s", error)
        return ()

    def asks(field: str) -> Callable[[], float | None]:
        def ask() -> float | None:
            value: Any = getattr(chip.get_total_energy_consumption(), field, None)
            return None if value is None else float(value)

        return ask

    return tuple(
        ZeusEnergy(part=part, kind="estimated", source="IOReport by zeus", ask=asks(field))
        for part, field in _APPLE_PARTS.items()
        if getattr(told, field, None) is not None
    )
