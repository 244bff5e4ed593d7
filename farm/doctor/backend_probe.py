"""Backend probe: a process that imports one backend, and tells what it sees of the GPU.

`python -m farm.doctor.backend_probe BACKEND` writes one JSON object to its standard output. A
backend that crashes, or never comes back, takes nobody with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, TypeAlias

from workers.template import die_with_parent

Facts: TypeAlias = dict[str, Any]

MAPS = Path("/proc/self/maps")
CUDNN = re.compile(r"/\S*/libcudnn\.so[.\d]*")
JAX_PLUGIN = re.compile(r"jax[-_](cuda\d+|rocm\d+)[-_]plugin", re.IGNORECASE)


def main(argv: list[str]) -> int:
    """Import the backend, and write what it says."""
    die_with_parent()
    backend = argv[0]
    answer = os.dup(1)
    os.dup2(2, 1)  # what the libraries print must not stand in the answer
    facts = {"tensorflow": tensorflow, "torch": torch, "jax": jax, "sklearn": sklearn}[backend]()
    if backend != "sklearn":
        keras = import_module("keras")
        facts["keras"] = str(keras.__version__)
    with os.fdopen(answer, "w") as file:
        file.write(json.dumps(facts))
    sys.stderr.flush()
    os._exit(0)  # threads of a driver may keep a process from ending


def tensorflow() -> Facts:
    """Ask TensorFlow; its build says which CUDA and cuDNN it was made for."""
    tf: Any = import_module("tensorflow")
    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return {
        "gpus": [str(name or gpu.name) for name, gpu in zip(names, gpus, strict=True)],
        "built_for_gpu": bool(build.get("is_cuda_build") or build.get("is_rocm_build")),
        "cuda": _text(build.get("cuda_version")),
        "cudnn_built": _text(build.get("cudnn_version")),
        "cudnn_loaded": cudnn_loaded(),
    }


def torch() -> Facts:
    """Ask PyTorch; it compares its cuDNN with the one that it finds by itself."""
    library: Any = import_module("torch")
    cuda = library.version.cuda or getattr(library.version, "hip", None)
    facts: Facts = {
        "gpus": [],
        "built_for_gpu": bool(cuda) or library.backends.mps.is_built(),
        "cuda": _text(cuda),
        "architectures": [],
    }
    if library.cuda.is_available():
        count = library.cuda.device_count()
        facts["gpus"] = [library.cuda.get_device_name(index) for index in range(count)]
        facts["architectures"] = list(library.cuda.get_arch_list())
        try:
            facts["cudnn_loaded"] = library.backends.cudnn.version()
        except RuntimeError as error:
            facts["cudnn_error"] = str(error)
    elif library.backends.mps.is_available():
        facts["gpus"] = ["mps"]
    return facts


def jax() -> Facts:
    """Ask JAX; it takes a plugin for the GPU only in the version of its own jaxlib."""
    library: Any = import_module("jax")
    plugins = {
        found: each.version
        for each in metadata.distributions()
        if (found := str(each.metadata["Name"] or "")) and JAX_PLUGIN.fullmatch(found)
    }
    facts: Facts = {
        "gpus": [],
        "built_for_gpu": bool(plugins),
        "jaxlib": metadata.version("jaxlib"),
        "plugins": plugins,
    }
    try:
        facts["gpus"] = [str(each.device_kind) for each in library.devices() if _is_gpu(each)]
    except RuntimeError as error:
        facts["gpu_error"] = str(error)
    facts["cudnn_loaded"] = cudnn_loaded()
    return facts


def sklearn() -> Facts:
    """Import scikit-learn, which computes on the CPU."""
    import_module("sklearn.ensemble")
    return {}


def cudnn_loaded() -> int | None:
    """Return the number by which the cuDNN in this process calls itself, 91002 for 9.10.2."""
    with contextlib.suppress(OSError, AttributeError):
        if found := CUDNN.search(MAPS.read_text()):
            return int(ctypes.CDLL(found[0]).cudnnGetVersion())
    return None


def _is_gpu(device: Any) -> bool:
    return device.platform in ("gpu", "cuda", "rocm", "METAL", "metal")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
