"""Conditions: in what state the machine is at the start of a job, as far as it tells."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from jobs.spec import Scalar
from workers.cpus import usable_cpus
from workers.probes import power
from workers.probes.cpu_sensors import governor
from workers.probes.sensors import Sensors

if TYPE_CHECKING:
    from workers.hardware import Hardware


def conditions(hardware: Hardware, sensors: Sensors) -> dict[str, Scalar | None]:
    """Return what is in force around the job, units in the keys; None is what nothing tells."""
    facts, cpus = hardware.facts, usable_cpus()
    virtual = facts.get("virtual_machine")
    return {
        "load_average_1min": _load_average(),
        "foreign_gpu_processes": sensors.foreign_processes(),
        "power_limit_watts": sensors.power_limit_watts(),
        "power_mode": power.power_mode(),
        "on_mains": power.on_mains(virtual=virtual if isinstance(virtual, bool) else None),
        "cpu_governor": governor(cpus),
        "driver_version": facts.get("driver"),
        "kernel": platform.release() or None,
        "usable_cpus": len(cpus),
    }


def unit(hardware: Hardware) -> str:
    """Return which physical device this is: the host, and the device's UUID or number."""
    device = hardware.facts.get("device_uuid")
    if device is None:
        index = hardware.device_index
        device = hardware.device if index is None else f"{hardware.device}{index}"
    return f"{platform.node() or 'unknown'}/{device}"


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
