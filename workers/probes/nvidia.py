"""NVIDIA's GPUs, asked through NVML: the driver's own library. CUDA is never initialised.

A GPU's number is NVML's, which is the one that `nvidia-smi` prints and the one that CUDA uses under
CUDA_DEVICE_ORDER=PCI_BUS_ID. CUDA_VISIBLE_DEVICES, where it is set, hides GPUs here as it does from
CUDA, but renumbers none; its numbers are read in that same order, so on a machine with unlike GPUs
set CUDA_DEVICE_ORDER=PCI_BUS_ID beside it, or name the GPUs by UUID. MIG slices are not measured.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from jobs.spec import Scalar
from workers.probes.gpu import Gpu, visible

logger = logging.getLogger(__name__)

DRIVER = Path("/proc/driver/nvidia/version")
VARIABLE = "CUDA_VISIBLE_DEVICES"


def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that programs here may use; none without the driver or `nvidia-ml-py`."""
    return visible([parse(reading) for reading in ask()], os.environ.get(VARIABLE), VARIABLE)


def ask() -> list[dict[str, Any]]:
    """Return NVML's answers about every GPU, unchanged; None for each that it has not got."""
    try:
        import pynvml
    except ImportError:
        if DRIVER.exists():
            logger.warning(
                "an NVIDIA driver is loaded, but the Python package nvidia-ml-py is missing, so "
                "its GPUs are not seen; install it (pip install nvidia-ml-py)"
            )
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        level = logging.WARNING if DRIVER.exists() else logging.DEBUG
        logger.log(level, "NVML tells nothing of NVIDIA's GPUs: %s", error)
        return []
    try:
        return _ask_each(pynvml)
    finally:
        _answer(pynvml, "nvmlShutdown")


def parse(reading: dict[str, Any]) -> Gpu:
    """Read NVML's answers about one GPU."""
    memory = getattr(reading["memory"], "total", None)
    facts: dict[str, Scalar | None] = {
        "gpu_api": "cuda",
        "gpu_cores": reading["cores"] or None,
        "compute_capability": _dotted(reading["compute_capability"]),
        "driver": _text(reading["driver"]),
        "cuda_driver": _cuda(reading["cuda_driver"]),
        "power_limit_watts": _watts(reading["power_limit"]),
        "power_limit_default_watts": _watts(reading["power_limit_default"]),
        "max_clock_mhz": reading["max_clock"] or None,
        "max_memory_clock_mhz": reading["max_memory_clock"] or None,
        "memory_bus_bits": reading["memory_bus"] or None,
        "pcie_generation": reading["pcie_generation"] or None,
        "pcie_width": reading["pcie_width"] or None,
        "ecc": _first(reading["ecc"]),
        "mig": _first(reading["mig"]),
        "pci_bus_id": _text(getattr(reading["pci"], "busId", None)),
        "device_uuid": _text(reading["uuid"]),
    }
    return Gpu(
        index=reading["index"],
        name=_text(reading["name"]),
        vendor="nvidia",
        api="cuda",
        memory_bytes=memory or None,
        facts=facts,
    )


def _ask_each(nvml: Any) -> list[dict[str, Any]]:
    driver = _answer(nvml, "nvmlSystemGetDriverVersion")
    cuda_driver = _answer(nvml, "nvmlSystemGetCudaDriverVersion_v2")
    clock, memory_clock = (
        getattr(nvml, name, None) for name in ("NVML_CLOCK_SM", "NVML_CLOCK_MEM")
    )
    readings = []
    for index in range(_answer(nvml, "nvmlDeviceGetCount") or 0):
        handle = _answer(nvml, "nvmlDeviceGetHandleByIndex", index)
        if handle is None:
            logger.warning("NVML lists GPU %d, but does not let this process open it", index)
            continue
        readings.append(
            {
                "index": index,
                "driver": driver,
                "cuda_driver": cuda_driver,
                "name": _answer(nvml, "nvmlDeviceGetName", handle),
                "uuid": _answer(nvml, "nvmlDeviceGetUUID", handle),
                "pci": _answer(nvml, "nvmlDeviceGetPciInfo", handle),
                "memory": _answer(nvml, "nvmlDeviceGetMemoryInfo", handle),
                "cores": _answer(nvml, "nvmlDeviceGetNumGpuCores", handle),
                "compute_capability": _answer(nvml, "nvmlDeviceGetCudaComputeCapability", handle),
                "power_limit": _answer(nvml, "nvmlDeviceGetPowerManagementLimit", handle),
                "power_limit_default": _answer(
                    nvml, "nvmlDeviceGetPowerManagementDefaultLimit", handle
                ),
                "max_clock": _answer(nvml, "nvmlDeviceGetMaxClockInfo", handle, clock),
                "max_memory_clock": _answer(
                    nvml, "nvmlDeviceGetMaxClockInfo", handle, memory_clock
                ),
                "memory_bus": _answer(nvml, "nvmlDeviceGetMemoryBusWidth", handle),
                "pcie_generation": _answer(nvml, "nvmlDeviceGetMaxPcieLinkGeneration", handle),
                "pcie_width": _answer(nvml, "nvmlDeviceGetMaxPcieLinkWidth", handle),
                "ecc": _answer(nvml, "nvmlDeviceGetEccMode", handle),
                "mig": _answer(nvml, "nvmlDeviceGetMigMode", handle),
            }
        )
    return readings


def _answer(nvml: Any, question: str, *arguments: Any) -> Any:
    """Return NVML's answer, or None where this GPU, driver or binding has none."""
    function = getattr(nvml, question, None)
    if function is None:
        return None
    try:
        return function(*arguments)
    except nvml.NVMLError as error:
        logger.debug("%s: %s", question, error)
        return None


def _text(value: str | bytes | None) -> str | None:
    # Bindings before nvidia-ml-py 11.5 answer in bytes, and structures still hold them.
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text or None


def _dotted(version: tuple[int, int] | None) -> str | None:
    return f"{version[0]}.{version[1]}" if version else None


def _cuda(version: int | None) -> str | None:
    return f"{version // 1000}.{version % 1000 // 10}" if version else None


def _watts(milliwatts: int | None) -> float | None:
    return milliwatts / 1000 if milliwatts else None


def _first(modes: list[int] | None) -> bool | None:
    """Read the mode in force out of (in force, after the next reset)."""
    return bool(modes[0]) if modes else None
