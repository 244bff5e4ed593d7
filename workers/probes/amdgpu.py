"""The sensors of one AMD GPU, through the files of Linux's driver amdgpu.

They need no library and no right of root (kernel documentation: GPU Power/Thermal Controls and
Monitoring). The energy counter is the business of `workers.energy`.
"""

from __future__ import annotations

from pathlib import Path

from workers.probes.files import number
from workers.probes.sensors import EnergyCounter, Sample, Sensors

DEVICES = Path("/sys/bus/pci/devices")


class AmdgpuSensors(Sensors):
    """What the driver tells of the GPU at one place of the PCI bus."""

    power_source = "amdgpu"

    def __init__(
        self, pci_bus_id: str, counters: tuple[EnergyCounter, ...] = (), devices: Path = DEVICES
    ) -> None:
        self._folder = devices / pci_bus_id.lower()
        self._monitor = next(iter(sorted(self._folder.glob("hwmon/hwmon*"))), self._folder)
        self._counters = counters

    def sample(self) -> Sample:
        """Read power, utilisation, memory, temperature and clock."""
        percent = number(self._folder / "gpu_busy_percent")
        memory = number(self._folder / "mem_info_vram_used")
        microwatts = number(self._monitor / "power1_average")
        if microwatts is None:  # newer chips tell the power of the moment instead
            microwatts = number(self._monitor / "power1_input")
        millidegrees = number(self._monitor / "temp1_input")
        hertz = number(self._monitor / "freq1_input")
        return Sample(
            power_watts=None if microwatts is None else microwatts / 1e6,
            utilisation=None if percent is None else percent / 100,
            memory_bytes=None if memory is None else int(memory),
            temperature_celsius=None if millidegrees is None else millidegrees / 1000,
            clock_mhz=None if hertz is None else hertz / 1e6,
        )

    def counters(self) -> tuple[EnergyCounter, ...]:
        """Return the counter that it was given, if any."""
        return self._counters

    def power_limit_watts(self) -> float | None:
        """Return the cap in force."""
        microwatts = number(self._monitor / "power1_cap")
        return None if microwatts is None else microwatts / 1e6

    def temperature_limit_celsius(self) -> float | None:
        """Return the temperature that the driver calls critical."""
        millidegrees = number(self._monitor / "temp1_crit")
        return None if not millidegrees else millidegrees / 1000
