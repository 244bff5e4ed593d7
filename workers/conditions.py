"""Conditions: in what state the machine is at the start of a job, as far as it tells."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.spec import Scalar
from workers.cpus import usable_cpus
from workers.probes import power
from workers.probes.cpu_sensors import governor
from workers.probes.sensors import Sensors

if TYPE_CHECKING:
    from workers.hardware import Hardware


MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


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
    """Return which physical device this is: a GPU's UUID, else the machine and its device.

    The machine is told by systemd's or D-Bus's machine id, hashed, since that is to be kept to the
    machine; where there is none, by its name. A container's name changes with every start, so one
    without the host's id makes units of its own.
    """
    if (uuid := hardware.facts.get("device_uuid")) is not None:
        return str(uuid)
    index = hardware.device_index
    return f"{_machine()}/{hardware.device if index is None else f'{hardware.device}{index}'}"


def _machine() -> str:
    for path in MACHINE_IDS:
        with contextlib.suppress(OSError):
            if text := path.read_text().strip():
                return hashlib.sha256(f"farm {text}".encode()).hexdigest()[:12]
    return platform.node() or "unknown"


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
