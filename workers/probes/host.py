"""The machine around the device: processor, memory, operating system, container."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from jobs.spec import Scalar
from workers.probes import apple
from workers.probes.cgroup import cpu_quota_cores, memory_limit_bytes
from workers.probes.cpu import Cpu, linux_cpu, vendor_in

DMI_PRODUCT = Path("/sys/class/dmi/id/product_name")
SYSTEMS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}
ARCHITECTURES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64", "arm64": "arm64"}


def facts() -> dict[str, Scalar | None]:
    """Return the machine's facts, units in their names; None is what it does not tell."""
    sysctl = apple.ask_sysctl()
    processor = cpu(sysctl)
    return {
        "cpu_name": processor.name,
        "cpu_vendor": processor.vendor,
        "physical_cores": psutil.cpu_count(logical=False),
        "vcpus": os.cpu_count(),
        "performance_cores": processor.performance_cores,
        "efficiency_cores": processor.efficiency_cores,
        "cpu_quota_cores": cpu_quota_cores(),  # what a container may use of them
        "cpu_cache_bytes": processor.cache_bytes,
        "vector_extensions": processor.vector_extensions,
        "virtual_machine": processor.virtual,
        "ram_bytes": psutil.virtual_memory().total or None,
        "ram_limit_bytes": memory_limit_bytes(),  # what a container may use of it
        "os": system(),
        "os_version": os_version(),
        "kernel": platform.release() or None,
        "architecture": architecture(),  # what Python runs as
        "rosetta": translated(sysctl),  # and whether macOS translates it
        "machine_model": sysctl.get("hw.model") or board_name(),
        "hostname": platform.node() or None,
        "python": platform.python_version(),
    }


def cpu(sysctl: dict[str, str]) -> Cpu:
    """Return the processor, asked the way this system answers."""
    if system() == "linux":
        return linux_cpu()
    if sysctl:
        return apple.parse_cpu(sysctl)
    name = platform.processor() or None
    return Cpu(name=name, vendor=vendor_in(name))


def system() -> str:
    """Return linux, macos, windows, or what else the system calls itself."""
    name = platform.system()
    return SYSTEMS.get(name, name.lower() or "unknown")


def architecture() -> str:
    """Return x86-64, arm64, or what else the machine calls itself."""
    machine = platform.machine().lower()
    return ARCHITECTURES.get(machine, machine or "unknown")


def os_version() -> str | None:
    """Return the release as people know it: ``Debian GNU/Linux 12 (bookworm)``, ``14.6.1``."""
    if system() == "linux":
        try:
            return platform.freedesktop_os_release().get("PRETTY_NAME")
        except OSError:
            return None
    if system() == "macos":
        return platform.mac_ver()[0] or None
    return platform.version() or None


def board_name() -> str | None:
    """Return what the firmware calls the machine (Linux): ``Google Compute Engine``."""
    try:
        return DMI_PRODUCT.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def translated(sysctl: dict[str, str]) -> bool | None:
    """Return whether this process is x86-64 code on Apple silicon; None where there is no such."""
    value = sysctl.get("sysctl.proc_translated")
    return None if value is None else value == "1"
