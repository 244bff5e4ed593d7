"""Gpu: one GPU as its vendor's tools describe it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from jobs.spec import Scalar

logger = logging.getLogger(__name__)

Api: TypeAlias = Literal["cuda", "rocm", "metal"]  # what the backends reach it through

# What the probes may know of a GPU, in the order in which people read it.
GPU_FACTS = (
    "gpu_api",
    "gpu_cores",  # NVIDIA: CUDA cores; AMD: compute units; Apple: GPU cores
    "compute_capability",  # NVIDIA: 6.0; AMD: gfx942; Apple: metal3
    "driver",
    "cuda_driver",  # the newest CUDA that the driver supports
    "power_limit_watts",  # in force
    "power_limit_default_watts",
    "max_clock_mhz",
    "max_memory_clock_mhz",
    "memory_bus_bits",
    "pcie_generation",  # the best that card and slot can do
    "pcie_width",
    "ecc",
    "mig",  # the GPU is cut into slices
    "pci_bus_id",
    "device_uuid",
)
_NOTHING = {"", "-1", "none", "void", "nodevfiles"}


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU of this machine."""

    index: int  # the number that the vendor's tool gives it
    name: str | None  # full, as the driver spells it
    vendor: str
    api: Api
    memory_bytes: int | None
    facts: dict[str, Scalar | None]  # some of GPU_FACTS


def visible(gpus: Sequence[Gpu], value: str | None, variable: str) -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES or its like lets programs see, in its order.

    The value is a list of positions and of UUIDs or the beginnings of UUIDs; as in CUDA, the first
    entry that names no GPU ends it. None, for a variable that is not set, hides nothing.
    """
    if value is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for entry in (word.strip() for word in value.split(",")):
        named = [
            gpu
            for position, gpu in enumerate(gpus)
            if entry == str(position)
            or (entry.startswith("GPU-") and str(gpu.facts.get("device_uuid")).startswith(entry))
        ]
        if len(named) != 1:
            if gpus and entry.lower() not in _NOTHING:
                logger.warning(
                    "%s=%s: %r names no GPU that can be measured, and ends the list",
                    variable,
                    value,
                    entry,
                )
            break
        chosen += named
    return tuple(chosen)
