"""Precision: what a float32 product is computed in, put in force and asked back."""

from __future__ import annotations

import os

from jobs.errors import UnsupportedError
from jobs.spec import Backend, Precision

FIRST_WITH_TF32 = (8, 0)  # compute capability of NVIDIA's Ampere
_JAX = {False: "highest", True: "tensorfloat32"}  # jax_default_matmul_precision


def put_in_force(precision: Precision, backend: Backend) -> None:
    """Make products what the cell says, float32, TF32 or those of halves; variables are float32.

    The mixed precisions are Keras's policies: each layer computes in halves, and `compile` scales
    the loss for float16. `float16` and `bfloat16` are bare arithmetic's: no network heeds them, and
    the policy stays float32. Products of float32 that are left are float32 in any case but TF32.

    From Ampere on, float32 is quietly TF32 in places, where the factors keep 10 bits of their 23;
    earlier GPUs and CPUs run the true thing, so `float32` has to mean float32.

    Raises UnsupportedError when the device has no TF32, or the backend says the switch had no
    effect.
    """
    import keras

    wanted = precision == "tf32"
    mixed = precision if precision.startswith("mixed_") else "float32"
    keras.config.set_dtype_policy(mixed)
    if wanted and not has_tf32(backend):
        raise UnsupportedError(
            "this device has no TF32: it takes an NVIDIA GPU of compute capability 8.0 (Ampere) or "
            "later, without NVIDIA_TF32_OVERRIDE=0; take precision: float32"
        )
    _switch(backend, wanted)
    found = tf32_in_force(backend)
    if found is not wanted:
        state = "on" if found else "off"
        raise UnsupportedError(f"{backend} leaves TF32 {state} though precision is {precision}")


def has_tf32(backend: Backend) -> bool:
    """Return whether the device that this process computes on can multiply in TF32."""
    if os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":  # the libraries heed it before any program
        return False
    if backend == "tensorflow":
        import tensorflow as tf

        details = map(tf.config.experimental.get_device_details, tf.config.get_visible_devices())
        return any(each.get("compute_capability", (0, 0)) >= FIRST_WITH_TF32 for each in details)
    if backend == "torch":
        import torch

        if torch.version.cuda is None or not torch.cuda.is_available():
            return False
        return bool(torch.cuda.get_device_capability() >= FIRST_WITH_TF32)
    import jax

    said = str(getattr(jax.devices()[0], "compute_capability", ""))
    major, _, minor = said.partition(".")
    return major.isdigit() and (int(major), int(minor or 0)) >= FIRST_WITH_TF32


def tf32_in_force(backend: Backend) -> bool | None:
    """Return whether the backend may compute in TF32, as it says itself; None when it is unclear.

    The backends' switches say so on a CPU too, which has no TF32 and computes in float32.
    """
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.experimental.tensor_float_32_execution_enabled())
    if backend == "torch":
        import torch

        flags = {torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32}
        return bool(flags.pop()) if len(flags) == 1 else None
    import jax

    said = jax.config.jax_default_matmul_precision
    return next((flag for flag, name in _JAX.items() if name == said), None)


def _switch(backend: Backend, wanted: bool) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(wanted)
    elif backend == "torch":
        import torch

        torch.backends.cuda.matmul.allow_tf32 = wanted
        torch.backends.cudnn.allow_tf32 = wanted
    else:
        import jax

        jax.config.update("jax_default_matmul_precision", _JAX[wanted])
