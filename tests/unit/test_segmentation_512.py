"""What the segmentation of triangles has to reach, and what it is by default."""

from __future__ import annotations

import pytest

from jobs import catalogue
from jobs.spec import Cell
from jobs.workload import Workload
from tests.conftest import make_cell


@pytest.fixture
def subject() -> Workload:
    return catalogue.find("segmentation_512")


def cell(train: int = 500, validation: int = 100, **changes: object) -> Cell:
    return make_cell(
        "segmentation_512",
        **{
            "batch_size": 16,
            "epochs": 2,
            "optimizer": "sgd",
            "data": "generated",
            "parameters": {"train_images": train, "validation_images": validation},
            **changes,
        },
    )


def test_the_defaults_are_those_of_the_source(subject: Workload) -> None:
    assert subject.parameters().model_dump() == {"train_images": 500, "validation_images": 100}
    assert (subject.optimizer, subject.epochs) == ("sgd", 2)
    assert subject.data_sources == ("generated",)


def test_the_published_training_has_to_learn(subject: Workload) -> None:
    floors = subject.floors(cell(), 2 * 32)
    assert set(floors) == {"loss_drop", "iou"}
    assert 0.06 < floors["iou"] < 0.9  # a mask of everything has the one, 16 steps reach the other
    assert 0.05 < floors["loss_drop"] < 0.3


def test_a_few_steps_have_only_to_lower_the_loss(subject: Workload) -> None:
    assert set(subject.floors(cell(), 8)) == {"loss_drop"}
    assert subject.floors(cell(), 7) == {}
    assert set(subject.floors(cell(train=32, batch_size=1), 64)) == {"loss_drop"}


def test_an_overlap_on_a_handful_of_pictures_is_not_demanded(subject: Workload) -> None:
    assert set(subject.floors(cell(validation=15), 64)) == {"loss_drop"}


def test_an_epoch_that_holds_all_the_learning_is_asked_for_no_fall(subject: Workload) -> None:
    assert set(subject.floors(cell(batch_size=2), 500)) == {"iou"}
    steady = cell(batch_size=2, protocol="steady", data_pipeline="staged", epochs=None)
    assert set(subject.floors(steady, 500)) == {"iou", "loss_drop"}


def test_nothing_is_known_of_other_optimizers(subject: Workload) -> None:
    assert subject.floors(cell(optimizer="adam"), 64) == {}
