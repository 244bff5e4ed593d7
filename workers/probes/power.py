"""What the machine runs on, and how much it is allowed: mains or battery, power mode, speed limit.

On macOS `pmset` tells (its manual page; the names are those of macOS 12 and later). Not run on a
Mac by the tests, which read its answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from workers.probes.apple import is_mac
from workers.probes.command import output
from workers.probes.files import text

SUPPLIES = Path("/sys/class/power_supply")
PROFILE = Path("/sys/firmware/acpi/platform_profile")
PMSET_FOLDER = "/usr/bin"
LOW_POWER = "low power"
_MAC_MODES = {"0": "automatic", "1": LOW_POWER, "2": "high power"}


def on_mains(*, virtual: bool | None, supplies: Path = SUPPLIES) -> bool | None:
    """Return whether the machine runs on mains; None where nothing tells.

    A machine without a battery does, unless it is a virtual one, whose host may have one.
    """
    found = linux_mains(supplies) if supplies.is_dir() else _psutil_mains()
    return True if found is None and virtual is False else found


def linux_mains(supplies: Path) -> bool | None:
    """Read Linux's power supplies: a battery that discharges, or a charger that is plugged in.

    Those of mice and keyboards (scope ``Device``) do not count.
    """
    mains = None
    for supply in sorted(supplies.iterdir()):
        if text(supply / "scope") == "Device":
            continue
        kind = text(supply / "type")
        if kind == "Battery":
            status = text(supply / "status")
            if status == "Discharging":
                return False
            mains = True if status in ("Charging", "Full", "Not charging") else mains
        elif kind in ("Mains", "USB") and text(supply / "online") == "1":
            mains = True
    return mains


def power_mode(profile: Path = PROFILE) -> str | None:
    """Return the mode that the user or the firmware has chosen; None where there is none."""
    if is_mac():
        return parse_power_mode(output("pmset", "-g", folder=PMSET_FOLDER))
    said = text(profile)
    return LOW_POWER if said == "low-power" else said or None


def parse_power_mode(said: str) -> str | None:
    """Read ``pmset -g``: ``powermode`` where the Mac has several, else ``lowpowermode``."""
    values = dict(line.split()[:2] for line in said.splitlines() if len(line.split()) >= 2)
    mode = values.get("powermode", values.get("lowpowermode", ""))
    return _MAC_MODES.get(mode)


def speed_limit() -> float | None:
    """Return the share of its speed that macOS leaves the processor, for heat; None elsewhere."""
    return (
        parse_speed_limit(output("pmset", "-g", "therm", folder=PMSET_FOLDER)) if is_mac() else None
    )


def parse_speed_limit(said: str) -> float | None:
    """Read ``pmset -g therm``: ``CPU_Speed_Limit = 100``; absent while nothing limits it."""
    for line in said.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "CPU_Speed_Limit" and value.strip().isdigit():
            return int(value) / 100
    return None


def _psutil_mains() -> bool | None:
    ask: Any = getattr(psutil, "sensors_battery", None)
    try:
        battery = ask() if ask else None
    except (OSError, RuntimeError, psutil.Error):
        return None
    plugged: bool | None = getattr(battery, "power_plugged", None)
    return plugged
