"""Environment: what was in force while a job was measured, asked from the libraries themselves."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from jobs import precision
from jobs.spec import Backend, Cell, Scalar

PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-metal"),
    "torch": ("torch",),
    "jax": ("jax", "jaxlib"),
    "sklearn": ("scikit-learn",),
}
# Flags and thread counts that the libraries read for themselves.
VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "PJRT_NPROC",
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "TF_ENABLE_ONEDNN_OPTS",
    "PYTORCH_ENABLE_MPS_FALLBACK",
)


def collect(cell: Cell, observed: dict[str, Scalar | None]) -> dict[str, Scalar | None]:
    """Return what is in force in this process: versions, precision, threads, flags, devices.

    `observed` is what `keras_device.observe` found out about the network; it is added.
    """
    import keras

    backend = cell.backend or keras.backend.backend()
    policy = keras.config.dtype_policy()
    return {
        **versions(backend),
        **_builds(backend),
        "backend": backend,
        "dtype_policy": policy.name,
        "compute_dtype": policy.compute_dtype,
        "tf32": precision.tf32_in_force(backend),
        "tf_data_autotune": False if backend == "tensorflow" else None,
        "data_pipeline": cell.data_pipeline,
        "devices": ", ".join(_devices(backend)),
        **_threads(backend),
        **{variable.lower(): os.environ.get(variable) for variable in VARIABLES},
        **observed,
    }


def versions(backend: Backend | None) -> dict[str, Scalar | None]:
    """Return the versions of Python and of every package that takes part."""
    keras = () if backend in ("sklearn", "ffmpeg", "createml") else ("keras",)
    packages = (*keras, "numpy", *PACKAGES.get(backend or "", ()))
    return {
        "python_version": platform.python_version(),
        **{f"{package.replace('-', '_')}_version": _version(package) for package in packages},
    }


def _threads(backend: Backend) -> dict[str, Scalar | None]:
    """Return the thread counts that the backend tells, None where it tells none."""
    intra: int | None
    inter: int | None
    if backend == "tensorflow":
        import tensorflow as tf

        # 0 means that TensorFlow goes by its variables, and without them by the CPUs it sees.
        intra = tf.config.threading.get_intra_op_parallelism_threads() or _number(
            "TF_NUM_INTRAOP_THREADS"
        )
        inter = tf.config.threading.get_inter_op_parallelism_threads() or _number(
            "TF_NUM_INTEROP_THREADS"
        )
    elif backend == "torch":
        import torch

        intra, inter = torch.get_num_threads(), torch.get_num_interop_threads()
    else:
        intra, inter = _number("PJRT_NPROC"), None  # XLA's one pool; JAX tells nothing itself
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count()
    return {"intra_threads": intra, "inter_threads": inter, "usable_cpus": usable}


def _builds(backend: Backend) -> dict[str, Scalar | None]:
    """Return the versions of CUDA and cuDNN that the backend was built for or has loaded."""
    cuda: Any = None
    cudnn: Any = None
    platform_version = None
    if backend == "tensorflow":
        import tensorflow as tf

        build = tf.sysconfig.get_build_info()
        cuda, cudnn = build.get("cuda_version"), build.get("cudnn_version")
    elif backend == "torch":
        import torch

        cuda, cudnn = torch.version.cuda, torch.backends.cudnn.version()
    else:
        import jax

        platform_version = str(jax.devices()[0].client.platform_version)
    return {
        "cuda_version": None if cuda is None else str(cuda),
        "cudnn_version": None if cudnn is None else str(cudnn),
        "platform_version": platform_version,
    }


def _devices(backend: Backend) -> list[str]:
    if backend == "tensorflow":
        import tensorflow as tf

        found: list[Any] = tf.config.get_visible_devices()
        return [device.name.removeprefix("/physical_device:") for device in found]
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        mps = torch.backends.mps.is_available() and os.environ.get("FARM_DEVICE") != "cpu"
        return ["mps"] if mps else ["cpu"]
    import jax

    return [str(device) for device in jax.devices()]


def _number(variable: str) -> int | None:
    said = os.environ.get(variable, "")
    return int(said) if said.isdigit() else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
