"""CIFAR-10: its files where Keras keeps them and their faults, and what synthetic data promises."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest

from jobs.dataset import Dataset, Part
from jobs.datasets import cifar10_files
from jobs.datasets.cifar10 import cifar10, one_hot
from jobs.datasets.cifar10_files import ARCHIVES, BATCH_MD5, FOLDERS, INNER
from jobs.errors import DataMissingError
from tests.cifar10_files import batch, contents, write_archive, write_batches

LABELS = [1, 8, 7, 7, 8, 7, 0, 5]
PIXEL_SUM = 98_196


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which Keras looks for data sets; there is nothing in it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(cifar10_files, "_download", no_download)
    return tmp_path / "datasets"


def no_download(archive: Path) -> None:
    raise AssertionError("what is there was to be downloaded")


def real(train: int = 50_000, test: int = 10_000) -> Dataset:
    return cifar10("real", train=train, test=test, seed=1)


def synthetic(seed: int = 7) -> Dataset:
    return cifar10("synthetic", train=64, test=16, seed=seed)


def of(part: object) -> Part:
    assert isinstance(part, Part)
    return part


@pytest.mark.parametrize("name", FOLDERS)
def test_batches_where_either_keras_unpacks_them_are_read_in_their_order(
    here: Path, name: str
) -> None:
    write_batches(here / name)
    dataset = real()
    train = of(dataset.train)
    # Four images a batch; batch i counts its labels and pixels up from i.
    assert train.targets.tolist() == [i + j for i in range(5) for j in range(4)]
    assert (train.inputs[::4, 0, 0, 0] * 255).round().tolist() == [0, 1, 2, 3, 4]
    assert of(dataset.test).targets.tolist() == [0, 1, 2]
    assert dataset.validation is None
    assert train.inputs.shape == (20, 32, 32, 3)
    assert train.inputs.dtype == np.float32
    assert (train.inputs.min(), train.inputs.max()) == (0, np.float32(250) / np.float32(255))
    assert dataset.verified is False  # these are not the published bytes
    assert [len(part) for part in (real(train=7).train, real(test=2).test)] == [7, 2]


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_alone_is_read_and_then_kept_unpacked(here: Path, name: str) -> None:
    archive = write_archive(here / name, {"readme.html": b"of no interest", **contents(4, 3)})
    assert len(real().train) == 20
    archive.unlink()  # and it is not needed again
    assert len(real().train) == 20
    assert {path.name for path in (here / FOLDERS[0]).iterdir()} == set(BATCH_MD5)


def test_an_archive_in_a_folder_that_cannot_be_written_to_is_read(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(here / ARCHIVES[1])
    (here / FOLDERS[0].split("/", maxsplit=1)[0]).write_bytes(b"a file where a folder belongs")
    assert len(real().train) == 20


def test_half_unpacked_batches_are_read_from_the_archive_beside_them(here: Path) -> None:
    (write_batches(here / FOLDERS[0]) / "data_batch_5").unlink()
    write_archive(here / ARCHIVES[0], contents(2, 3))
    assert len(real().train) == 10
    assert len(real().train) == 10


def test_an_archives_published_checksum_verifies_the_data(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(here / ARCHIVES[0])
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10_files, "ARCHIVE_SHA256", checksum)
    assert real().verified is True


def test_every_batchs_published_checksum_verifies_the_data(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_batches(here / FOLDERS[1])
    for name, content in contents(4, 3).items():
        monkeypatch.setitem(BATCH_MD5, name, hashlib.md5(content).hexdigest())
    assert real().verified is True
    (place / "test_batch").write_bytes(batch(5))
    assert real().verified is False


def test_a_damaged_batch_is_named(here: Path) -> None:
    place = write_batches(here / FOLDERS[0])
    (place / "data_batch_2").write_bytes(b"cut off")
    with pytest.raises(DataMissingError) as caught:
        real()
    said = str(caught.value)
    assert said.startswith(f"{place} is damaged: data_batch_2: it does not unpickle")
    assert "Delete it" in said


@pytest.mark.parametrize("cut", [100, 5_000])
def test_a_damaged_archive_is_named_and_nothing_of_it_kept(here: Path, cut: int) -> None:
    archive = write_archive(here / ARCHIVES[0], contents(20, 20))
    archive.write_bytes(archive.read_bytes()[:-cut])
    with pytest.raises(DataMissingError, match=f"{archive} is damaged: it does not unpack"):
        real()
    assert sorted(path.name for path in here.iterdir()) == [archive.name]


def test_no_archive_under_the_archives_name_is_a_damaged_one(here: Path) -> None:
    here.mkdir()
    (here / ARCHIVES[0]).write_bytes(b"<html>not found</html>")
    with pytest.raises(DataMissingError, match="is damaged: it does not unpack"):
        real()


def test_an_archive_without_one_of_the_batches_is_named(here: Path) -> None:
    lacking = contents(4, 3)
    del lacking["data_batch_3"], lacking["test_batch"]
    archive = write_archive(here / ARCHIVES[2], lacking)
    with pytest.raises(DataMissingError, match="it holds no data_batch_3, test_batch"):
        real()
    assert sorted(path.name for path in here.iterdir()) == [archive.name]


def test_a_batch_in_an_archive_that_is_no_file_is_not_read(here: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(batch(4))
    archive = write_archive(here / ARCHIVES[0], {"readme.html": b"of no interest"})
    with tarfile.open(archive, "w:gz") as opened:
        for name in BATCH_MD5:
            member = tarfile.TarInfo(f"{INNER}/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path / "elsewhere")
            opened.addfile(member)
    with pytest.raises(DataMissingError, match="it holds no data_batch_1, data_batch_2"):
        real()


def test_synthetic_data_has_the_shapes_and_types_of_the_real(here: Path) -> None:
    write_batches(here / FOLDERS[0], count=13, test=16)
    made, read = synthetic(), real(train=64)
    for name in ("train", "test"):
        ours, theirs = of(getattr(made, name)), of(getattr(read, name))
        assert (ours.inputs.shape, ours.inputs.dtype) == (theirs.inputs.shape, theirs.inputs.dtype)
        assert (ours.targets.shape, ours.targets.dtype) == (
            theirs.targets.shape,
            theirs.targets.dtype,
        )
        assert 0 <= ours.inputs.min() < ours.inputs.max() <= 1
    assert made.verified is None
    assert made.validation is None


def test_synthetic_data_is_the_same_by_seed_on_every_machine() -> None:
    first = of(synthetic().train)
    assert np.array_equal(first.inputs, of(synthetic().train).inputs)
    assert not np.array_equal(first.inputs, of(synthetic(8).train).inputs)
    # The frozen stream: a change here changes what every machine trains on.
    assert first.targets[:8].tolist() == LABELS
    assert round(float(first.inputs.sum())) == PIXEL_SUM


def test_one_hot_targets_have_a_one_where_the_class_is() -> None:
    part = of(synthetic().train)
    hot = one_hot(part)
    assert hot.targets.shape == (64, 10)
    assert hot.targets.dtype == np.float32
    assert hot.targets.argmax(axis=1).tolist() == part.targets.tolist()
    assert hot.targets.sum() == 64
    assert hot.inputs is part.inputs
