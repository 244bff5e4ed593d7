"""Matrix products and memory bandwidth on every installed backend, in real children."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.readings.correctness import invalid
from jobs import catalogue
from jobs.result import Measurement, Result, Status
from jobs.spec import Cell, Effort, Scalar
from tests.conftest import make_job
from tests.integration.children import BACKENDS
from workers.hardware import detect
from workers.runner import Runner

QUICK = Effort(lap_seconds=0.02, budget_seconds=0.1, warmup_seconds=0.1, lap_precision=0.2)
PRECISIONS = ("float32", "bfloat16", "float16")
# A device that multiplies in its own way, or is short of memory, as its second parameter says.
BROKEN = """
import resource
import psutil
from typing import Literal
from jobs.workloads import matmul

class Parameters(matmul.MatmulParameters):
    fault: Literal["none", "stale", "coarse", "swapped", "cramped"] = "none"

class Broken(matmul.Matmul):
    parameters = Parameters

    def run(self, job, clock):
        product = {"tensorflow": matmul._tensorflow, "torch": matmul._torch, "jax": matmul._jax}
        compute = product[job.cell.backend]()
        fault = job.cell.parameters["fault"]
        kept = []

        def broken(x, y, before):
            import keras
            if fault == "stale":
                kept[:] = kept or [compute(x, y, before)]
                return kept[0]
            if fault == "coarse":  # bfloat16 in the name of float32
                cast = keras.ops.cast
                x, y = (cast(cast(each, "bfloat16"), "float32") for each in (x, y))
            return compute(y, x, before) if fault == "swapped" else compute(x, y, before)

        matmul.PRODUCTS[job.cell.backend] = lambda: broken
        if fault == "cramped":
            more = psutil.Process().memory_info().vms + (32 << 20)
            resource.setrlimit(resource.RLIMIT_AS, (more, more))
        sizes = {"size": job.cell.parameters["size"]}
        cell = job.cell.model_copy(update={"parameters": sizes})
        return super().run(job.model_copy(update={"cell": cell}), clock)

    def floors(self, cell, steps):
        return {"correct": 1.0}

WORKLOAD = Broken()
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder: Path = tmp_path_factory.mktemp("workloads")
    (folder / "broken_matmul.py").write_text(BROKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_WORKLOADS", str(folder))
        catalogue.catalogue.cache_clear()
        runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"})
        yield runner
        runner.close()
    catalogue.catalogue.cache_clear()


def run(
    runner: Runner, name: str, backend: str, precision: str = "float32", **parameters: Scalar
) -> Result:
    subject = catalogue.find(name)
    said = {**subject.smallest, **parameters}
    cell = Cell.model_validate(
        {
            "workload": name,
            "workload_version": subject.version,
            "batch_size": None,
            "epochs": None,
            "precision": precision,
            "backend": backend,
            "mode": "run",
            "data": "generated",
            "optimizer": None,
            "protocol": "steady",
            "data_pipeline": "staged",
            "parameters": subject.parameters.model_validate(said).model_dump(),
        }
    )
    job = make_job(cell, timeout_seconds=120.0, effort=QUICK)
    return runner.run(job, time.time())


def measured(result: Result) -> Measurement:
    assert result.measurement is not None, result.error
    return result.measurement


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_products_are_timed_and_right(runner: Runner, backend: str, precision: str) -> None:
    result = run(runner, "matmul", backend, precision)
    measurement = measured(result)
    assert measurement.flops_per_sample == 2 * 256**3
    assert (measurement.item, measurement.items_per_sample) == ("products", 1)
    assert measurement.samples_per_lap == measurement.steps_per_lap
    assert measurement.samples_per_epoch == 1
    assert measurement.warmup_ended in ("steady", "cap")
    assert measurement.stopped_by in ("precision", "budget")
    assert measurement.floors == {"correct": 1.0}
    assert invalid(measurement) is None
    # As exact as the type, and no more exact than it can be.
    roundoff = {"float32": 2**-24, "float16": 2**-11, "bfloat16": 2**-8}[precision]
    assert roundoff / 10 < measurement.test["relative_error"] < 10 * roundoff
    assert result.environment["jit_compile"] is (backend == "jax")
    assert result.environment["tf32"] is False
    assert result.environment["dtype_policy"] == "float32"


@pytest.mark.parametrize("kernel", ["copy", "triad"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_are_moved_and_right(runner: Runner, backend: str, kernel: str) -> None:
    measurement = measured(run(runner, "memory_bandwidth", backend, kernel=kernel))
    moved = {"copy": 2, "triad": 3}[kernel] * (16 << 20)
    assert (measurement.item, measurement.items_per_sample) == ("bytes", moved)
    assert measurement.floors == {"correct": 1.0}
    assert invalid(measurement) is None
    assert measurement.test["relative_error"] <= (0 if kernel == "copy" else 2.01 * 2**-24)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_device_that_multiplies_wrongly_is_found_out(runner: Runner, backend: str) -> None:
    right = measured(run(runner, "broken_matmul", backend, fault="none"))
    assert invalid(right) is None
    for fault in ("coarse", "swapped", "stale"):
        wrong = measured(run(runner, "broken_matmul", backend, fault=fault))
        assert wrong.test["correct"] == 0.0
        assert "correct 0.00, at least 1.00 is demanded" in str(invalid(wrong))


def test_too_little_memory_is_an_outcome(runner: Runner) -> None:
    result = run(runner, "broken_matmul", BACKENDS[0], fault="cramped", size=4096)
    assert result.status is Status.OUT_OF_MEMORY
    assert result.error is not None
    assert result.error.kind == "memory"
