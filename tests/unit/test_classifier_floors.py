"""What the networks of 2021 have to reach, and when nothing can be asked of them."""

from __future__ import annotations

import pytest

from jobs import catalogue
from jobs.floors import Floor, floors
from jobs.spec import Cell
from tests.conftest import make_cell, make_job

TINY, RESNET, MLP = "cifar10_tinyvgg", "cifar10_resnet50", "fashion_mnist_mlp_small"
FLOOR = {("synthetic", "fast"): Floor(steps=10, minima={"accuracy": 0.4, "loss_drop": 0.2})}


def cell(**changes: object) -> Cell:
    sizes = {"train_samples": 4096, "test_samples": 512}
    values: dict[str, object] = {"protocol": "steady", "data_pipeline": "staged", "epochs": None}
    return make_cell(**{**values, "parameters": sizes, **changes})  # type: ignore[arg-type]


def asked(steps: int = 100, train: int = 4096, test: int = 512, **changes: object) -> set[str]:
    of = cell(**changes)
    return set(floors(FLOOR, of, steps, train_samples=train, test_samples=test))  # type: ignore[arg-type]


def test_what_can_be_asked_depends_on_what_was_trained_and_tested() -> None:
    both = {"accuracy", "loss_drop"}
    assert asked() == both
    assert asked(steps=16) == both  # 2,048 images of 128 a step
    assert asked(steps=15) == asked(steps=9, batch_size=1024) == set()
    assert asked(steps=10, batch_size=1024) == both
    assert asked(train=256) == both
    assert asked(train=255) == set()
    assert asked(test=32) == both
    assert asked(test=31) == {"loss_drop"}
    assert asked(train=256_000, protocol="train", epochs=2) == both
    assert asked(train=256_001, protocol="train", epochs=2) == {"accuracy"}
    assert asked(optimizer="sgd") == asked(data="real") == set()


@pytest.mark.parametrize(
    ("name", "data", "optimizer", "steps", "too_few"),
    [
        (TINY, "synthetic", "adam", 64, 63),
        (TINY, "synthetic", "sgd", 1000, 999),
        (TINY, "real", "adam", 391, 382),  # of 128 images: the source's first epoch
        (RESNET, "synthetic", "adam", 16, 15),
        (RESNET, "synthetic", "sgd", 16, 15),
        (RESNET, "real", "adam", 782, 781),  # two epochs
        (MLP, "synthetic", "adam", 64, 63),
        (MLP, "synthetic", "sgd", 64, 63),
        (MLP, "real", "adam", 64, 63),
        (MLP, "real", "sgd", 2000, 1999),
    ],
)
def test_each_network_is_asked_once_it_must_have_learnt(
    name: str, data: str, optimizer: str, steps: int, too_few: int
) -> None:
    subject = catalogue.find(name)
    of = cell(workload=name, data=data, optimizer=optimizer)
    found = subject.floors(of, steps)
    assert set(found) == ({"loss_drop"} if name == RESNET else {"accuracy", "loss_drop"})
    # A learning rate of 0 misses them: chance is 0.1, and the loss hardly moves.
    assert found["loss_drop"] >= 0.05
    assert found.get("accuracy", 0.2) >= 0.2
    assert subject.floors(of, too_few) == {}


def test_nothing_is_asked_of_real_cifar10_with_plain_sgd() -> None:
    for name in (TINY, RESNET):
        of = cell(workload=name, data="real", optimizer="sgd")
        assert catalogue.find(name).floors(of, 100_000) == {}


def test_nothing_is_asked_of_resnet50_on_batches_so_small_that_their_losses_scatter() -> None:
    subject = catalogue.find(RESNET)
    assert subject.floors(cell(workload=RESNET, batch_size=31), 10_000) == {}
    assert subject.floors(cell(workload=RESNET, batch_size=32), 10_000) != {}


def test_each_is_found_by_its_short_name_and_defined_as_its_source_says() -> None:
    for alias, name in (("tinyvgg", TINY), ("resnet50", RESNET), ("mlp-small", MLP)):
        subject = catalogue.find(alias)
        assert (subject.name, subject.optimizer, subject.epochs) == (name, "adam", 10)
        sizes = subject.parameters().model_dump()
        assert sizes["test_samples"] == 10_000
        assert sizes["train_samples"] == (60_000 if name == MLP else 50_000)


def test_tiny_vgg_keeps_the_order_of_its_images_and_validates_with_the_test_part() -> None:
    from jobs.workloads import cifar10_resnet50, cifar10_tinyvgg

    tiny, resnet = cifar10_tinyvgg.WORKLOAD, cifar10_resnet50.WORKLOAD
    of = make_job(cell(workload=TINY))
    assert (tiny.plan(of).shuffle, resnet.plan(of).shuffle) == (False, True)
    sizes = tiny.parameters(train_samples=12, test_samples=6)
    found = tiny.dataset(sizes, "synthetic", 1)
    assert found.validation is found.test
    same = resnet.dataset(sizes, "synthetic", 1)
    assert same.validation is None
    assert same.train.targets.argmax(axis=1).tolist() == found.train.targets.tolist()  # type: ignore[union-attr]
    assert same.test.targets.shape == (6, 10)  # type: ignore[union-attr]
