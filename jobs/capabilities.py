"""Capabilities: what a machine has that work can need; what work lacks there, said at once."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from jobs.limits import MAX_NAMES, Count, Key, Text, Texts
from jobs.spec import KERAS_BACKENDS, Cell

Said: TypeAlias = Annotated[dict[Key, Text], Field(max_length=MAX_NAMES)]


class Capabilities(BaseModel):
    """What a worker states of its machine, and of the one device that it measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    os: Text  # linux, macos, windows
    device: Literal["cpu", "gpu"]
    gpu_api: Text | None = None  # cuda, rocm, metal
    backends: Said = Field(default_factory=dict)  # installed here → version
    # Backend or encoder → why it cannot be used although it may be there, and what to do.
    refused: Said = Field(default_factory=dict)
    encoders: Texts = ()  # ffmpeg's names of those that have encoded a frame here
    memory_bytes: Count | None = None  # of the device
    workloads: Annotated[dict[Key, Count], Field(max_length=MAX_NAMES)] = Field(
        default_factory=dict
    )  # name → version


def without_backend(backend: str, has: Capabilities) -> str | None:
    """Return why the machine cannot compute with this backend, or None."""
    if backend in has.refused:
        return has.refused[backend]
    if backend in has.backends:
        return None
    extra = backend if backend in KERAS_BACKENDS else "workloads"
    return f'{backend} is not installed there: pip install "benchfarm[{extra}]"'


def without_precision(cell: Cell, has: Capabilities) -> str | None:
    """Return why the machine cannot compute as precisely as the cell says, or None."""
    if cell.precision == "tf32" and (has.device == "cpu" or has.gpu_api not in (None, "cuda")):
        return (
            "there is no TF32 there: it takes an NVIDIA GPU of compute capability 8.0 (Ampere) or "
            "later; take precision: float32"
        )
    halves = cell.precision not in ("float32", "tf32", None)
    if halves and cell.backend == "tensorflow" and has.gpu_api == "metal":
        return (
            f"tensorflow-metal computes {cell.precision} on the CPU, in the GPU's name; take "
            f"precision: float32, or backend: torch"
        )
    return None


def without_workload(name: str, version: int | None, has: Capabilities) -> str | None:
    """Return why the machine does not know the work as it was submitted, or None."""
    if name not in has.workloads:
        return (
            f"there is no workload {name} there: install the same benchfarm, or point "
            f"FARM_WORKLOADS at the folder of its file"
        )
    known = has.workloads[name]
    if version is not None and known != version:
        return (
            f"version {version} of {name} was submitted and that worker has version {known}; "
            f"install the same benchfarm everywhere"
        )
    return None


def without_memory(needed_bytes: int | None, has: Capabilities) -> str | None:
    """Return by how much the device's memory falls short of the bytes needed, or None."""
    if needed_bytes is None or has.memory_bytes is None or needed_bytes <= has.memory_bytes:
        return None
    return (
        f"it needs {needed_bytes / 2**30:.1f} GiB of memory, the device has "
        f"{has.memory_bytes / 2**30:.1f} GiB; take a smaller batch or size"
    )
