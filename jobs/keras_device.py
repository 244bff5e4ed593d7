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
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "PJRT_NPROC",
)


def prepare(cell: Cell) -> None:
    """Put the cell's precision in force and keep the process to the device it was given.

    Raises UnsupportedError when another backend than the cell's is loaded.
    """
    import keras

    if keras.backend.backend() != cell.backend:
        raise UnsupportedError(
            f"this process runs Keras on {keras.backend.backend()}, the job asks for {cell.backend}"
        )
    if os.environ.get("FARM_DEVICE") == "gpu" and not _sees_gpu(cell.backend):
        raise UnsupportedError(
            f"{cell.backend} on this worker sees no GPU, and would have measured the CPU in its "
            f"name; install its GPU build there (docs/machines.md says which), or start the worker "
            f"with --device cpu"
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

    return {
        **versions(cell.backend),
        "backend": cell.backend,
        "dtype_policy": keras.config.dtype_policy().name,
        "jit_compile": jit_compile(),
        "tf_data_autotune": False if cell.backend == "tensorflow" else None,
        "devices": ", ".join(_devices(cell.backend)),
        **{variable.lower(): os.environ.get(variable) for variable in THREAD_VARIABLES},
    }


def versions(backend: Backend) -> dict[str, Scalar | None]:
    """Return the versions of Python and of every package that takes part."""
    packages = ("keras", "numpy", *PACKAGES[backend])
    return {
        "python_version": platform.python_version(),
        **{f"{package.replace('-', '_')}_version": _version(package) for package in packages},
    }


def is_device_memory_error(error: BaseException) -> bool:
    """Return whether the exception is a device's (or an allocator's) refusal of memory."""
    name = type(error).__name__
    return (
        name in {"ResourceExhaustedError", "OutOfMemoryError"}
        or "RESOURCE_EXHAUSTED" in str(error)
        or "out of memory" in str(error).lower()
    )


def _sees_gpu(backend: Backend) -> bool:
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if backend == "torch":
        import torch

        return bool(torch.cuda.is_available() or torch.backends.mps.is_available())
    import jax

    try:
        return any(device.platform != "cpu" for device in jax.devices())
    except (
        AssertionError,
        RuntimeError,
    ):  # JAX_PLATFORMS asks for a GPU that it has no plug-in for
        return False


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


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
