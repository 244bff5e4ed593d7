"""Every workload, at its smallest size, on every backend that is installed, in real children."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.result import Result, Status
from jobs.spec import Backend
from tests.conftest import make_job
from tests.idx_files import write_files
from tests.integration.children import BACKENDS, LARGE, NETWORKS, cell, measured
from workers.cpus import usable_cpus
from workers.hardware import detect
from workers.runner import Runner

PARAMETER_COUNTS = {
    "fashion_mnist_mlp": 435_402,
    "fashion_mnist_cnn": 93_322,
    "fashion_mnist_lstm": 81_674,
    "fashion_mnist_mlp_small": 101_770,
    "cifar10_tinyvgg": 5_520,
    "cifar10_resnet50": 23_608_202,
    "food101_efficientnetb0": 4_049_571 + 1_280 * 101 + 101,
    "transfer_augmented": 4_049_571 + 1_280 * 101 + 101,
    "segmentation_512": 20_886_706,
    # At its smallest; tests/integration/test_transformer.py has the definition's.
    "transformer_lm": 106_240,
}
# Multiply-adds by hand, times 2 for both: forward, for the gradient of the weights, and, but in the
# first layer, for that of the input.
FLOPS_PER_SAMPLE = {
    "fashion_mnist_mlp": 4 * 784 * 512 + 6 * (512 * 64 + 64 * 10),
    "fashion_mnist_mlp_small": 4 * 784 * 128 + 6 * 128 * 10,
    "fashion_mnist_cnn": 4 * 26 * 26 * 9 * 32
    + 6 * (11 * 11 * 9 * 32 * 64 + 3 * 3 * 9 * 64 * 64 + 576 * 64 + 64 * 10),
    "fashion_mnist_lstm": 6 * (28 * 4 * (28 + 128) * 128 + 128 * 10),
    "transformer_lm": 20_840_448,
}
THREADS = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "3", "PJRT_NPROC": "1"}


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner("worker-1", detect(device="cpu"), "fork", THREADS)
    yield runner
    runner.close()


def test_there_is_a_backend_to_test() -> None:
    assert "tensorflow" in BACKENDS


def networks() -> Iterator[object]:
    """Yield every network on every backend; the large ones take minutes, and one is enough."""
    for name in NETWORKS:
        for backend in BACKENDS:
            one_of_them = (name, backend) == ("food101_efficientnetb0", "tensorflow")
            # (The CNN is trained on JAX in `test_backends.py` as well, and its losses compared.)
            slow_to_compile = backend == "jax" and name in ("cifar10_tinyvgg", "fashion_mnist_cnn")
            minutes = (name in LARGE and not one_of_them) or slow_to_compile
            marks = [pytest.mark.exhaustive] if minutes else [pytest.mark.slow]
            yield pytest.param(name, backend, marks=marks, id=f"{name}-{backend}")


@pytest.mark.parametrize(("name", "backend"), list(networks()))
def test_a_network_is_measured(runner: Runner, name: str, backend: Backend) -> None:
    of = cell(name, backend)
    measurement = measured(runner, of)
    assert measurement.parameter_count == PARAMETER_COUNTS[name]
    assert len(measurement.warmup_lap_seconds) == len(measurement.lap_seconds) == 1
    samples = measurement.samples_per_epoch
    assert samples is not None
    steps = math.ceil(samples / of.samples_per_step)
    assert measurement.steps_per_lap == measurement.steps_per_history == steps
    losses = measurement.history["loss"]
    assert losses[1] < losses[0]
    assert all(len(values) == 2 for values in measurement.history.values())
    laps = sum(measurement.lap_seconds) + sum(measurement.warmup_lap_seconds)
    assert measurement.total_seconds is not None
    assert measurement.cold_start_seconds is not None
    assert measurement.total_seconds > measurement.cold_start_seconds + laps > 0
    assert (measurement.warmup_ended, measurement.stopped_by) == ("fixed", "epochs")
    assert measurement.discarded_laps == 0
    assert measurement.flops_per_sample is not None
    if name in FLOPS_PER_SAMPLE:
        assert measurement.flops_per_sample == FLOPS_PER_SAMPLE[name]
    assert measurement.output_spread is not None
    assert measurement.output_spread > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("fashion")])
def test_synthetic_data_is_learnt(runner: Runner, name: str) -> None:
    # As in the suite `quick`: 4,096 images, 4 epochs. Chance is 0.1.
    size = {"train_samples": 4096, "test_samples": 512}
    if name != "fashion_mnist_mlp_small":
        size["validation_samples"] = 512
    measurement = measured(runner, cell(name, epochs=4, batch_size=128, parameters=size))
    assert measurement.test["accuracy"] >= 0.9


def test_the_same_seed_trains_the_same_and_another_repeat_another(runner: Runner) -> None:
    first, again, other = (
        measured(runner, cell("fashion_mnist_mlp"), repeat=repeat) for repeat in (1, 1, 2)
    )
    assert first.history == again.history
    assert first.history != other.history


def test_the_first_step_leaves_no_trace(runner: Runner) -> None:
    # Had the step been kept, the first epoch would depend on what came before it.
    one = measured(runner, cell("fashion_mnist_mlp", epochs=1))
    two = measured(runner, cell("fashion_mnist_mlp", epochs=2))
    assert one.history["loss"][0] == two.history["loss"][0]
    assert one.history["loss"][0] > math.log(10) * 0.5
    assert len(one.lap_seconds) == 1
    assert one.warmup_lap_seconds == ()


def real_result(runner_home: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setenv("KERAS_HOME", str(runner_home))
    runner = Runner("worker-1", detect(device="cpu"), "fork", {})
    try:
        of = cell("fashion_mnist_mlp", data="real", parameters=sizes())
        return runner.run(make_job(of, timeout_seconds=300.0), time.time())
    finally:
        runner.close()


def sizes() -> dict[str, int]:
    return {"train_samples": 50_000, "validation_samples": 10_000, "test_samples": 10_000}


def test_real_files_where_keras_looks_are_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, train=240, test=40)
    result = real_result(tmp_path, monkeypatch)
    assert result.status is Status.SUCCEEDED, result.error
    assert result.measurement is not None
    assert result.measurement.samples_per_epoch == 200
    assert result.measurement.data_verified is False  # these are not the published bytes


def test_missing_files_fail_with_what_where_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No proxy and no name server: whatever this machine can reach, the child cannot.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    result = real_result(tmp_path, monkeypatch)
    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.kind == "data"
    for said in ("train-labels-idx1-ubyte.gz is not in", str(tmp_path), "data: synthetic"):
        assert said in result.error.message
    assert json.loads(result.model_dump_json())["error"]["kind"] == "data"


def test_what_was_in_force_is_recorded(runner: Runner) -> None:
    result = runner.run(make_job(cell("fashion_mnist_mlp"), timeout_seconds=300.0), time.time())
    assert result.environment["backend"] == "tensorflow"
    assert result.environment["jit_compile"] is False
    assert result.environment["dtype_policy"] == "float32"
    assert result.environment["keras_version"]
    assert result.environment["devices"] == "CPU:0"
    assert result.environment["isolation"] == "fork"
    assert result.facts["fingerprint"]
    assert result.facts["device"] == "cpu"
    assert result.facts["declared"] is False
    assert result.environment["compute_dtype"] == "float32"
    assert result.environment["tf32"] is False
    assert result.environment["optimizer_class"] == "Adam"
    assert result.environment["optimizer_legacy"] is False
    assert result.environment["variables_device"] == "CPU:0"
    assert result.environment["usable_cpus"] == len(usable_cpus())


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_thread_count_is_the_one_that_the_backend_tells(
    runner: Runner, backend: Backend
) -> None:
    job = make_job(cell("fashion_mnist_mlp", backend, epochs=1), timeout_seconds=300.0)
    told = runner.run(job, time.time()).environment["intra_threads"]
    assert told == {"tensorflow": 3, "torch": 1, "jax": 1}[backend]
