"""One definition, three backends: the same weights, the same samples, and so the same losses."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from jobs.result import Measurement
from jobs.spec import Backend, Cell, Effort
from tests.conftest import make_job
from tests.integration.children import BACKENDS, cell, measured
from workers.hardware import detect
from workers.runner import Runner

# Of losses between backends that compute in float32 from the same weights. Seen of three backends
# at batch size 64, relative: 1e-7 at the first step; over 64 steps 3e-5 for the LSTM and 3e-7 for
# the transformer; for the CNN 2e-4 at step 8 and 6e-2 at step 64, of a loss that is 0.004 there:
# rounding that decides which of two pixels is the greater grows with the steps.
EARLY = 1e-3  # relative, of the mean over the first eight steps
LATER = 0.02  # in the loss's own units, of every mean over eight steps
BRIEF = Effort(lap_seconds=0.05, budget_seconds=0.2, warmup_seconds=0.2)
SMALL = {"train_samples": 512, "validation_samples": 64, "test_samples": 64}
OTHERS = [name for name in BACKENDS if name != "tensorflow"]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    threads = {"OMP_NUM_THREADS": "1", "PJRT_NPROC": "1", "FARM_DEVICE": "cpu"}
    runner = Runner("worker-1", detect(device="cpu"), "fork", threads)
    yield runner
    runner.close()


def steady(name: str, backend: Backend, **changes: object) -> Cell:
    said = {"protocol": "steady", "data_pipeline": "staged", "epochs": None, "parameters": SMALL}
    return cell(name, backend, **{**said, **changes})


@pytest.mark.skipif(not OTHERS, reason="one backend is installed")
@pytest.mark.parametrize(
    "name",
    ["fashion_mnist_cnn", "fashion_mnist_lstm"],
)
def test_the_losses_of_the_backends_agree(runner: Runner, name: str) -> None:
    # Two networks without dropout, whose masks the backends' own generators draw
    found = {each: measured(runner, steady(name, each), effort=BRIEF) for each in BACKENDS}
    expected = found["tensorflow"].history["loss"]
    assert expected[-1] < expected[0]
    for backend in OTHERS:
        losses = found[backend].history["loss"]
        assert losses[0] == pytest.approx(expected[0], rel=EARLY), backend
        assert losses == pytest.approx(expected, abs=LATER), backend


@pytest.mark.alone
@pytest.mark.parametrize("backend", BACKENDS)
def test_inference_has_latencies_and_outputs(runner: Runner, backend: Backend) -> None:
    of = steady("fashion_mnist_cnn", backend, mode="infer", optimizer=None, batch_size=8)
    result = runner.run(make_job(of, timeout_seconds=300.0, effort=BRIEF), time.time())
    assert result.measurement is not None, result.error
    found = result.measurement
    assert found.latency_seconds is not None
    assert len(found.latency_seconds) >= 10
    # A pass that is waited for takes what passes one after the other take, and a little more
    together = sorted(found.step_seconds or ())[len(found.lap_seconds) // 2]
    latency = sorted(found.latency_seconds)[len(found.latency_seconds) // 2]
    assert 0.2 * together < latency < 20 * together
    assert (found.history, found.batch_size, found.samples_per_epoch) == ({}, 8, 64)
    assert found.floors_waived == "inference learns nothing"
    assert found.samples_per_lap == 8 * (found.steps_per_lap or 0)
    assert found.output_spread is not None
    assert found.output_spread > 0
    convolutions = 26 * 26 * 9 * 32 + 11 * 11 * 9 * 32 * 64 + 3 * 3 * 9 * 64 * 64
    assert found.flops_per_sample == 2 * (convolutions + 576 * 64 + 64 * 10)
    assert result.environment["initial_weights"] == "the same on every backend"
    assert result.environment["jit_compile"] is (backend == "jax")


@pytest.mark.skipif(not OTHERS, reason="one backend is installed")
def test_the_outputs_of_the_backends_agree(runner: Runner) -> None:
    def outputs(backend: Backend) -> dict[str, float]:
        of = steady("fashion_mnist_lstm", backend, mode="infer", optimizer=None, batch_size=8)
        return measured(runner, of, effort=BRIEF).test

    expected = outputs("tensorflow")
    for backend in OTHERS:
        assert outputs(backend) == pytest.approx(expected, rel=1e-4), backend


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_in_force_and_learns(runner: Runner, precision: str) -> None:
    of = cell("fashion_mnist_mlp", "tensorflow", precision=precision)
    result = runner.run(make_job(of, timeout_seconds=300.0), time.time())
    assert result.measurement is not None, result.error
    assert result.environment["dtype_policy"] == precision
    assert result.environment["compute_dtype"] == precision.removeprefix("mixed_")
    assert result.environment["optimizer_class"] == "Adam"
    assert result.environment["tf32"] is False
    losses = result.measurement.history["loss"]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_halves_are_inferred_in(runner: Runner, precision: str) -> None:
    of = steady(
        "fashion_mnist_mlp",
        "tensorflow",
        mode="infer",
        optimizer=None,
        batch_size=8,
        precision=precision,
    )
    found = measured(runner, of, effort=BRIEF)
    assert found.output_spread is not None
    assert found.output_spread > 0


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(each, marks=[pytest.mark.exhaustive] if each == "jax" else [])
        for each in BACKENDS
        if each != "torch"
    ],
)
def test_compilation_is_as_the_cell_says(runner: Runner, backend: Backend) -> None:
    # Not PyTorch: it needs a C++ compiler on a CPU, which not every machine has
    def run(jit: bool) -> tuple[Measurement, object]:
        small = {"train_samples": 64, "test_samples": 64}
        of = cell("fashion_mnist_mlp_small", backend, jit=jit, epochs=1, parameters=small)
        result = runner.run(make_job(of, timeout_seconds=300.0), time.time())
        assert result.measurement is not None, result.error
        return result.measurement, result.environment["jit_compile"]

    (compiled, on), (plain, off) = run(True), run(False)
    assert (on, off) == (True, False)
    # A network without dropout, whose masks XLA draws in its own way
    assert compiled.history["loss"] == pytest.approx(plain.history["loss"], rel=1e-4)
