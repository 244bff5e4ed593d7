"""What `farm doctor` says of backends: imports that fail, and parts that do not go together."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from farm.doctor import backends, gpu_libraries
from farm.doctor.check import Check
from workers.hardware import Hardware


def hardware(device: Any, **facts: Any) -> Hardware:
    return Hardware(
        name="p100" if device == "gpu" else "xeon",
        device=device,
        device_index=0 if device == "gpu" else None,
        tags=("p100",),
        facts=facts,
        declared=False,
    )


CPU = hardware("cpu", device_name="Xeon")
P100 = hardware(
    "gpu",
    device_name="Tesla P100-PCIE-16GB",
    gpu_api="cuda",
    compute_capability="6.0",
    driver="550.54",
)
H200 = hardware("gpu", device_name="H200", gpu_api="cuda", compute_capability="9.0", driver="570.1")
M2 = hardware("gpu", device_name="Apple M2 Max", gpu_api="metal")


def judged(backend: str, on: Hardware, **facts: Any) -> Check:
    return backends.judge(backend, "1.2.3", on, {"keras": "3.15", **facts})


def test_on_a_cpu_being_imported_is_enough() -> None:
    check = judged("tensorflow", CPU, gpus=[], built_for_gpu=False)
    assert check.ok
    assert check.detail == "1.2.3, Keras 3.15, on the CPU"


def test_a_gpu_that_is_seen() -> None:
    check = judged(
        "tensorflow", H200, gpus=["H200"], cuda="12.5.1", cudnn_built="9", cudnn_loaded=91002
    )
    assert check.ok
    assert check.detail == "1.2.3, Keras 3.15, sees H200 (CUDA 12.5.1, cuDNN 9.10.2)"


@pytest.mark.parametrize(
    ("backend", "on", "remedy"),
    [
        ("tensorflow", H200, 'pip install "benchfarm[cuda]"'),
        ("torch", H200, "the build of PyTorch for CUDA"),
        ("jax", H200, 'pip install "jax[cuda12]"'),
        ("jax", M2, "backend: torch"),
    ],
)
def test_builds_for_the_cpu_on_a_machine_with_a_gpu(
    backend: str, on: Hardware, remedy: str
) -> None:
    check = judged(backend, on, gpus=[], built_for_gpu=False)
    assert not check.ok
    assert "it is a build for the CPU" in check.detail
    assert remedy in check.remedy


def test_a_build_for_cuda_that_sees_no_gpu_says_what_it_was_built_for() -> None:
    check = judged("tensorflow", H200, gpus=[], built_for_gpu=True, cuda="12.5.1")
    assert not check.ok
    assert "does not see the GPU (H200): it was built for CUDA 12.5.1; the driver is 570.1" in (
        check.detail
    )
    assert "LD_LIBRARY_PATH" in check.remedy


@pytest.mark.parametrize(
    ("facts", "capability", "detail", "remedy"),
    [
        ({"cudnn_built": "9", "cudnn_loaded": 8907}, "8.0", "8.9.7 is loaded", "cudnn-cu12"),
        ({"cudnn_built": "9.3.0", "cudnn_loaded": 90101}, "8.0", "9.1.1 is loaded", "--upgrade"),
        ({"cudnn_built": "8", "cudnn_loaded": 90300}, "8.0", "9.3.0 is loaded", "==8.*"),
        ({"cudnn_loaded": 91100}, "6.0", "no kernels", "benchfarm[cuda-pascal]"),
        ({"cudnn_loaded": 91300}, "7.0", "no kernels", "benchfarm[cuda-pascal]"),
        ({"cudnn_error": "compiled against\n(9, 1), found (8, 9)"}, "8.0", "against (9", "unset"),
        ({"architectures": ["sm_75", "sm_90"]}, "6.0", "no code for", "older CUDA"),
        (
            {"jaxlib": "0.9.0.1", "plugins": {"jax-cuda12-plugin": "0.9.2"}},
            "8.0",
            "jax-cuda12-plugin 0.9.2 is not used, since jaxlib is 0.9.0.1",
            'pip install --upgrade "jax[cuda12]"',
        ),
    ],
)
def test_pairs_that_do_not_go_together(
    facts: dict[str, Any], capability: str, detail: str, remedy: str
) -> None:
    found = gpu_libraries.mismatch(facts, capability)
    assert found is not None
    assert detail in found[0]
    assert remedy in found[1]
    on = hardware("gpu", gpu_api="cuda", compute_capability=capability)
    assert not judged("torch", on, gpus=["it"], **facts).ok


@pytest.mark.parametrize(
    ("facts", "capability"),
    [
        ({"cudnn_built": "9", "cudnn_loaded": 91002}, "6.0"),
        ({"cudnn_built": "9", "cudnn_loaded": 91300}, "7.5"),
        ({"cudnn_built": "8", "cudnn_loaded": 8907}, "8.0"),
        ({"architectures": ["sm_60", "sm_70"]}, "6.1"),
        ({"architectures": ["sm_80", "sm_90a"]}, "8.6"),
        ({"architectures": ["sm_50", "compute_50"]}, "9.0"),
        ({"architectures": []}, "6.0"),
        ({"jaxlib": "0.9.0.1", "plugins": {"jax-cuda12-plugin": "0.9.0.1"}}, "8.0"),
        ({"jaxlib": "0.9.0", "plugins": {"jax-rocm60-plugin": "0.8.0"}}, ""),
        ({}, ""),
    ],
)
def test_pairs_that_do(facts: dict[str, Any], capability: str) -> None:
    assert gpu_libraries.mismatch(facts, capability) is None


@pytest.mark.parametrize(
    ("code", "words", "detail", "remedy"),
    [
        (-signal.SIGSEGV, "", "ends with SIGSEGV", "--force-reinstall"),
        (-signal.SIGILL, "", "a newer CPU", "without AVX"),
        (-99, "", "signal 99", "--force-reinstall"),
        (1, "Traceback\n  x\nImportError: libcudart.so.12: none\n", "libcudart.so.12", "reinstall"),
        (1, "ModuleNotFoundError: No module named 'keras'", "without Keras", "keras>=3.8"),
        (3, "", "exit code 3", "reinstall"),
    ],
)
def test_imports_that_fail(code: int, words: str, detail: str, remedy: str) -> None:
    check = backends.broken("tensorflow", "2.21.0", code, words)
    assert not check.ok
    assert detail in check.detail
    assert remedy in check.remedy


def test_an_import_that_hangs_is_killed_and_said() -> None:
    probe = backends.Probe("sklearn", {})
    os.kill(probe._process.pid, signal.SIGSTOP)
    check = probe.check(CPU, "1.7", deadline=time.monotonic())
    assert not check.ok
    assert "importing it hangs" in check.detail
    assert "`python -c 'import sklearn'`" in check.remedy
    assert probe._process.returncode == -signal.SIGKILL


def test_an_import_that_is_only_slow_is_no_fault() -> None:
    check = backends.unfinished("torch", "2.13", 15.2, stands_still=False)
    assert check.ok
    assert check.detail.startswith("not checked: 2.13 is still being imported after 15 s")
    assert "`farm doctor --seconds 120`" in check.detail


def test_a_probe_of_what_is_not_installed_says_so() -> None:
    # A module that imports, and has none of scikit-learn's parts.
    probe = backends.Probe("sklearn", {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"})
    check = probe.check(CPU, "1.7", deadline=time.monotonic() + 60)
    assert not check.ok
    assert check.remedy
