"""Capabilities: what work lacks on a machine is told in one sentence, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from farm.runs import unsupported
from jobs import catalogue
from jobs.capabilities import Capabilities
from jobs.spec import Cell
from tests.conftest import make_cell
from workers.capabilities import metal_refusal
from workers.hardware import Hardware
from workers.registry import WorkerRecord

WORKLOADS = {each.name: each.version for each in catalogue.every()}
GIB = 1 << 30


def has(**changes: Any) -> Capabilities:
    said: dict[str, Any] = {
        "os": "linux",
        "device": "cpu",
        "backends": {"tensorflow": "2.21.0", "sklearn": "1.9.1"},
        "memory_bytes": 8 * GIB,
        "workloads": WORKLOADS,
        **changes,
    }
    return Capabilities.model_validate(said)


def worker(capabilities: Capabilities | None) -> WorkerRecord:
    return WorkerRecord(
        name="p100@host-1",
        host="host",
        hardware="p100",
        tags=("p100",),
        state="idle",
        declared=False,
        facts={"device_name": "Tesla P100"},
        fingerprint="0" * 16,
        capabilities=capabilities,
        version="0.1.0",
        beat_seconds=15.0,
        joined_at=0.0,
        seen_at=0.0,
    )


def mlp(**changes: Any) -> Cell:
    return make_cell("fashion_mnist_mlp", **changes)


@pytest.mark.parametrize(
    ("cell", "machine", "said"),
    [
        (mlp(backend="torch"), has(), 'pip install "benchfarm[torch]"'),
        (mlp(), has(backends={}, refused={"tensorflow": "no metal"}), "no metal"),
        (mlp(precision="tf32"), has(), "there is no TF32 there"),
        (
            mlp(precision="mixed_float16"),
            has(os="macos", device="gpu", gpu_api="metal"),
            "computes mixed_float16 on the CPU",
        ),
        (mlp(), has(workloads={}), "there is no workload fashion_mnist_mlp there"),
        (mlp(workload_version=9), has(), "version 9 of fashion_mnist_mlp was submitted"),
        (
            make_cell("random_forest", backend="sklearn", batch_size=None),
            has(device="gpu", gpu_api="cuda"),
            "--device cpu",
        ),
        (
            make_cell(
                "matmul", backend="tensorflow", batch_size=None, parameters={"size": 131_072}
            ),
            has(),
            "GiB of memory, the device has 8.0 GiB",
        ),
    ],
)
def test_what_a_machine_lacks_is_said_with_what_to_do(
    cell: Cell, machine: Capabilities, said: str
) -> None:
    reason = unsupported.reason(cell, [worker(machine)])
    assert reason is not None
    assert said in reason
    assert "\n" not in reason


def test_a_machine_that_lacks_nothing_gets_the_job() -> None:
    assert unsupported.reason(mlp(), [worker(has())]) is None
    gpu = has(device="gpu", gpu_api="cuda")
    assert unsupported.reason(mlp(precision="tf32"), [worker(gpu)]) is None
    torch_on_metal = has(device="gpu", gpu_api="metal", backends={"torch": "2.13"})
    mixed = mlp(precision="mixed_float16", backend="torch")
    assert unsupported.reason(mixed, [worker(torch_on_metal)]) is None


def test_one_able_worker_of_a_hardware_is_enough() -> None:
    without = worker(has(backends={"jax": "0.10"}))
    assert unsupported.reason(mlp(), [without]) is not None
    assert unsupported.reason(mlp(), [without, worker(has())]) is None


def test_what_is_not_stated_is_not_held_against_a_worker() -> None:
    assert unsupported.reason(mlp(backend="torch"), [worker(None)]) is None
    assert unsupported.reason(mlp(backend="torch"), []) is None
    # Work that only the worker knows is left to the worker
    elsewhere = worker(has(workloads={"theirs": 1}))
    assert unsupported.reason(make_cell("theirs", backend="torch"), [elsewhere]) is None


def apple_gpu(api: str = "metal") -> Hardware:
    return Hardware(
        name="m2-max",
        device="gpu",
        device_index=None,
        tags=("m2-max",),
        facts={"gpu_api": api},
        declared=False,
    )


@pytest.mark.parametrize("tensorflow", ["2.18.0", "2.18.1", "2.19.0"])
def test_tensorflow_metal_loads_with_two_versions(tensorflow: str) -> None:
    assert metal_refusal(apple_gpu(), tensorflow, "1.2.0") is None


@pytest.mark.parametrize("tensorflow", ["2.16.2", "2.17.0", "2.20.0", "2.21.0", "3.0"])
def test_tensorflow_metal_is_refused_with_any_other(tensorflow: str) -> None:
    reason = metal_refusal(apple_gpu(), tensorflow, "1.2.0")
    assert reason is not None
    assert f"here is {tensorflow}" in reason
    assert "2.18 and 2.19" in reason
    assert "benchfarm[metal]" in reason


def test_tensorflow_without_metal_is_refused_on_an_apple_gpu_alone() -> None:
    reason = metal_refusal(apple_gpu(), "2.19.0", None)
    assert reason is not None
    assert "sees no Apple GPU" in reason
    assert metal_refusal(apple_gpu("cuda"), "2.21.0", None) is None
    assert metal_refusal(apple_gpu(), None, None) is None
