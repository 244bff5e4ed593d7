"""The networks of 2021 on small images: their layers by hand, their downloads, and real runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.datasets import cifar10_files
from jobs.datasets.cifar10 import cifar10
from jobs.errors import DataMissingError
from jobs.result import Measurement
from jobs.spec import Cell
from tests.cifar10_files import write_archive, write_batches
from tests.conftest import make_job
from tests.integration.test_keras_workloads import THREADS
from workers.hardware import detect
from workers.runner import Runner

# Of each convolution: side of its kernel, channels in and out, side of its output.
TINY_VGG = ((3, 3, 10, 30), (3, 10, 10, 28), (3, 10, 10, 12), (3, 10, 10, 10))


def resnet50() -> Iterator[tuple[int, int, int, int]]:
    """Yield ResNet50's convolutions (K. He et al. 2016, table 1), of images of 32 × 32."""
    yield 7, 3, 64, 16
    before = 64
    for filters, blocks, side in ((64, 3, 8), (128, 4, 4), (256, 6, 2), (512, 3, 1)):
        yield 1, before, 4 * filters, side  # beside the first block, to its number of channels
        for _ in range(blocks):
            yield 1, before, filters, side
            yield 3, filters, filters, side
            yield 1, filters, 4 * filters, side
            before = 4 * filters


def weights(convolutions: list[tuple[int, int, int, int]], extra: int) -> int:
    """Count the convolutions' parameters, each filter having a bias and `extra` more."""
    return sum(k * k * before * after + (1 + extra) * after for k, before, after, _ in convolutions)


def products(convolutions: list[tuple[int, int, int, int]]) -> int:
    return sum(2 * k * k * before * after * side**2 for k, before, after, side in convolutions)


EXPECTED = {
    "fashion_mnist_mlp_small": {
        "parameters": 784 * 128 + 128 + 128 * 10 + 10,
        "flops": 2 * (784 * 128 + 128 * 10),
        "shapes": [[None, 28, 28], [None, 10]],
        "sums_to_one": False,  # logits
    },
    "cifar10_tinyvgg": {
        "parameters": weights(list(TINY_VGG), 0) + 250 * 10 + 10,
        "flops": products(list(TINY_VGG)) + 2 * 250 * 10,
        "shapes": [[None, 32, 32, 3], [None, 10]],
        "sums_to_one": True,
    },
    "cifar10_resnet50": {  # four more of each filter's batch normalisation
        "parameters": weights(list(resnet50()), 4) + 2048 * 10 + 10,
        "flops": products(list(resnet50())) + 2 * 2048 * 10,
        "shapes": [[None, 32, 32, 3], [None, 10]],
        "sums_to_one": True,
    },
}
PUBLISHED = {
    "fashion_mnist_mlp_small": 101_770,
    "cifar10_tinyvgg": 5_520,
    "cifar10_resnet50": 23_608_202,
}
BUILT = """
import json
import numpy as np
from jobs import catalogue
from jobs.keras import flops

found = {}
for name in NAMES:
    subject = catalogue.find(name)
    model = subject.build(subject.parameters())
    outputs = np.asarray(model(np.random.RandomState(1).rand(2, *model.input_shape[1:])))
    found[name] = {
        "parameters": model.count_params(),
        "flops": flops.of_inference(model),
        "shapes": [model.input_shape, model.output_shape],
        "sums_to_one": bool(np.allclose(outputs.sum(axis=1), 1, atol=1e-5)),
    }
print(json.dumps(found))
"""


