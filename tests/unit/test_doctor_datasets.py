"""What `farm doctor` says of data sets: absent, partly there, whole, or damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from farm.doctor import datasets
from jobs.datasets import california_housing, cifar10_files, fashion_mnist_files, food101_files
from jobs.networks import efficientnet
from tests.food101_archive import write_archive
from tests.idx_files import write_files


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))


def test_what_is_not_there_is_no_fault() -> None:
    checks = list(datasets.checks())
    assert len(checks) == 5
    for check in checks:
        assert check.ok
        assert "not there" in check.detail
        assert "data: synthetic" in check.detail


def test_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = write_files(tmp_path / "keras", train=3, test=2)
    check = datasets.fashion_mnist()
    assert not check.ok
    assert "train-labels-idx1-ubyte.gz" in check.detail
    assert str(here) in check.detail
    assert "delete them" in check.remedy
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in here.iterdir()}
    monkeypatch.setattr(fashion_mnist_files, "CHECKSUMS", sums)
    assert datasets.fashion_mnist().detail == f"whole, in {here}"
    (here / "train-labels-idx1-ubyte.gz").unlink()
    partly = datasets.fashion_mnist()
    assert partly.ok
    assert "1 file of 4 not there" in partly.detail


def test_cifar10_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "keras" / "datasets" / cifar10_files.FOLDERS[1]
    folder.mkdir(parents=True)
    sums = {}
    for name in cifar10_files.BATCH_MD5:
        (folder / name).write_bytes(name.encode())
        sums[name] = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    damaged = datasets.cifar10()
    assert not damaged.ok
    assert "data_batch_1, data_batch_2, data_batch_3 and 3 more" in damaged.detail
    monkeypatch.setattr(cifar10_files, "BATCH_MD5", sums)
    assert datasets.cifar10().detail == f"whole, in {folder}"
    (folder / "test_batch").unlink()
    assert "not there" in datasets.cifar10().detail  # it is downloaded then


def test_cifar10_as_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    (folder / "cifar-10-python.tar.gz").write_bytes(b"cut off")
    damaged = datasets.cifar10()
    assert not damaged.ok
    assert "cifar-10-python.tar.gz" in damaged.detail
    monkeypatch.setattr(cifar10_files, "ARCHIVE_SHA256", hashlib.sha256(b"cut off").hexdigest())
    assert datasets.cifar10().ok


def test_food101_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = write_archive(tmp_path / "tfds", train=2, test=1)
    short = datasets.food101()
    assert not short.ok
    assert "its lists name 6 and 3 images" in short.detail
    monkeypatch.setattr(food101_files, "TRAIN", 6)
    monkeypatch.setattr(food101_files, "TEST", 3)
    assert datasets.food101().detail == f"whole, unpacked in {here}"
    (here / "images" / "baklava" / "1.jpg").unlink()
    missing = datasets.food101()
    assert not missing.ok
    assert "1 image missing, baklava/1.jpg first" in missing.detail
    assert "unpack food-101.tar.gz again" in missing.remedy


def prepared(folder: Path, *, shards: int, size: int) -> Path:
    here = folder / "food101" / food101_files.VERSION
    here.mkdir(parents=True, exist_ok=True)
    splits = [
        {"name": "train", "shardLengths": ["40000", "35750"], "numBytes": "20"},
        {"name": "validation", "shardLengths": ["25250"], "numBytes": "10"},
    ]
    info = {"splits": splits, "downloadSize": str(food101_files.ARCHIVE_BYTES)}
    (here / "dataset_info.json").write_text(json.dumps(info))
    for number in range(shards):
        (here / f"food101-train.tfrecord-0000{number}-of-00002").write_bytes(b"x" * size)
    (here / "food101-validation.tfrecord-00000-of-00001").write_bytes(b"x" * 10)
    return here


def test_food101_prepared(tmp_path: Path) -> None:
    here = prepared(tmp_path / "tfds", shards=2, size=10)
    assert datasets.food101().detail == f"whole, prepared in {here}"
    prepared(tmp_path / "tfds", shards=2, size=5)
    assert "train are cut short" in datasets.food101().detail
    (here / "food101-train.tfrecord-00001-of-00002").unlink()
    check = datasets.food101()
    assert not check.ok
    assert "1 of 2 files of the part train" in check.detail
    assert "`tfds build food101:2.0.0" in check.remedy
    (here / "dataset_info.json").write_text("{")
    unreadable = datasets.food101()
    assert not unreadable.ok
    assert "does not describe prepared data" in unreadable.detail
    assert "tfds build" in unreadable.remedy


def test_imagenet_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    path = efficientnet.weights_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    assert not datasets.imagenet_weights().ok
    said = hashlib.md5(b"weights", usedforsecurity=False).hexdigest()
    monkeypatch.setattr(efficientnet, "MD5", said)
    assert datasets.imagenet_weights().detail == f"whole, as {path}"


def test_california_housing() -> None:
    path = california_housing.folder() / california_housing.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert not datasets.housing().ok
    path.write_bytes(b"something")
    assert datasets.housing().ok
