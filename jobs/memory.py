"""Memory that is gone: how libraries, allocators and the system tell of it, and how much it was."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from jobs.spec import Backend

Place: TypeAlias = Literal["host", "device"]

SAID_CHARACTERS = 300
LAST_LINES = 40  # of a process's stderr: what it said before is not why it ended

# Each was seen: those of the host with TensorFlow 2.21, PyTorch 2.13, JAX 0.10 and NumPy 2.4 under
# `ulimit`, those of GPUs in their libraries' issues (tests/unit/test_memory.py names each).
_OF_THE_HOST = re.compile(
    r"""
      OOM\ when\ allocating\ tensor.*(device:CPU|allocator\ (mkl)?cpu)  # TensorFlow
    | DefaultCPUAllocator:\ (can't\ allocate|not\ enough)\ memory       # PyTorch
    | Unable\ to\ allocate\ [\d.]+\ [KMGTPE]?i?B\ for\ an\ array        # NumPy, by others
    | std::bad_alloc
    | \bCannot\ allocate\ memory
    """,
    re.VERBOSE,
)
_OF_THE_DEVICE = re.compile(
    r"""
      OOM\ when\ allocating\ tensor                                     # TensorFlow
    | Dst\ tensor\ is\ not\ initialized                                 # its copy to a full GPU
    | \bfailed\ to\ allocate\ memory
    | \bout\ of\ memory\ (while\ trying\ to\ allocate|allocating)       # XLA
    | \bfailed\ to\ allocate\ (request\ for\ )?[\d.]+\ ?([KMGT]i?B|bytes)
    | RESOURCE_EXHAUSTED:\ (OOM|out\ of\ memory)
    | \b(CUDA|HIP|XPU|MPS\ backend|CUDA\ error:|HIP\ error:)\ out\ of\ memory  # PyTorch
    | \bInvalid\ buffer\ size:\ [\d.]+\ ?([KMGT]i?B|bytes)\b            # its MPS backend
    | (CUDA|HIP)_ERROR_OUT_OF_MEMORY | cudaErrorMemoryAllocation | hipErrorOutOfMemory
    | (CU|HIP|ROC)(BLAS|DNN|FFT|SOLVER|SPARSE)_(STATUS_)?ALLOC_FAILED
    | kIOGPUCommandBufferCallbackErrorOutOfMemory                       # Metal
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LAST_WORDS = re.compile(
    r"""
      ^terminate\ called\ after\ throwing\ an\ instance\ of\ '(St9|std::)bad_alloc'  # libstdc++
    | ^libc\+\+abi:\ .*std::bad_alloc
    | ^LLVM\ ERROR:\ out\ of\ memory
    | ^((numpy\.[\w.]*)?\w*\.)?_?(Array)?MemoryError\b                  # Python's last
    | ^allocate\ of\ <\d+>\ failed                                       # XLA's YNNPACK
    | ^OpenBLAS.*Memory\ allocation\ still\ failed
    | :\ Cannot\ allocate\ memory$
    """,
    re.VERBOSE | re.MULTILINE,
)
# What has another cause where nothing limits memory: no room for a thread's stack, or too many
# threads; oneDNN's refusal to make a kernel, whose code and scratch memory it asks for then.
_UNDER_A_LIMIT = re.compile(
    r"creation via pthread_create\(\) failed|pthread_create.*Resource temporarily unavailable"
    r"|can't start new thread|what\(\):\s+could not create a primitive"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Refusal(NamedTuple):
    """Whose memory did not suffice, and the words it was refused with."""

    place: Place
    said: str  # one line


def refusal(error: BaseException) -> Refusal | None:
    """Return what an exception tells of missing memory, if that is what it tells of; or None.

    Classes that mean it are believed. Words are believed only from where the libraries put them:
    a RuntimeError, or an error of TensorFlow's or JAX's; they have such errors for full disks and
    other limits too. What the exception was raised from counts as well.
    """
    for each in _chain(error):
        if (found := _refusal(each)) is not None:
            return found
    return None


def last_words(stderr: str, *, under_limit: bool = False) -> str | None:
    """Return the line by which a process that has died told that its memory was gone, or None.

    Warnings do not count: TensorFlow's allocators say 'ran out of memory' of what they can do
    without. `under_limit` (see there): then a thread or kernel that could not be made counts.
    """
    for line in reversed(stderr.splitlines()[-LAST_LINES:]):
        if _LAST_WORDS.search(line) or (under_limit and _UNDER_A_LIMIT.search(line)):
            return _plain(line)
    return None


def under_limit(pid: int = 0) -> bool:
    """Return whether the memory of a process, by default this one, is limited (`ulimit -v`, -d)."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    try:
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            limits = resource.prlimit if sys.platform == "linux" else None
            soft, _ = limits(pid, kind) if limits else resource.getrlimit(kind)
            if soft != resource.RLIM_INFINITY:
                return True
    except OSError:  # it is gone, or somebody else's
        return False
    return False


def be_killed_first() -> None:
    """Have the kernel take this process, and what it starts, when memory is gone; Linux only.

    Otherwise it takes the largest, which can be the template, the worker, or somebody else's.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            # The most there is; raising it takes no privilege.
            Path("/proc/self/oom_score_adj").write_text("1000")


def device_peak_bytes(backend: Backend | None) -> int | None:
    """Return the most GPU memory this process has had in use, by its backend; None: not told.

    It is what arrays took, not what the backend had reserved.
    """
    if os.environ.get("FARM_DEVICE") != "gpu":
        return None
    try:
        if backend == "tensorflow":
            import tensorflow as tf

            return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        if backend == "torch":
            import torch

            return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
        if backend == "jax":
            import jax

            return int(jax.local_devices()[0].memory_stats()["peak_bytes_in_use"])
    except Exception:  # noqa: BLE001 - a device that has just failed tells, or does not
        return None
    return None


def _refusal(error: BaseException) -> Refusal | None:
    text = _COLOURS.sub("", str(error))
    root = type(error).__module__.partition(".")[0]
    if isinstance(error, MemoryError):
        return Refusal("host", _plain(text) or type(error).__name__)
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return Refusal("host", _plain(text))
    if root == "torch" and type(error).__name__ == "OutOfMemoryError":
        return Refusal("device", _plain(text))
    if not isinstance(error, RuntimeError) and root not in {"tensorflow", "jax", "jaxlib"}:
        return None
    for line in text.splitlines():
        if _OF_THE_HOST.search(line) or (_UNDER_A_LIMIT.search(line) and under_limit()):
            return Refusal("host", _plain(line))
        if _OF_THE_DEVICE.search(line):
            on_cpu = os.environ.get("FARM_DEVICE") == "cpu"  # whose memory is the host's
            return Refusal("host" if on_cpu else "device", _plain(line))
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give the exception and those before it, as a traceback shows them."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _plain(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].strip()[:SAID_CHARACTERS] if lines else ""
