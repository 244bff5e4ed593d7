"""The device beneath Keras: what is in force on it, and waiting until it has finished."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from jobs.errors import UnsupportedError
from jobs.spec import Backend, Cell, Scalar

if TYPE_CHECKING:
    import keras

PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-metal"),
    "torch": ("torch",),
    "jax": ("jax", "jaxlib"),
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")


def prepare(cell: Cell) -> None:
    """Put the cell's precision in force and keep the process to the device it was given.

    Raises UnsupportedError when another backend than the cell's is loaded.
    """
    import keras

    if keras.backend.backend() != cell.backend:
        raise UnsupportedError(
            f"this process runs Keras on {keras.backend.backend()}, the job asks for {cell.backend}"
        )
    keras.config.set_dtype_policy(cell.precision)
    # From Ampere on float32 is quietly TF32 in places; float32 has to mean float32.
    if cell.backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        if os.environ.get("FARM_DEVICE") == "cpu":
            tf.config.set_visible_devices([], "GPU")  # Metal heeds no environment variable
    elif cell.backend == "torch":
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        if threads := os.environ.get("OMP_NUM_THREADS"):
            torch.set_num_threads(int(threads))
    else:
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")


def jit_compile() -> bool:
    """Return whether Keras compiles the whole step: only JAX, which has no other way.

    The sources' TensorFlow did not, and a step that is compiled on one side only compares
    compilers, not hardware.
    """
    import keras

    return bool(keras.backend.backend() == "jax")


def synchronise(model: keras.Model) -> None:
    """Wait until the device has finished all work on the model's weights."""
    import keras

    name = keras.backend.backend()
    if name == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        elif torch.backends.mps.is_available():
            torch.mps.synchronize()
    elif name == "jax":
        import jax

        jax.block_until_ready([variable.value for variable in model.trainable_variables])
    else:
        # Reading one element of a weight waits for everything that was queued before it.
        keras.ops.convert_to_numpy(keras.ops.ravel(model.trainable_variables[-1])[0])


def environment(cell: Cell) -> dict[str, Scalar | None]:
    """Return what was in force: versions, threads, flags, and the devices the backend sees."""
    import keras

    backend = cell.backend
    seen: dict[str, Scalar | None] = {
        "python_version": platform.python_version(),
        "keras_version": keras.__version__,
        "numpy_version": metadata.version("numpy"),
        "backend": backend,
        "dtype_policy": keras.config.dtype_policy().name,
        "jit_compile": jit_compile(),
        "devices": ", ".join(_devices(backend)),
    }
    for package in PACKAGES[backend]:
        seen[f"{package.replace('-', '_')}_version"] = _version(package)
    for variable in THREAD_VARIABLES:
        seen[variable.lower()] = os.environ.get(variable)
    return seen


def is_device_memory_error(error: BaseException) -> bool:
    """Return whether the exception is a device's (or an allocator's) refusal of memory."""
    name = type(error).__name__
    return (
        name in {"ResourceExhaustedError", "OutOfMemoryError"}
        or "RESOURCE_EXHAUSTED" in str(error)
        or "out of memory" in str(error).lower()
    )


def _devices(backend: Backend) -> list[str]:
    if backend == "tensorflow":
        import tensorflow as tf

        found: list[Any] = tf.config.get_visible_devices()
        return [device.name.removeprefix("/physical_device:") for device in found]
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return ["mps"] if torch.backends.mps.is_available() else ["cpu"]
    import jax

    return [str(device) for device in jax.devices()]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
