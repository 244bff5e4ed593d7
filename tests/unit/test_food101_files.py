"""Food-101's files: where they are looked for, what a sample is, and what is said of none."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.dataset import Stream, in_memory
from jobs.datasets import food101_files as files
from jobs.datasets.food101 import MOST_TEST, MOST_TRAIN, food101, pictures
from jobs.errors import DataMissingError
from jobs.spec import Cell
from jobs.workloads import food101_efficientnetb0, transfer_augmented
from tests.conftest import make_cell
from tests.food101_archive import CLASSES, write_archive

PIXEL_SUM = 19_287_799


def cell(workload: str, **changes: object) -> Cell:
    values = {"train_samples": 256, "test_samples": 64}
    return make_cell(workload, **{"batch_size": 32, "parameters": values, **changes})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


def describe(root: Path, train: int, test: int, download_bytes: int = 0) -> Path:
    folder = root / "food101" / "2.0.0"
    folder.mkdir(parents=True)
    splits = [
        {"name": "train", "shardLengths": [str(train - 1), "1"]},
        {"name": "validation", "shardLengths": [str(test)]},
    ]
    said = {"splits": splits, "downloadSize": str(download_bytes)}
    (folder / "dataset_info.json").write_text(json.dumps(said))
    return folder


def test_without_the_variable_the_data_is_looked_for_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.root() == tmp_path / "tensorflow_datasets"


@pytest.mark.parametrize("parent", [".", "downloads/manual", "downloads/extracted/TAR_GZ.x"])
def test_the_unpacked_archive_is_found_in_each_of_its_places(root: Path, parent: str) -> None:
    assert files.unpacked() is None
    folder = write_archive(root / parent, train=3, test=2)
    found = files.unpacked()
    assert found is not None
    assert found.folder.resolve() == folder.resolve()
    assert [image.label for image in found.train] == [0] * 3 + [1] * 3 + [2] * 3
    assert [image.name for image in found.test] == [name for name in CLASSES for _ in range(2)]
    assert all(image.path.is_file() for image in (*found.train, *found.test))
    assert found.verified is False  # 9 images are not the published 75,750


def test_a_damaged_list_is_named_with_its_line(root: Path) -> None:
    folder = write_archive(root, train=1, test=1)
    (folder / "meta" / "train.txt").write_text("apple_pie/0\nno_food/1\n")
    with pytest.raises(DataMissingError, match=r"train\.txt, line 2: 'no_food/1' is not CLASS/NUM"):
        files.unpacked()


def test_prepared_data_is_verified_by_its_counts_and_the_size_of_its_archive(root: Path) -> None:
    assert files.prepared() is None
    folder = describe(root, files.TRAIN, files.TEST, files.ARCHIVE_BYTES)
    found = files.prepared()
    assert found == files.Prepared(folder=folder, train=75_750, test=25_250, verified=True)


@pytest.mark.parametrize(("train", "size"), [(files.TRAIN - 1, files.ARCHIVE_BYTES), (75_750, 7)])
def test_other_prepared_data_is_not_verified(root: Path, train: int, size: int) -> None:
    describe(root, train, files.TEST, size)
    found = files.prepared()
    assert found is not None
    assert found.verified is False


def test_a_description_that_is_none_says_what_to_type(root: Path) -> None:
    (describe(root, 2, 1) / "dataset_info.json").write_text('{"splits": [{"name": "train"}]}')
    with pytest.raises(DataMissingError, match=r"dataset_info\.json .* tfds build food101:2\.0\.0"):
        files.prepared()


def test_missing_data_is_an_error_with_place_and_remedy_and_no_download(root: Path) -> None:
    with pytest.raises(DataMissingError) as caught:
        food101("real", train=10, test=5, seed=1)
    said = str(caught.value)
    for part in (str(root / "food101" / "2.0.0"), "food-101/images", "data: synthetic", "5.0 GB"):
        assert part in said
    assert f"tfds build food101:2.0.0 --data_dir {root}" in said


def test_an_archive_that_waits_is_named_with_the_command_that_prepares_it(root: Path) -> None:
    archive = root / "downloads" / "manual" / files.ARCHIVE
    archive.parent.mkdir(parents=True)
    archive.touch()
    said = str(files.missing())
    assert f"{archive} is there" in said
    assert "tfds build" in said
    said = str(files.missing(layouts="unpacked"))
    assert f"type: tar -xzf {archive} -C {archive.parent}" in said
    assert "prepared in" not in said


def test_a_sample_has_as_many_of_every_class_and_is_the_same_by_seed(root: Path) -> None:
    write_archive(root, train=20, test=1)
    found = files.unpacked()
    assert found is not None
    chosen = files.sample(found.train, 6, seed=1)
    assert Counter(image.name for image in chosen) == dict.fromkeys(CLASSES, 2)
    assert chosen == files.sample(found.train, 6, seed=1)
    assert set(chosen) != set(files.sample(found.train, 6, seed=2))
    assert sorted(Counter(i.name for i in files.sample(found.train, 7, 1)).values()) == [2, 2, 3]
    assert len(set(files.sample(found.train, 100, seed=1))) == 60


def test_synthetic_images_have_the_shape_of_real_ones_and_fit_into_memory() -> None:
    made = food101("synthetic", train=64, test=8, seed=7)
    train = in_memory(made.train)
    assert train.inputs.shape == (64, 224, 224, 3)
    assert train.inputs.dtype == np.uint8
    assert train.targets.dtype == np.int32
    assert set(train.targets.tolist()) == {0, 1}  # 32 images a class
    assert made.validation is made.test
    assert made.verified is None
    assert (train.inputs.min(), train.inputs.max()) == (0, 248)
    again = in_memory(food101("synthetic", train=64, test=8, seed=7).train)
    assert np.array_equal(train.inputs, again.inputs)
    # The frozen stream: a change here changes what every machine trains on.
    assert int(train.inputs[0].astype(np.int64).sum()) == PIXEL_SUM
    assert [label for _, label in pictures(train)] == train.targets.tolist()


def test_no_more_than_the_stated_number_of_synthetic_images_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MOST_TRAIN * 224 * 224 * 3 + MOST_TEST * 224 * 224 * 3 < 400e6
    monkeypatch.setattr("jobs.datasets.food101.MOST_TRAIN", 5)
    monkeypatch.setattr("jobs.datasets.food101.MOST_TEST", 3)
    made = food101("synthetic", train=75_750, test=25_250, seed=7)
    assert (len(made.train), len(made.test)) == (5, 3)


def test_real_images_are_streams_of_as_many_as_were_asked_for(root: Path) -> None:
    write_archive(root, train=4, test=2)
    found = food101("real", train=6, test=25_250, seed=1)
    assert isinstance(found.train, Stream)
    assert (len(found.train), len(found.test)) == (6, 6)
    assert found.train.sample_bytes == 224 * 224 * 3 * 4 + 4
    assert found.verified is False
    assert os.environ["TFDS_DATA_DIR"] == str(root)


def test_a_head_that_had_time_to_learn_is_asked_whether_it_did() -> None:
    extraction, twin = food101_efficientnetb0.WORKLOAD, transfer_augmented.WORKLOAD
    assert extraction.floors(cell("food101"), 32) == {"accuracy": 0.4, "loss_drop": 0.07}
    assert extraction.floors(cell("food101"), 31) == {}
    assert extraction.floors(cell("food101", optimizer="sgd"), 5_000) == {}
    assert extraction.floors(cell("food101", data="real"), 1_999) == {}
    assert extraction.floors(cell("food101", data="real"), 2_000)["accuracy"] == 0.3
    assert twin.floors(cell("transfer_augmented"), 32) == {"loss_drop": 0.1}
    assert twin.floors(cell("transfer_augmented"), 31) == {}
    many = cell("transfer_augmented", parameters={"train_samples": 2_048, "test_samples": 64})
    assert twin.floors(many, 255) == {}  # of 64 classes; 128 images of each have to be seen
    assert twin.floors(many, 256) == {"loss_drop": 0.1}


def test_more_synthetic_classes_are_told_apart_as_often_by_chance_as_fewer() -> None:
    # A class for every 32 of the images that are made, 2,048 at most: 8, 64 and 64.
    asked = [
        food101_efficientnetb0.WORKLOAD.floors(
            cell("food101", parameters={"train_samples": images, "test_samples": 512}), 32
        )["accuracy"]
        for images in (256, 2_048, 75_750)
    ]
    assert asked == [0.4, 0.05, 0.05]


@pytest.mark.parametrize("workload", [food101_efficientnetb0, transfer_augmented])
def test_steady_takes_the_steps_from_which_there_are_floors(workload: Any) -> None:
    subject = workload.WORKLOAD
    of = cell("w", protocol="steady", epochs=None)
    assert subject.floors(of, subject.learning_steps)
    assert subject.floors(of.model_copy(update={"batch_size": 8}), subject.learning_steps) == {}


def test_steady_has_a_floor_at_the_default_size_too() -> None:
    subject = food101_efficientnetb0.WORKLOAD
    sizes = subject.parameters().model_dump()
    of = cell("food101", protocol="steady", epochs=None, parameters=sizes)
    assert set(subject.floors(of, subject.learning_steps)) == {"accuracy", "loss_drop"}


@pytest.mark.parametrize("workload", [food101_efficientnetb0, transfer_augmented])
def test_the_weights_are_named_in_the_environment(workload: Any) -> None:
    assert workload.WORKLOAD.environment(cell("w", data="real")) == {"weights": "imagenet"}
    assert workload.WORKLOAD.environment(cell("w")) == {"weights": "random"}
