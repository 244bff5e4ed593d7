"""The device beneath Keras: what is in force on it, and waiting until it has finished."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from jobs import precision
from jobs.errors import UnsupportedError
from jobs.spec import Backend, Cell, Scalar

if TYPE_CHECKING:
    import keras

_observed: dict[str, Scalar | None] = {}  # of this process's one network


def prepare(cell: Cell) -> None:
    """Put the cell's precision in force and keep the process to the device it was given.

    Raises UnsupportedError when another backend than the cell's is loaded, when it sees no GPU on
    a worker that measures one, or when the device lacks the precision.
    """
    import keras

    if cell.backend is None or keras.backend.backend() != cell.backend:
        raise UnsupportedError(
            f"this process runs Keras on {keras.backend.backend()}, the job asks for {cell.backend}"
        )
    if os.environ.get("FARM_DEVICE") == "gpu" and not _sees_gpu(cell.backend):
        raise UnsupportedError(
            f"{cell.backend} on this worker sees no GPU, and would have measured the CPU in its "
            f"name; install its GPU build there (docs/machines.md says which), or start the worker "
            f"with --device cpu"
        )
    if cell.backend == "tensorflow":
        import tensorflow as tf

        if os.environ.get("FARM_DEVICE") == "cpu":
            tf.config.set_visible_devices([], "GPU")  # Metal heeds no environment variable
    elif cell.backend == "torch":
        import torch

        if threads := os.environ.get("OMP_NUM_THREADS"):
            torch.set_num_threads(int(threads))
    precision.put_in_force(cell.precision or "float32", cell.backend)


def jits(cell: Cell) -> bool:
    """Return whether the whole step is compiled: as the cell says, else on JAX alone.

    The sources' TensorFlow did not compile it, and a step that is compiled on one side only
    compares compilers, not hardware. JAX without it computes one operation after the other.
    """
    return cell.backend == "jax" if cell.jit is None else cell.jit


def synchronise(model: keras.Model) -> None:
    """Wait until the device has finished all work on the model's weights."""
    wait_for([variable.value for variable in model.trainable_variables])


def wait_for(arrays: Any) -> None:
    """Wait until the device has computed these arrays, a list of them or one.

    PyTorch and TensorFlow compute on a CPU before they return, and on a GPU in the order in which
    they were asked; JAX does neither. It takes about a microsecond where there is nothing to wait
    for, or 12 for TensorFlow with a GPU (seen without work on a CPU): single steps are timed by it.
    """
    import keras

    name = keras.backend.backend()
    if name == "torch":
        synchronise_torch()
    elif name == "jax":
        import jax

        jax.block_until_ready(arrays)
    else:
        synchronise_tensorflow(arrays[-1] if isinstance(arrays, list) else arrays)


def synchronise_tensorflow(array: Any) -> None:
    """Wait until TensorFlow's GPU has computed the array."""
    import tensorflow as tf

    if not tf.config.get_visible_devices("GPU"):
        return
    if sys.platform == "darwin":  # whether Apple's plug-in heeds the other way is not known
        array[(0,) * len(array.shape)].numpy()  # what is read has been computed
    else:
        tf.test.experimental.sync_devices()


def synchronise_torch() -> None:
    """Wait until PyTorch's GPU has nothing left to do; its CPU never has."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def observe(model: keras.Model, **more: Scalar | None) -> None:
    """Note what is in force for the model, for `environment`, with whatever `more` is known.

    Raises UnsupportedError when the worker's device is a GPU and the weights lie elsewhere: then
    the backend has fallen back to the CPU without a word.
    """
    device = _device_of(model.trainable_variables[0])
    if os.environ.get("FARM_DEVICE") == "gpu" and "cpu" in device.lower():
        raise UnsupportedError(
            f"the weights lie on {device}, though this worker measures its GPU: the backend fell "
            f"back to the CPU, which would have been measured in the GPU's name; install a build "
            f"for this GPU there (docs/machines.md says which), or start the worker with "
            f"--device cpu"
        )
    _observed.update(variables_device=device, **more)
    if model.compiled:
        _observed["jit_compile"] = bool(model.jit_compile)
    # Under mixed_float16 Keras wraps it in one that scales the loss.
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if optimizer is not None:
        _observed.update(
            optimizer_class=type(optimizer).__name__,
            optimizer_legacy="legacy" in type(optimizer).__module__,
        )


def note(**what: Scalar | None) -> None:
    """Note something else about this process's one network, for `environment`."""
    _observed.update(what)


def environment(cell: Cell) -> dict[str, Scalar | None]:
    """Return what was in force: versions, precision, threads, flags, devices, the network's own."""
    from jobs import environment

    return environment.collect(cell, {"jit_compile": jits(cell), **_observed})


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


def _device_of(variable: Any) -> str:
    """Return the device that holds a Keras variable: GPU:0, cuda:0, mps:0, cpu, TFRT_CPU_0, …"""
    import keras

    value = variable.value
    if keras.backend.backend() == "jax":
        return ", ".join(sorted(str(device) for device in value.devices()))
    return str(value.device).rpartition("device:")[2]
