"""Arrays on the device: random ones put there, waited for, looked at, read back."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.errors import UnsupportedError
from jobs.spec import Backend

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1 << 24  # elements that are drawn at once
LEVELS = 1 << 23  # of a float32's significand


def random_array(random: np.random.RandomState, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return multiples of 2⁻²³ drawn evenly from [-1, 1), each exact in float32.

    Every bit of the significand is random, as in real data: GPUs draw less power, and so run
    faster, on numbers with few set bits. numpy's legacy generator, whose stream is frozen.
    """
    made = np.empty(shape, np.float32)
    flat = made.reshape(-1)
    for start in range(0, flat.size, CHUNK):
        part = flat[start : start + CHUNK]
        part[:] = random.randint(-LEVELS, LEVELS, size=part.size, dtype=np.int32)
        part /= LEVELS
    return made


def put(array: NDArray[np.float32], dtype: str) -> Any:
    """Return the array on the device that Keras computes on, in the given type.

    Raises UnsupportedError when the worker's device is a GPU and the array lies elsewhere.
    """
    import keras

    lying = keras.ops.convert_to_tensor(array, dtype=dtype)
    device = device_of(lying)
    if os.environ.get("FARM_DEVICE") == "gpu" and "cpu" in device.lower():
        raise UnsupportedError(
            f"the arrays lie on {device}, though this worker measures its GPU: the backend fell "
            f"back to the CPU; install a build for this GPU there (docs/machines.md says which), "
            f"or start the worker with --device cpu"
        )
    return lying


def device_of(array: Any) -> str:
    """Return the device that holds an array: GPU:0, cuda:0, mps:0, cpu, TFRT_CPU_0, …"""
    if hasattr(array, "devices"):  # JAX's
        return ", ".join(sorted(map(str, array.devices())))
    return str(array.device).rpartition("device:")[2]


def read(array: Any, rows: Sequence[int] | NDArray[np.integer], axis: int = 0) -> NDArray[Any]:
    """Return the chosen rows (along `axis`) of an array on the device as float64 on the host."""
    import keras

    indices = np.asarray(rows, np.int32)
    taken = keras.ops.take(array, keras.ops.convert_to_tensor(indices), axis=axis)
    host = keras.ops.convert_to_numpy(keras.ops.cast(taken, "float32"))
    return np.asarray(host, np.float64)


def has_xla(backend: Backend) -> bool:
    """Return whether the backend can compile for this device by XLA; Apple's plug-in cannot."""
    if backend == "tensorflow":
        import tensorflow as tf

        return not (sys.platform == "darwin" and tf.config.get_visible_devices("GPU"))
    return backend == "jax"
