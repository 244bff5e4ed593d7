"""Instruments: the sensors and energy counters of this machine, for one of its devices."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from workers import energy
from workers.cpus import usable_cpus
from workers.probes import nvml
from workers.probes.amdgpu import AmdgpuSensors
from workers.probes.cpu_sensors import CpuSensors
from workers.probes.sensors import EnergyCounter, Sensors

if TYPE_CHECKING:
    from workers.hardware import Hardware


class Instruments:
    """What can be asked while a job runs on the device: its sensors, and who counts energy.

    Opened once a worker: some libraries take seconds to come up.
    """

    def __init__(
        self,
        sensors: Sensors,
        *,
        device: str,
        chip_counters: Collection[EnergyCounter] = (),
        rapl: bool = True,
    ) -> None:
        self.sensors = sensors
        self.device = device
        self._chip_counters = tuple(chip_counters)
        self._rapl = rapl

    @property
    def samples(self) -> bool:
        """Whether the device has sensors that are worth asking again and again."""
        return type(self.sensors) is not Sensors

    def counters(self) -> tuple[EnergyCounter, ...]:
        """Return every energy counter there is, each from now on."""
        around = energy.rapl() if self._rapl else ()
        return (*self.sensors.counters(), *around, *self._chip_counters)


def instruments_of(hardware: Hardware) -> Instruments:
    """Open the instruments for the hardware; what is not there is left out."""
    api, index = hardware.facts.get("gpu_api"), hardware.device_index or 0
    sensors: Sensors
    if hardware.device == "cpu":
        sensors = CpuSensors(usable_cpus())
    elif api == "cuda":
        sensors = nvml.opened(index) or Sensors()
    elif api == "rocm" and (place := hardware.facts.get("pci_bus_id")):
        sensors = AmdgpuSensors(str(place), energy.zeus_amd(index))
    else:
        sensors = Sensors()
    chip = energy.zeus_apple() if hardware.facts.get("os") == "macos" else ()
    return Instruments(sensors, device=hardware.device, chip_counters=chip)
