"""Every network learns its synthetic data to its floor, on every backend that is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from farm.readings import correctness
from jobs import catalogue
from jobs.spec import Backend, Scalar
from tests.integration.children import BACKENDS, LARGE, NETWORKS, cell, measured
from workers.hardware import detect
from workers.runner import Runner

# Batch size, epochs and sizes with which training takes just the steps from which there are floors.
ENOUGH: dict[str, tuple[int, int, dict[str, Scalar]]] = {
    "fashion_mnist_mlp": (32, 2, {"train_samples": 1_024, "validation_samples": 32}),
    "fashion_mnist_cnn": (32, 2, {"train_samples": 1_024, "validation_samples": 32}),
    "fashion_mnist_lstm": (32, 2, {"train_samples": 1_024, "validation_samples": 32}),
    "fashion_mnist_mlp_small": (32, 2, {"train_samples": 1_024}),
    "cifar10_tinyvgg": (32, 2, {"train_samples": 1_024}),
    "cifar10_resnet50": (32, 2, {"train_samples": 1_024}),
    "food101_efficientnetb0": (32, 4, {"train_samples": 256}),
    "transfer_augmented": (32, 4, {"train_samples": 256}),
    "segmentation_512": (1, 2, {"train_images": 4, "validation_images": 1}),
    "transformer_lm": (64, 2, {"train_samples": 2_048}),
}
TESTED = {"test_samples": 64}


def cases() -> Iterator[object]:
    for name in NETWORKS:
        for backend in BACKENDS:
            minutes = name in LARGE or backend != "tensorflow"
            marks = [pytest.mark.exhaustive] if minutes else [pytest.mark.slow]
            yield pytest.param(name, backend, marks=marks, id=f"{name}-{backend}")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"})
    yield runner
    runner.close()


@pytest.mark.parametrize(("name", "backend"), list(cases()))
def test_synthetic_data_is_learnt_to_the_floor(runner: Runner, name: str, backend: Backend) -> None:
    subject = catalogue.find(name)
    batch_size, epochs, sizes = ENOUGH[name]
    tested = TESTED if "test_samples" in subject.parameters.model_fields else {}
    parameters = {**subject.smallest, **tested, **sizes}
    of = cell(
        name,
        backend,
        batch_size=batch_size,
        epochs=epochs,
        parameters=subject.parameters.model_validate(parameters).model_dump(),
    )
    found = measured(runner, of)
    assert found.floors, found.floors_waived
    assert correctness.invalid(found) is None
