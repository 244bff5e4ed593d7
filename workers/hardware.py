"""Hardware: one device of this machine, its name, its tags and the facts that identify it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from jobs.errors import HardwareError, UsageError
from jobs.spec import NAME_PATTERN, Scalar
from workers.cpus import format_cpus, usable_cpus
from workers.naming import cpu_name, gpu_name, slug
from workers.probes import amd, apple, host, nvidia
from workers.probes.gpu import GPU_FACTS, Gpu

Device: TypeAlias = Literal["cpu", "gpu"]

# What makes two machines comparable. All else that may explain a difference (versions, drivers,
# threads) belongs to a result's environment.
IDENTITY = (
    "device_name",
    "memory_bytes",
    "gpu_cores",
    "power_limit_watts",
    "cpu_name",
    "physical_cores",
    "performance_cores",
    "efficiency_cores",
    "vcpus",
    "ram_bytes",
    "architecture",
)
# Words that mean something else where hardware is selected.
RESERVED = frozenset({"all"})


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What a worker measures on."""

    name: str  # short; results of one name stand in one column
    device: Device
    device_index: int | None  # of a GPU: the number that its vendor's tool shows
    tags: tuple[str, ...]  # what suites select by: the name first, then the others, sorted
    facts: dict[str, Scalar | None]  # flat, units in the keys; None is what is not known
    declared: bool  # the name was given by a person, not detected

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits, equal for machines that are alike in every `IDENTITY` fact.

        The name is no part of it. Memory counts as the size it is sold in: kernels and drivers
        keep back amounts that vary.
        """
        identity: dict[str, Scalar | None] = {"device": self.device}
        identity |= {key: _rounded(key, self.facts.get(key)) for key in IDENTITY}
        canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def detect(
    *,
    device: str | None = None,
    cpus: tuple[int, ...] | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
) -> Hardware:
    """Detect one device of this machine and name it.

    `device` is ``cpu``, ``gpu``, ``gpu:N`` (N as the vendor's tool numbers it) or None: the first
    GPU, else the CPU. The GPUs are NVIDIA's, else AMD's, else a Mac's: of several vendors' in one
    machine only the first's. `cpus` are those the measurement will keep to (None: the process's
    affinity); they are only recorded here. `name` overrides the detected one.

    Raises UsageError for a malformed device, name or tag, and HardwareError for a GPU that is not
    there.
    """
    kind, index = _wanted(device)
    for what, word in (("hardware name", name), *(("tag", tag) for tag in tags)):
        if word is not None:
            _check(what, word)
    gpus = () if kind == "cpu" else nvidia.gpus() or amd.gpus() or apple.gpus()
    gpu = _chosen(gpus, index, device) if gpus or kind == "gpu" else None
    around = host.facts()
    facts: dict[str, Scalar | None] = {
        "device_name": gpu.name if gpu else around["cpu_name"],
        "vendor": gpu.vendor if gpu else around["cpu_vendor"],
        "memory_bytes": gpu.memory_bytes if gpu else around["ram_bytes"],
        "device_count": len(gpus) or None,
        **{key: gpu.facts.get(key) if gpu else None for key in GPU_FACTS},
        **around,
        "cpus_in_use": format_cpus(usable_cpus() if cpus is None else cpus),
    }
    full = _string(facts["device_name"])
    short = name or (gpu_name(full) if gpu else cpu_name(full))
    found: Device = "gpu" if gpu else "cpu"
    own = (_string(facts[key]) for key in ("vendor", "os", "architecture"))
    return Hardware(
        name=short,
        device=found,
        device_index=gpu.index if gpu else None,
        tags=_tags(short, found, *(slug(word) for word in own if word), *tags),
        facts=facts,
        declared=name is not None,
    )


def _wanted(device: str | None) -> tuple[Device | None, int | None]:
    if device is None:
        return None, None
    if device == "cpu":
        return "cpu", None
    matched = re.fullmatch(r"gpu(?::(\d{1,4}))?", device)
    if matched is None:
        raise UsageError(
            f"device {device!r}: accepted are cpu, gpu (the first one) and gpu:N "
            f"(N as nvidia-smi or amd-smi number it, from 0)"
        )
    return "gpu", None if matched[1] is None else int(matched[1])


def _chosen(gpus: Sequence[Gpu], index: int | None, asked: str | None) -> Gpu:
    for gpu in gpus:
        if index is None or gpu.index == index:
            return gpu
    if gpus:
        here = ", ".join(f"gpu:{gpu.index} ({gpu.name or 'unnamed'})" for gpu in gpus)
        raise HardwareError(f"there is no {asked} here; there is {here}; use one of them, or cpu")
    raise HardwareError(
        f"{asked} was asked for, and no GPU was found here. NVIDIA's need their driver and the "
        f"Python package nvidia-ml-py, AMD's the amdgpu driver and amd-smi or rocm-smi; "
        f"CUDA_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES hide GPUs. To measure the CPU: --device cpu"
    )


def _check(what: str, word: str) -> None:
    if not re.fullmatch(NAME_PATTERN, word):
        raise UsageError(
            f"{what} {word!r}: accepted are up to 64 letters, digits and . _ + - "
            f"(the first a letter or a digit), for example {slug(word) or 'p100'}"
        )
    if word.lower() in RESERVED:
        raise UsageError(f"{what} {word!r}: in a suite this means every hardware; choose another")


def _tags(name: str, *others: str) -> tuple[str, ...]:
    return (name, *sorted(set(others) - {name}))


def _rounded(key: str, value: Scalar | None) -> Scalar | None:
    if isinstance(value, str | None):
        return value
    return _sold_gib(value) if key.endswith("_bytes") else round(value)


def _sold_gib(size_bytes: float) -> float:
    """Round up to a multiple of an eighth of the power of two below: 23.5 GiB were sold as 24."""
    if size_bytes <= 0:
        return 0.0
    gib = size_bytes / (1 << 30)
    step = 2.0 ** (math.floor(math.log2(gib)) - 3)
    return math.ceil(gib / step) * step


def _string(value: Scalar | None) -> str | None:
    return None if value is None else str(value)
