"""Condition: what is known of each thing that two measurements may have been made under.

One table, in the order of what could matter most. A key that is in none of these is never a
difference; `farm diff` shows it all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jobs.spec import Scalar

Conditions: TypeAlias = Mapping[str, Scalar | None]  # None, like a missing key, is not known
Device: TypeAlias = Literal["cpu", "gpu"]

ON_OFF: Mapping[bool, str] = {True: "on", False: "off"}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing that may differ, and what it takes to be a difference."""

    what: str  # in plain words; where several conditions share them, the first that differs tells
    keys: tuple[str, ...]  # where it is recorded; of several, the first that is known
    changes_work: bool = False  # what differs in it has not done the same work
    between: Device | None = None  # counts only where both measured such a device
    alike: tuple[str, ...] = ()  # counts only where these keys are known and equal
    version: bool = False  # a greater step in it could matter more than a smaller one
    unset: str | None = None  # what a key that is there and None means, where that is known
    said: Mapping[bool, str] = field(default_factory=lambda: ON_OFF)
    read: Callable[[str], str] | None = None  # what counts of a value; None is all of it
    derived: bool = False  # `comparability` has a rule of its own for it


def release(version: str) -> str:
    """Return a version without its build: ``2.13.0`` of ``2.13.0+cu126``."""
    return version.partition("+")[0].strip()


def series(version: str) -> str:
    """Return the first two numbers of a version: ``6.8`` of ``6.8.0-1019-gcp``."""
    found = re.match(r"\d+(\.\d+)?", version)
    return found[0] if found else version


def placement(device: str) -> str:
    """Return whether a backend's name of a device means the CPU: it has fallen back to it."""
    return "the CPU" if "cpu" in device.lower() else "the GPU"


def _version(package: str, *keys: str, between: Device | None = None) -> Condition:
    return Condition(
        what=f"{package} version", keys=keys, between=between, version=True, read=release
    )


def _on_gpus(what: str, *keys: str, version: bool = True) -> Condition:
    return Condition(
        what=what, keys=keys, between="gpu", alike=("gpu_api",), version=version, read=release
    )


WORK = (
    Condition(what="workload version", keys=("workload_version",), changes_work=True),
    Condition(what="protocol", keys=("protocol",), changes_work=True),
    Condition(what="mode", keys=("mode",), changes_work=True),
    Condition(what="batch size", keys=("batch_size",), changes_work=True),
    Condition(what="samples per epoch", keys=("samples_per_epoch",), changes_work=True),
    Condition(what="data", keys=("data",), changes_work=True),
    Condition(
        what="data",
        keys=("data_verified",),
        changes_work=True,
        said={True: "the published files", False: "other files"},
    ),
    Condition(what="weights", keys=("weights",), changes_work=True),
    Condition(what="precision", keys=("precision",), changes_work=True),
    Condition(what="precision", keys=("compute_dtype",), changes_work=True),
    Condition(what="precision", keys=("dtype_policy",), changes_work=True),
    Condition(what="TF32", keys=("tf32",), changes_work=True),
    Condition(
        what="NVIDIA_TF32_OVERRIDE",
        keys=("nvidia_tf32_override",),
        changes_work=True,
        between="gpu",
        unset="not set",
    ),
    Condition(
        what="ONEDNN_DEFAULT_FPMATH_MODE",  # makes bfloat16 of float32 where the CPU has it
        keys=("onednn_default_fpmath_mode",),
        changes_work=True,
        unset="not set",
    ),
    Condition(what="optimizer", keys=("optimizer",), changes_work=True),
    Condition(what="optimizer", keys=("optimizer_class",), changes_work=True),
    Condition(
        what="optimizer",
        keys=("optimizer_legacy",),
        changes_work=True,
        said={True: "the legacy class", False: "the current class"},
    ),
    Condition(what="data pipeline", keys=("data_pipeline",), changes_work=True),
    Condition(what="staged batches", keys=("staged_batches",), changes_work=True),
    Condition(what="epochs", keys=("epochs",), changes_work=True),
)

