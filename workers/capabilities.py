"""What this machine has that work can need, found out when a worker starts."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import sys
from importlib import metadata

from jobs import catalogue
from jobs.capabilities import Capabilities
from jobs.spec import KERAS_BACKENDS, Backend
from workers.hardware import Hardware

# The distributions that may bring a backend, the one that says its version first.
DISTRIBUTIONS: dict[Backend, tuple[str, ...]] = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos"),
    "torch": ("torch",),
    "jax": ("jax",),
    "sklearn": ("scikit-learn",),
}
METAL = "tensorflow-metal"
METAL_LOADS_WITH = ((2, 18), (2, 19))  # tensorflow-metal 1.2.0: later ones lack eight C symbols
OPERATING_SYSTEMS = {"darwin": "macos", "win32": "windows"}


def detect(hardware: Hardware) -> Capabilities:
    """Return what a worker on this hardware can state.

    Nothing heavy is imported: a backend is there when its package is. Whether it sees the GPU only
    the child of a job finds out. Trying the video encoders takes a second or two.
    """
    from jobs.video import ffmpeg

    backends: dict[str, str] = {}
    refused: dict[str, str] = {}
    for backend, distributions in DISTRIBUTIONS.items():
        version = installed(backend, distributions)
        if version is None:
            continue
        if backend in KERAS_BACKENDS and importlib.util.find_spec("keras") is None:
            refused[backend] = f'{backend} is there without Keras: pip install "keras>=3.8"'
            continue
        backends[backend] = version
    if reason := metal_refusal(hardware, backends.get("tensorflow"), _version(METAL)):
        del backends["tensorflow"]
        refused["tensorflow"] = reason
    if sys.platform == "darwin" and shutil.which("swiftc"):
        backends["createml"] = platform.mac_ver()[0]
    encoders, not_working = ffmpeg.capabilities()
    if "ffmpeg" not in not_working:
        backends["ffmpeg"] = ffmpeg.version(ffmpeg.find())
    memory = hardware.facts.get("memory_bytes")
    api = hardware.facts.get("gpu_api")
    return Capabilities(
        os=OPERATING_SYSTEMS.get(sys.platform, "linux"),
        device=hardware.device,
        gpu_api=None if hardware.device == "cpu" or api is None else str(api),
        backends=backends,
        refused={**refused, **not_working},
        encoders=encoders,
        memory_bytes=int(memory) if isinstance(memory, int | float) else None,
        workloads={each.name: each.version for each in catalogue.every()},
    )


def metal_refusal(hardware: Hardware, tensorflow: str | None, metal: str | None) -> str | None:
    """Return why TensorFlow cannot use this Mac's GPU, or None where it can or need not.

    tensorflow-metal 1.2.0 of January 2025 is the newest. It loads with TensorFlow 2.18 and 2.19.
    """
    if tensorflow is None or hardware.device != "gpu" or hardware.facts.get("gpu_api") != "metal":
        return None
    remedy = (
        'pip install "benchfarm[metal]" in Python 3.12 or earlier, or measure this GPU with '
        "backend: torch"
    )
    if metal is None:
        return f"TensorFlow {tensorflow} sees no Apple GPU without tensorflow-metal: {remedy}"
    numbers = tuple(int(part) for part in re.findall(r"\d+", tensorflow)[:2])
    if numbers in METAL_LOADS_WITH:
        return None
    return (
        f"tensorflow-metal {metal} loads with TensorFlow 2.18 and 2.19, and here is {tensorflow}: "
        f"{remedy}"
    )


def installed(backend: str, distributions: tuple[str, ...]) -> str | None:
    """Return the version of a backend, None where it is not installed; nothing is imported."""
    if importlib.util.find_spec(backend) is None:
        return None
    return next((found for name in distributions if (found := _version(name))), "unknown")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