@pytest.mark.slow
def test_the_networks_are_what_their_definitions_give_by_hand() -> None:
    code = BUILT.replace("NAMES", repr(list(EXPECTED)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EXPECTED
    assert {name: said["parameters"] for name, said in EXPECTED.items()} == PUBLISHED


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Run jobs in children that find small real files where Keras looks."""
    home = tmp_path_factory.mktemp("keras")
    write_batches(home / "datasets" / cifar10_files.FOLDERS[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        runner = Runner("worker-1", detect(device="cpu"), "fork", THREADS)
        yield runner
        runner.close()


def measured(runner: Runner, name: str, **changes: object) -> Measurement:
    subject = catalogue.find(name)
    parameters = {"train_samples": 2_048, "test_samples": 128}
    values = {
        "workload": name,
        "workload_version": subject.version,
        "batch_size": 64,
        "epochs": 4,
        "precision": "float32",
        "backend": "tensorflow",
        "mode": "train",
        "data": "synthetic",
        "optimizer": "adam",
        "protocol": "train",
        "parameters": parameters,
        **changes,
    }
    result = runner.run(make_job(Cell.model_validate(values), timeout_seconds=300.0), time.time())
    assert result.measurement is not None, result.error
    return result.measurement


@pytest.mark.parametrize("name", ["cifar10_tinyvgg", "fashion_mnist_mlp_small"])
def test_synthetic_images_are_learnt_above_the_floors(runner: Runner, name: str) -> None:
    measurement = measured(runner, name)
    assert measurement.samples_per_epoch == 2_048
    # The test part validates where the source validated with it; else nothing does.
    validated = {"val_loss", "val_accuracy"} if name == "cifar10_tinyvgg" else set()
    assert set(measurement.history) == {"loss", "accuracy"} | validated
    if validated:
        assert measurement.history["val_accuracy"][-1] == measurement.test["accuracy"]
    assert set(measurement.floors) == {"accuracy", "loss_drop"}
    assert measurement.test["accuracy"] >= 2 * measurement.floors["accuracy"]
    losses = measurement.history["loss"]
    assert 1 - losses[-1] / losses[0] >= 2 * measurement.floors["loss_drop"]


def test_real_batches_where_keras_looks_are_trained_on(runner: Runner) -> None:
    sizes = {"train_samples": 50_000, "test_samples": 10_000}
    found = measured(runner, "cifar10_tinyvgg", data="real", parameters=sizes, epochs=1)
    assert (found.samples_per_epoch, found.steps_per_lap, found.data_verified) == (20, 1, False)
    assert "not the published" in str(found.floors_waived)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which Keras looks for data sets; there is nothing in it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "datasets"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the archive where downloads come from, a folder; return its path."""
    archive = write_archive(tmp_path / "elsewhere" / "cifar-10-python.tar.gz")
    monkeypatch.setattr(cifar10_files, "ORIGIN", f"file://{archive}")
    return archive


def test_missing_files_without_a_network_name_place_and_remedy(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10_files, "ORIGIN", "http://127.0.0.1:1/")
    (write_batches(here / cifar10_files.FOLDERS[1]) / "data_batch_4").unlink()
    with pytest.raises(DataMissingError) as caught:
        cifar10("real", train=10, test=10, seed=1)
    said = str(caught.value)
    assert f"{here / cifar10_files.FOLDERS[1]} lacks data_batch_4" in said
    assert "data: synthetic" in said
    assert f"Copy cifar-10-python.tar.gz into {here}" in said
    assert [path.name for path in here.iterdir()] == [cifar10_files.FOLDERS[1]]


def test_a_download_that_is_not_the_published_archive_is_refused(here: Path, server: Path) -> None:
    with pytest.raises(DataMissingError, match="could not be downloaded"):
        cifar10("real", train=10, test=10, seed=1)
    assert list(here.iterdir()) == []


def test_a_download_with_the_published_checksum_is_kept(
    here: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum = hashlib.sha256(server.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10_files, "ARCHIVE_SHA256", checksum)
    dataset = cifar10("real", train=10, test=10, seed=1)
    assert (len(dataset.train), len(dataset.test), dataset.verified) == (10, 3, True)
    assert (here / cifar10_files.ARCHIVES[0]).read_bytes() == server.read_bytes()
    server.unlink()
    assert len(cifar10("real", train=20, test=10, seed=1).train) == 20