IN_FORCE = (
    Condition(what="backend", keys=("backend",)),
    Condition(what="jit compilation", keys=("jit_compile",)),
    Condition(what="initial weights", keys=("initial_weights",)),
    Condition(what="flash attention", keys=("flash_attention",)),
    Condition(what="encoder", keys=("encoder",)),
    Condition(what="TF_ENABLE_ONEDNN_OPTS", keys=("tf_enable_onednn_opts",), unset="not set"),
    Condition(
        what="PYTORCH_ENABLE_MPS_FALLBACK", keys=("pytorch_enable_mps_fallback",), unset="not set"
    ),
    Condition(what="XLA_FLAGS", keys=("xla_flags",), unset="not set"),
    Condition(what="TF_XLA_FLAGS", keys=("tf_xla_flags",), unset="not set"),
    Condition(
        what="device of the variables", keys=("variables_device",), between="gpu", read=placement
    ),
    Condition(what="MIG", keys=("mig",), between="gpu"),
    Condition(what="Rosetta translation", keys=("rosetta",)),
    Condition(what="power mode", keys=("power_mode",)),
    Condition(what="power source", keys=("on_mains",), said={True: "mains", False: "battery"}),
    Condition(
        what="power limit below its default",
        keys=("power_limit_watts", "power_limit_default_watts"),
        derived=True,
    ),
    Condition(what="power limit above its default", keys=(), derived=True),
    Condition(what="power limit", keys=(), derived=True),
    Condition(
        what="thread count",
        keys=(
            *("intra_threads", "omp_num_threads", "tf_num_intraop_threads"),
            *("tf_num_interop_threads", "pjrt_nproc", "cpus_in_use"),
        ),
        derived=True,
    ),
    Condition(
        what="encoder's threads",
        keys=("encoder_threads",),
        alike=("cpu_name", "vcpus", "intra_threads"),
    ),
    Condition(what="usable CPUs", keys=("usable_cpus",), derived=True),
    Condition(what="threads per usable core", keys=(), derived=True),
    Condition(what="CPUs in use", keys=(), derived=True),
    Condition(what="host CPU count", keys=(), derived=True),
    Condition(
        what="inter-op thread count",
        keys=("inter_threads",),
        between="cpu",
        alike=("cpu_name", "vcpus", "intra_threads"),
    ),
    Condition(what="CPU quota in cores", keys=("cpu_quota_cores",), alike=("cpu_name", "vcpus")),
    Condition(what="CPU governor", keys=("cpu_governor",)),
    Condition(what="ECC", keys=("ecc",), between="gpu"),
    Condition(what="tf.data autotuning", keys=("tf_data_autotune",)),
)

SOFTWARE = (
    _version("TensorFlow", "tensorflow_version", "tensorflow_cpu_version"),
    _version("PyTorch", "torch_version"),
    _version("JAX", "jax_version"),
    _version("jaxlib", "jaxlib_version"),
    _version("tensorflow-metal", "tensorflow_metal_version", between="gpu"),
    _version("Keras", "keras_version"),
    _version("scikit-learn", "scikit_learn_version"),
    _version("ffmpeg", "ffmpeg_version"),
    Condition(what="ffmpeg's origin", keys=("ffmpeg_origin",)),
    _on_gpus("cuDNN version", "cudnn_version"),
    _on_gpus("CUDA version", "cuda_version"),
    _on_gpus("XLA platform version", "platform_version", version=False),
    _on_gpus("GPU driver version", "driver_version", "driver"),
    _version("NumPy", "numpy_version"),
    _version("Python", "python_version", "python"),
)

SYSTEM = (
    Condition(what="operating system", keys=("os",)),
    Condition(what="operating system version", keys=("os_version",), alike=("os",)),
    Condition(what="kernel", keys=("kernel",), alike=("os",), read=series),
    Condition(what="process isolation", keys=("isolation",), alike=("os",)),
)

CONDITIONS = (*WORK, *IN_FORCE, *SOFTWARE, *SYSTEM)

# What is compared, so it is no difference; in the order in which people read it.
HARDWARE = (
    *("device", "device_name", "vendor", "memory_bytes", "gpu_cores", "gpu_api", "device_count"),
    *("compute_capability", "max_clock_mhz", "max_memory_clock_mhz", "memory_bus_bits"),
    *("pcie_generation", "pcie_width", "cpu_name", "cpu_vendor", "physical_cores", "vcpus"),
    *("performance_cores", "efficiency_cores", "cpu_cache_bytes", "vector_extensions"),
    *("ram_bytes", "ram_limit_bytes", "architecture", "machine_model", "virtual_machine"),
    *("devices", "cuda_driver"),
)

# Of one moment: it says how quiet the machine was, nothing of what the work was done with.
MOMENTARY = (
    *("load_average_1min", "foreign_gpu_processes", "batch_limited_by", "batch_limit_error"),
    "attempts",  # of whose processes only the last one's measurement counts
)

# What a machine is called.
NAMES = ("hostname", "fingerprint", "declared", "device_uuid", "pci_bus_id")
