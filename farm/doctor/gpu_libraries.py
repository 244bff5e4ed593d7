"""GPU libraries: which versions of CUDA, cuDNN and plugins do not go together. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Facts: TypeAlias = Mapping[str, Any]  # what `backend_probe` found out

LAST_WORDS = 300  # characters of what a library says
# cuDNN 9.11 has no kernels for what came before Turing.
TURING, CUDNN_AFTER_VOLTA = (7, 5), 91100


def mismatch(facts: Facts, capability: str) -> tuple[str, str] | None:
    """Return which two parts do not go together, and what to do; None where all do.

    `capability` is the GPU's compute capability, such as "6.0"; empty where it has none.
    """
    loaded = facts.get("cudnn_loaded")
    if error := facts.get("cudnn_error"):
        return " ".join(str(error).split())[:LAST_WORDS], (
            "unset LD_LIBRARY_PATH, which names another cuDNN, or install the backend anew"
        )
    built = _numbers(str(facts.get("cudnn_built") or ""))
    if loaded and built and cudnn_numbers(loaded)[: len(built[:2])] < built[:2]:
        return (
            f"it was built for cuDNN {facts['cudnn_built']}, and {cudnn_text(loaded)} is loaded",
            'pip install --upgrade nvidia-cudnn-cu12, or pip install "benchfarm[cuda]"',
        )
    if loaded and built and cudnn_numbers(loaded)[0] != built[0]:
        return (
            f"it was built for cuDNN {facts['cudnn_built']}, and {cudnn_text(loaded)} is loaded",
            f"pip install 'nvidia-cudnn-cu12=={built[0]}.*'; unset LD_LIBRARY_PATH",
        )
    if loaded and capability and loaded >= CUDNN_AFTER_VOLTA and _numbers(capability) < TURING:
        return (
            f"cuDNN {cudnn_text(loaded)} has no kernels for this GPU of compute capability "
            f"{capability}",
            'pip install "benchfarm[cuda-pascal]", which takes cuDNN before 9.11',
        )
    if architecture_missing(facts.get("architectures", []), capability):
        return (
            f"this build has no code for compute capability {capability}, only for "
            f"{', '.join(facts['architectures'])}",
            "install a build of PyTorch for an older CUDA, which still has it (cu126 or before)",
        )
    jaxlib = str(facts.get("jaxlib") or "")
    for name, version in dict(facts.get("plugins", {})).items():
        if "cuda" in name.lower() and _numbers(str(version)) != _numbers(jaxlib):
            return (
                f"{name} {version} is not used, since jaxlib is {jaxlib}",
                f'pip install --upgrade "jax[{_cuda_of(name)}]"',
            )
    return None


def architecture_missing(architectures: Sequence[str], capability: str) -> bool:
    """Return whether a build has no code for a GPU of that compute capability ("6.0").

    Code of a GPU runs on later ones of the same generation (sm_80 on 8.6), and what is compiled
    when it is loaded on all later ones (compute_80).
    """
    own = _numbers(capability)
    if not architectures or len(own) != 2:
        return False
    for each in architectures:
        kind, _, digits = each.partition("_")
        digits = re.sub(r"\D.*", "", digits)
        if len(digits) < 2:
            continue
        has = (int(digits[:-1]), int(digits[-1]))
        if (kind == "compute" and has <= own) or (has[0] == own[0] and has <= own):
            return False
    return True


def named(facts: Facts) -> str:
    """Return the libraries in brackets, as far as they are known."""
    cuda, loaded = facts.get("cuda"), facts.get("cudnn_loaded")
    parts = [f"CUDA {cuda}"] if cuda else []
    parts += [f"cuDNN {cudnn_text(loaded)}"] if loaded else []
    return f" ({', '.join(parts)})" if parts else ""


def cudnn_numbers(loaded: int) -> tuple[int, int, int]:
    """Return cuDNN's version as numbers: 91002 is 9.10.2, and 8907, of before 9, is 8.9.7."""
    scale = 10_000 if loaded >= 90_000 else 1_000
    return loaded // scale, loaded % scale // 100, loaded % 100


def cudnn_text(loaded: int) -> str:
    """Return cuDNN's version as people write it."""
    return ".".join(map(str, cudnn_numbers(loaded)))


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _cuda_of(plugin: str) -> str:
    found = re.search(r"cuda\d+", plugin)
    return found[0] if found else "cuda12"
