"""What the Fashion-MNIST networks have to reach, and when nothing can be asked of them."""

from __future__ import annotations

import pytest

from jobs import catalogue
from jobs.result import Measurement
from jobs.spec import Cell
from jobs.workload import Workload
from tests.conftest import make_cell

NAMES = ("fashion_mnist_mlp", "fashion_mnist_cnn", "fashion_mnist_lstm")


def cell(**changes: object) -> Cell:
    parameters = {"train_samples": 4096, "validation_samples": 512, "test_samples": 512}
    values: dict[str, object] = {"protocol": "steady", "data_pipeline": "staged", "epochs": None}
    return make_cell(**{**values, "parameters": parameters, **changes})  # type: ignore[arg-type]


def measurement(records: int, **changes: object) -> Measurement:
    values: dict[str, object] = {
        "lap_seconds": (1.0,),
        "warmup_lap_seconds": (),
        "cold_start_seconds": 1.0,
        "total_seconds": 2.0,
        "samples_per_lap": 100,
        "steps_per_lap": 1,
        "samples_per_epoch": 100,
        "history": {"loss": tuple(1.0 / (1 + i) for i in range(records))},
        "steps_per_history": 8,
        "test": {"accuracy": 0.9},
        **changes,
    }
    return Measurement.model_validate(values)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch_size", [32, 1024])
def test_sixty_four_steps_are_enough_to_ask_for_learning(name: str, batch_size: int) -> None:
    floors = catalogue.find(name).floors(cell(batch_size=batch_size), 64)
    assert floors["accuracy"] > 0.1  # chance
    assert floors["loss_drop"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_too_short_a_training_is_asked_for_nothing(name: str) -> None:
    subject = catalogue.find(name)
    few = {"train_samples": 100, "validation_samples": 1, "test_samples": 1}
    assert subject.floors(cell(), 63) == {}
    assert subject.floors(cell(batch_size=8), 64) == {}
    assert subject.floors(cell(batch_size=8), 256) != {}
    assert subject.floors(cell(parameters=few), 1000) == {}


def test_plain_sgd_takes_longer_to_show_that_it_learns() -> None:
    cnn, mlp = catalogue.find("fashion_mnist_cnn"), catalogue.find("fashion_mnist_mlp")
    assert cnn.floors(cell(optimizer="sgd"), 64) == {}
    assert cnn.floors(cell(optimizer="sgd"), 2000)["loss_drop"] > 0
    assert mlp.floors(cell(optimizer="sgd"), 64)["loss_drop"] > 0


def test_less_is_asked_of_real_data_than_of_synthetic() -> None:
    subject = catalogue.find("fashion_mnist_mlp")
    real, synthetic = (subject.floors(cell(data=data), 64) for data in ("real", "synthetic"))
    assert all(real[name] < synthetic[name] for name in real)


def test_an_epoch_so_long_that_it_holds_all_the_learning_is_asked_for_no_fall() -> None:
    long = {"train_samples": 200_000, "validation_samples": 512, "test_samples": 512}
    floors = catalogue.find("fashion_mnist_mlp").floors(
        cell(protocol="train", epochs=2, batch_size=32, parameters=long), 12_500
    )
    assert set(floors) == {"accuracy"}


def judged(subject: Workload, measured: Measurement, **changes: object) -> Measurement:
    return subject.with_floors(cell(**changes), measured)


def test_a_measurement_says_what_was_asked_of_it_or_why_nothing_was() -> None:
    subject = catalogue.find("fashion_mnist_mlp")
    asked = judged(subject, measurement(8))
    assert set(asked.floors) == {"accuracy", "loss_drop"}
    assert asked.floors_waived is None
    short = judged(subject, measurement(2))
    assert (short.floors, short.floors_waived) == (
        {},
        "16 training steps of 128 samples with adam are too few to learn from",
    )
    one_epoch = judged(subject, measurement(1, steps_per_history=64))
    assert set(one_epoch.floors) == {"accuracy"}  # no two losses to compare
    not_published = judged(subject, measurement(8, data_verified=False), data="real")
    assert not_published.floors == {}
    assert "not the published" in str(not_published.floors_waived)


def test_what_a_workload_has_filled_in_itself_stays() -> None:
    subject = catalogue.find("fashion_mnist_mlp")
    own = measurement(8, floors={"iou": 0.3})
    assert judged(subject, own) is own


def test_a_workload_without_floors_asks_for_nothing(noop_workload: None) -> None:
    measured = judged(catalogue.find("noop"), measurement(8))
    assert (measured.floors, measured.floors_waived) == ({}, None)


def test_an_accuracy_over_a_handful_of_images_is_not_demanded() -> None:
    few = {"train_samples": 4096, "validation_samples": 64, "test_samples": 5}
    assert set(catalogue.find(NAMES[0]).floors(cell(parameters=few), 1000)) == {"loss_drop"}
