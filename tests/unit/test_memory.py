"""How missing memory is told: what the libraries really say, and what only sounds like it."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jobs import memory


class ResourceExhaustedError(Exception):
    """TensorFlow's, as far as it matters here."""

    __module__ = "tensorflow.python.framework.errors_impl"


class InternalError(Exception):
    """TensorFlow's."""

    __module__ = "tensorflow.python.framework.errors_impl"


class OutOfMemoryError(RuntimeError):
    """PyTorch's."""

    __module__ = "torch"


class JaxRuntimeError(RuntimeError):
    """JAX's."""

    __module__ = "jax.errors"


# Seen on a CPU under `ulimit -v` and `ulimit -d`: TensorFlow 2.21, PyTorch 2.13, NumPy 2.4.
ON_THE_HOST = [
    ResourceExhaustedError(
        "{{function_node __wrapped__Fill_device_/job:localhost/replica:0/task:0/device:CPU:0}} OOM "
        "when allocating tensor with shape[65536,65536] and type float on /job:localhost/replica:0"
        "/task:0/device:CPU:0 by allocator mklcpu [Op:Fill] name: "
    ),
    ResourceExhaustedError(
        "Graph execution error:\n\nDetected at node gradient_tape/sequential_1/dense_1/MatMul "
        'defined at (most recent call last):\n  File "job.py", line 45, in <module>\n\nOOM when '
        "allocating tensor with shape[1024,36864] and type float on /job:localhost/replica:0/task:0"
        "/device:CPU:0 by allocator mklcpu\n\t [[{{node gradient_tape}}]]"
    ),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 17179869184 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError(
        "Exception encountered when calling Conv2D.call().\n\n\x1b[1m[enforce fail at "
        "alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 150994944 bytes. Error code 12 (Cannot allocate memory)\x1b[0m\n\nArguments"
    ),
    MemoryError(),
    MemoryError("std::bad_alloc"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    # Of the libraries' issues: PyTorch on Windows, TensorFlow about NumPy (tensorflow #45238).
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes."),
    ResourceExhaustedError(
        "MemoryError: Unable to allocate 184. MiB for an array with shape (64, 26) and data type f4"
    ),
]

ON_A_DEVICE = [
    # TensorFlow: tensorflow #136, #7025, #30912; compiled by XLA as seen on a CPU, 2.21.
    ResourceExhaustedError(
        "OOM when allocating tensor with shape[128,3,8,128,8,128] and type float on /job:localhost"
        "/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc"
    ),
    ResourceExhaustedError("{{function_node __wrapped__Mul}} failed to allocate memory [Op:Mul]"),
    InternalError("Dst tensor is not initialized."),
    InternalError("failed to allocate 32.00M: CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
    ResourceExhaustedError("Out of memory while trying to allocate 136.21MiB. [Op:__inference_1]"),
    # PyTorch: AODA #9, pytorch #105839, thunder #1296.
    OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    OutOfMemoryError("HIP out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 9.57 GiB, other allocations: 17.35 GiB, max "
        "allowed: 27.20 GiB). Tried to allocate 292.50 MiB on private pool."
    ),
    # A tensor above what Metal gives in one piece: pytorch #78042 and #141909, ComfyUI-SUPIR #151.
    RuntimeError("Invalid buffer size: 9.75 GB"),
    RuntimeError("Invalid buffer size: 24.00 GiB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    # JAX: AFProfile #8, ai-models-graphcast #18.
    JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4770354232 bytes."),
    JaxRuntimeError(
        "RESOURCE_EXHAUSTED: Failed to allocate request for 2.99GiB (3206250496B) on device "
        "ordinal 0"
    ),
    JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 17179869184 bytes."),
]

NOT_MEMORY = [
    ValueError("the workload `out of memory` takes no batch of 3"),
    KeyError("CUDA out of memory"),
    RuntimeError("Invalid buffer size: expected a multiple of 4"),
    RuntimeError(
        "Output size of the matrix multiplication is larger than currently supported by the MPS "
        "backend: 72250,72250, needs to be less than 2**32 elements"  # pytorch #141909
    ),
    RuntimeError("the shared memory of the two modules has run out of memory slots"),
    ResourceExhaustedError("/tmp/checkpoint; No space left on device"),
    ResourceExhaustedError("/data/train.record; Too many open files"),
    JaxRuntimeError(
        "RESOURCE_EXHAUSTED: Shared memory size limit exceeded: requested 110592, available 101376"
    ),
    ImportError("libgomp.so.1: cannot allocate memory in static TLS block"),
    OSError(errno.ENOSPC, "No space left on device"),
    RuntimeError("can't start new thread"),  # nothing limits this process's memory
]


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_DEVICE", "gpu")


@pytest.mark.parametrize("error", ON_THE_HOST, ids=lambda error: str(error)[:40])
def test_what_is_said_when_host_memory_is_gone(error: Exception) -> None:
    refused = memory.refusal(error)
    assert refused is not None
    assert refused.place == "host"
    assert "\n" not in refused.said
    assert "\x1b" not in refused.said
    assert not refused.said.startswith(("Graph", "Exception"))


@pytest.mark.parametrize("error", ON_A_DEVICE, ids=lambda error: str(error)[:40])
def test_what_is_said_when_a_devices_memory_is_gone(error: Exception) -> None:
    assert (memory.refusal(error) or ("", ""))[0] == "device"


def test_on_a_worker_that_measures_its_cpu_all_memory_is_the_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FARM_DEVICE", "cpu")
    error = ResourceExhaustedError("Out of memory while trying to allocate 136.21MiB. [Op:__inf]")
    assert (memory.refusal(error) or ("", ""))[0] == "host"


@pytest.mark.parametrize("error", NOT_MEMORY, ids=lambda error: str(error)[:40])
def test_what_only_sounds_like_it(error: Exception) -> None:
    assert memory.refusal(error) is None


def test_numpys_own_error_is_known() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, "uint8")
    assert "Unable to allocate 1.00 EiB" in (memory.refusal(caught.value) or ("", ""))[1]


def test_what_an_error_was_raised_from_counts_unless_it_was_dealt_with() -> None:
    wrapped = ValueError("no batch")
    wrapped.__cause__ = MemoryError("for the batch")
    assert memory.refusal(wrapped) == ("host", "for the batch")
    while_handling = ValueError("no batch")
    while_handling.__context__ = wrapped
    assert memory.refusal(while_handling) == ("host", "for the batch")
    while_handling.__suppress_context__ = True  # raise … from None
    assert memory.refusal(while_handling) is None


# Seen: JAX 0.10 under a limit aborts so; the others are LLVM's, Python's and OpenBLAS's.
@pytest.mark.parametrize(
    "line",
    [
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "terminate called after throwing an instance of 'St9bad_alloc'",
        "libc++abi: terminating due to uncaught exception of type std::bad_alloc: std::bad_alloc",
        "LLVM ERROR: out of memory",
        "MemoryError",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 64.0 GiB for an array",
        "OpenBLAS error: Memory allocation still failed after 10 retries, giving up.",
        "sh: fork: Cannot allocate memory",
    ],
)
def test_the_last_words_of_a_process_without_memory(line: str) -> None:
    assert memory.last_words(f"something\n{line}\n  what():  std::bad_alloc\n") == line


@pytest.mark.parametrize(
    "line",
    [
        "W bfc_allocator.cc:310] Allocator (GPU_0_bfc) ran out of memory trying to allocate "
        "3.37GiB with freed_by_count=0. The caller indicates that this is not a failure",
        "W cpu_allocator_impl.cc:83] Allocation of 411041792 exceeds 10% of free system memory.",
        "ImportError: libgomp.so.1: cannot allocate memory in static TLS block",
        "ValueError: no MemoryError here",
    ],
)
def test_a_warning_is_no_last_word(line: str) -> None:
    assert memory.last_words(line) is None


def test_what_was_said_long_before_the_end_is_no_last_word() -> None:
    assert memory.last_words("MemoryError\n" + "and on it went\n" * 50) is None


@pytest.mark.parametrize(
    "line",
    [
        # Seen: TensorFlow 2.21 and JAX 0.10 under `ulimit -d`, no room for the thread's stack.
        "F0000 00:00:1 1 env.cc:84] Check failed: ret == 0 (11 vs. 0) Thread tf_data creation via "
        "pthread_create() failed.",
        # Seen: TensorFlow 2.21 under `ulimit -d`, after `terminate called after throwing an
        # instance of 'dnnl::error'`.
        "  what():  could not create a primitive",
    ],
)
def test_what_cannot_be_made_means_memory_only_where_memory_is_limited(line: str) -> None:
    assert memory.last_words(line) is None
    assert memory.last_words(line, under_limit=True) == line.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="no ulimit")
def test_a_limit_of_this_process_is_seen() -> None:
    script = "from jobs.memory import under_limit; print(under_limit())"
    shell = f"ulimit -v 4000000; exec '{sys.executable}' -c '{script}'"
    limited = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    if limited.returncode:  # macOS heeds no such limit
        pytest.skip(limited.stderr)
    assert limited.stdout.strip() == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's")
def test_a_child_is_the_first_that_the_kernel_takes() -> None:
    script = (
        "from jobs.memory import be_killed_first; be_killed_first();"
        "print(open('/proc/self/oom_score_adj').read())"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert said.stdout.strip() == b"1000"
    assert Path("/proc/self/oom_score_adj").read_text().strip() != "1000"


@pytest.mark.parametrize(
    ("backend", "module"),
    [
        ("torch", {"cuda.is_available": True, "cuda.max_memory_allocated": 123}),
        ("tensorflow", {"config.experimental.get_memory_info": {"peak": 123}}),
    ],
)
def test_the_backends_tell_the_peak_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, backend: str, module: dict[str, object]
) -> None:
    stand_in = SimpleNamespace()
    for path, value in module.items():
        *names, last = path.split(".")
        place = stand_in
        for name in names:
            if not hasattr(place, name):
                setattr(place, name, SimpleNamespace())
            place = getattr(place, name)
        setattr(place, last, lambda *_, value=value: value)
    monkeypatch.setitem(sys.modules, backend, stand_in)
    assert memory.device_peak_bytes(backend) == 123  # type: ignore[arg-type]
    monkeypatch.setenv("FARM_DEVICE", "cpu")
    assert memory.device_peak_bytes(backend) is None  # type: ignore[arg-type]


def test_a_backend_that_does_not_tell_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace())
    assert memory.device_peak_bytes("jax") is None
    assert memory.device_peak_bytes("sklearn") is None
