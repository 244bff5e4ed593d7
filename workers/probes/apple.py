"""Macs: the processor through `sysctl`, the GPUs through `system_profiler`.

On Apple silicon the GPU shares the machine's memory, so its memory is the RAM. On Intel Macs only
AMD's GPUs count: neither tensorflow-metal nor PyTorch's MPS trains usefully on Intel's.
"""

from __future__ import annotations

import json
import platform
import re

from jobs.spec import Scalar
from workers.probes.command import output
from workers.probes.cpu import Cpu, vendor_in
from workers.probes.gpu import Gpu

SYSTEM_FOLDER = "/usr/sbin"  # not on every PATH, a launchd job's for one
SYSCTLS = (
    "machdep.cpu.brand_string",
    "hw.memsize",
    "hw.nperflevels",
    "hw.perflevel0.physicalcpu",
    "hw.perflevel1.physicalcpu",
    "hw.perflevel2.physicalcpu",
    "hw.perflevel0.l2cachesize",
    "hw.l3cachesize",
    "hw.model",
    "kern.hv_vmm_present",
    "sysctl.proc_translated",
)
_UNITS = {"MB": 1 << 20, "GB": 1 << 30}


def is_mac() -> bool:
    """Return whether this is macOS."""
    return platform.system() == "Darwin"


def ask_sysctl() -> dict[str, str]:
    """Return what `sysctl` knows of `SYSCTLS`; it skips those that this Mac has not got."""
    return parse_sysctl(output("sysctl", *SYSCTLS, folder=SYSTEM_FOLDER)) if is_mac() else {}


def parse_sysctl(text: str) -> dict[str, str]:
    """Read ``name: value`` lines."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def parse_cpu(values: dict[str, str]) -> Cpu:
    """Read sysctl's values; the levels of cores are ordered from the fastest kind down."""
    name = values.get("machdep.cpu.brand_string")
    levels = [_whole(values.get(f"hw.perflevel{level}.physicalcpu")) for level in range(3)]
    others = sum(level or 0 for level in levels[1:])
    virtual = values.get("kern.hv_vmm_present")
    return Cpu(
        name=name,
        vendor=vendor_in(name),
        performance_cores=levels[0] if others else None,
        efficiency_cores=others or None,
        cache_bytes=_whole(values.get("hw.l3cachesize"))
        or _whole(values.get("hw.perflevel0.l2cachesize")),
        virtual=None if virtual is None else virtual == "1",
    )


def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs of a Mac; none elsewhere."""
    if not is_mac():
        return ()
    values = ask_sysctl()
    ram_bytes = _whole(values.get("hw.memsize"))
    found = parse_displays(
        output("system_profiler", "-json", "SPDisplaysDataType", folder=SYSTEM_FOLDER), ram_bytes
    )
    chip = values.get("machdep.cpu.brand_string", "")
    if found or not chip.startswith("Apple"):
        return found
    # There is no Apple chip without a GPU; only its cores stay unknown.
    facts: dict[str, Scalar | None] = {"gpu_api": "metal"}
    return (
        Gpu(index=0, name=chip, vendor="apple", api="metal", memory_bytes=ram_bytes, facts=facts),
    )


def parse_displays(text: str, ram_bytes: int | None) -> tuple[Gpu, ...]:
    """Read ``system_profiler -json SPDisplaysDataType``: Apple's and AMD's GPUs in its order."""
    try:
        items = json.loads(text)["SPDisplaysDataType"]
    except (ValueError, LookupError, TypeError):
        return ()
    found: list[Gpu] = []
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        if item.get("sppci_device_type", "spdisplays_gpu") != "spdisplays_gpu":
            continue
        name = str(item.get("sppci_model") or item.get("_name") or "")
        vendor = _vendor(f"{item.get('spdisplays_vendor', '')} {name}")
        if vendor is None:
            continue
        family = item.get("spdisplays_mtlgpufamilysupport") or item.get("spdisplays_metalfamily")
        facts: dict[str, Scalar | None] = {
            "gpu_api": "metal",
            "gpu_cores": _whole(item.get("sppci_cores")),
            "compute_capability": str(family).removeprefix("spdisplays_") if family else None,
        }
        found.append(
            Gpu(
                index=len(found),
                name=name or None,
                vendor=vendor,
                api="metal",
                memory_bytes=ram_bytes if vendor == "apple" else _size(item.get("spdisplays_vram")),
                facts=facts,
            )
        )
    return tuple(found)


def _vendor(text: str) -> str | None:
    # ``sppci_vendor_Apple``, ``sppci_vendor_amd``, ``sppci_vendor_ATI (0x1002)``, ``Intel``
    words = set(re.findall(r"[a-z]+", text.lower().replace("_", " ")))
    if "apple" in words:
        return "apple"
    return "amd" if words & {"amd", "ati", "radeon"} else None


def _whole(value: object) -> int | None:
    text = str(value if value is not None else "").strip()
    return int(text) or None if text.isdigit() else None


def _size(value: object) -> int | None:
    found = re.fullmatch(r"(\d+) ([MG]B)", str(value))
    return int(found[1]) * _UNITS[found[2]] if found else None
