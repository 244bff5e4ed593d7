"""Confining a child process to one device, whatever backend it runs."""

from __future__ import annotations

from workers.hardware import Hardware

HIDDEN = "-1"  # no GPU has this number


def device_environment(hardware: Hardware) -> dict[str, str]:
    """Return the variables that let TensorFlow, PyTorch and JAX see this device and no other GPU.

    It has to be there before the backend is imported. JAX_PLATFORMS and KERAS_TORCH_DEVICE name one
    kind of device, so that a backend which cannot use it fails instead of computing on the CPU.

    No variable hides a Mac's GPU from TensorFlow, nor picks one of several there: its process calls
    `tf.config.set_visible_devices` as well.
    """
    if hardware.device == "cpu":
        return {
            "CUDA_VISIBLE_DEVICES": HIDDEN,
            "HIP_VISIBLE_DEVICES": HIDDEN,
            "JAX_PLATFORMS": "cpu",
            "KERAS_TORCH_DEVICE": "cpu",
        }
    api = hardware.facts.get("gpu_api")
    if api == "metal":
        return {"JAX_PLATFORMS": "METAL", "KERAS_TORCH_DEVICE": "mps"}
    if api == "rocm":
        # ROCm's runtime chooses the GPU and HIP numbers what is left; HIP heeds CUDA's variable
        # too, and PyTorch calls HIP's devices cuda.
        return {
            "ROCR_VISIBLE_DEVICES": _rocm_device(hardware),
            "HIP_VISIBLE_DEVICES": "0",
            "CUDA_VISIBLE_DEVICES": "0",
            "JAX_PLATFORMS": "rocm",
            "KERAS_TORCH_DEVICE": "cuda",
        }
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # number GPUs as NVML does, not by their speed
        "CUDA_VISIBLE_DEVICES": str(hardware.device_index),
        "JAX_PLATFORMS": "cuda",
        "KERAS_TORCH_DEVICE": "cuda",
    }


def _rocm_device(hardware: Hardware) -> str:
    # With several GPUs amd-smi's numbers need not be the runtime's; the UUID is the same in both.
    several = hardware.facts.get("device_count") != 1
    uuid = hardware.facts.get("device_uuid")
    return str(uuid) if several and uuid else str(hardware.device_index)
