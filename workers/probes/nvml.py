"""The sensors of one NVIDIA GPU, through NVML. The library stays open as long as the worker lives.

Opening NVML on a machine whose driver is not kept loaded takes seconds, and asking it microseconds
to milliseconds. Names and units are those of NVIDIA's NVML API reference.
"""

from __future__ import annotations

import logging
from typing import Any

from jobs.telemetry import EnergyKind
from workers.probes.sensors import EnergyCounter, Sample, Sensors

logger = logging.getLogger(__name__)

# The bits of nvmlDeviceGetCurrentClocksEventReasons (nvml.h, nvmlClocksEventReasons). The lowest,
# idle, is no reason to complain; the last two are older libraries'.
REASONS = {
    0x002: "applications_clocks_setting",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
    0x200: "board_limit",
    0x400: "reliability",
}
IDLE = 0x001
SLOWDOWN_THRESHOLD = 1  # NVML_TEMPERATURE_THRESHOLD_SLOWDOWN


def opened(index: int) -> NvmlSensors | None:
    """Return the sensors of the GPU that NVML numbers so; None where NVML does not answer."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return NvmlSensors(pynvml, pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError as error:
        logger.debug("NVML tells nothing of GPU %d: %s", index, error)
        return None


def reasons(bits: int) -> tuple[str, ...]:
    """Return the names of the bits, the lowest first; a bit without a name as ``bit_11``."""
    numbers = (1 << place for place in range(bits.bit_length()))
    return tuple(
        REASONS.get(number, f"bit_{number.bit_length() - 1}")
        for number in numbers
        if bits & number and number != IDLE
    )


class NvmlSensors(Sensors):
    """What NVML tells; None for each question that this GPU or driver does not answer."""

    power_source = "NVML"

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle

    def ask(self, question: str, *arguments: Any) -> Any:
        """Return NVML's answer about this GPU, or None."""
        function = getattr(self._nvml, question, None)
        if function is None:
            return None
        try:
            return function(self._handle, *arguments)
        except self._nvml.NVMLError as error:
            logger.debug("%s: %s", question, error)
            return None

    def sample(self) -> Sample:
        """Ask power, utilisation, memory, temperature, clock and throttle reasons."""
        milliwatts = self.ask("nvmlDeviceGetPowerUsage")
        percent = getattr(self.ask("nvmlDeviceGetUtilizationRates"), "gpu", None)
        bits = self.ask("nvmlDeviceGetCurrentClocksEventReasons")
        if bits is None:  # the name before driver 535
            bits = self.ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        return Sample(
            power_watts=None if milliwatts is None else milliwatts / 1000,
            utilisation=None if percent is None else percent / 100,
            memory_bytes=getattr(self.ask("nvmlDeviceGetMemoryInfo"), "used", None),
            temperature_celsius=self.ask("nvmlDeviceGetTemperature", 0),
            clock_mhz=self.ask("nvmlDeviceGetClockInfo", getattr(self._nvml, "NVML_CLOCK_SM", 1)),
            throttle_reasons=None if bits is None else reasons(bits),
        )

    def counters(self) -> tuple[EnergyCounter, ...]:
        """Return the energy counter, which GPUs have from Volta on."""
        counter = NvmlEnergy(self)
        return () if counter.joules() is None else (counter,)

    def foreign_processes(self) -> int | None:
        """Return how many processes have a compute context on the GPU."""
        found = self.ask("nvmlDeviceGetComputeRunningProcesses")
        return None if found is None else len(found)

    def power_limit_watts(self) -> float | None:
        """Return the limit in force, the lowest of what the user and the driver have set."""
        milliwatts = self.ask("nvmlDeviceGetEnforcedPowerLimit")
        if milliwatts is None:
            milliwatts = self.ask("nvmlDeviceGetPowerManagementLimit")
        return None if milliwatts is None else milliwatts / 1000

    def temperature_limit_celsius(self) -> float | None:
        """Return the temperature at which the GPU halves its clocks."""
        limit: int | None = self.ask("nvmlDeviceGetTemperatureThreshold", SLOWDOWN_THRESHOLD)
        return limit or None


class NvmlEnergy:
    """The GPU's own cumulative counter, since its driver was loaded."""

    part = "gpu"
    kind: EnergyKind = "counter"
    source = "NVML"

    def __init__(self, sensors: NvmlSensors) -> None:
        self._sensors = sensors

    def joules(self) -> float | None:
        """Return the energy; None where the GPU does not count it."""
        millijoules = self._sensors.ask("nvmlDeviceGetTotalEnergyConsumption")
        return None if millijoules is None else millijoules / 1000
