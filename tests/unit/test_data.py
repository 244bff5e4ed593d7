"""Data: the real files' format and faults, and what synthetic data promises."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from jobs.dataset import Dataset, in_memory
from jobs.datasets import fashion_mnist as data
from jobs.errors import DataMissingError
from tests.idx_files import idx_images, idx_labels

LABELS = [3, 0, 1, 1, 5, 5, 6, 0]
PIXEL_SUM = 25182


def real(train: int, validation: int, test: int) -> Dataset:
    return data.fashion_mnist("real", train=train, validation=validation, test=test, seed=1)


def test_real_files_are_read_and_split_as_published(folder: Path) -> None:
    dataset = real(100, 20, 30)
    assert in_memory(dataset.train).inputs.shape == (100, 28, 28)
    assert in_memory(dataset.train).inputs.dtype == np.float32
    assert in_memory(dataset.train).inputs.min() == 0.0
    assert in_memory(dataset.train).inputs.max() == pytest.approx(250 / 255)
    assert in_memory(dataset.train).targets[:3].tolist() == [0, 1, 2]
    # The validation part is the end of the training file.
    assert in_memory(dataset.validation).targets.tolist() == [i % 10 for i in range(100, 120)]
    assert len(dataset.test) == 30
    assert dataset.verified is False  # these are not the published bytes
    assert in_memory(dataset.with_channel().test).inputs.shape == (30, 28, 28, 1)


def test_smaller_files_are_used_in_proportion(folder: Path) -> None:
    dataset = real(50_000, 10_000, 10_000)
    validation = in_memory(dataset.validation)
    assert (len(dataset.train), len(validation), len(dataset.test)) == (100, 20, 30)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train-images-idx3-ubyte.gz", b"not gzip", "does not unpack"),
        ("train-images-idx3-ubyte.gz", idx_images(120)[:-20], "does not unpack"),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"xy", mtime=0), "too short"),
        ("train-images-idx3-ubyte.gz", idx_labels(120), "not an IDX file of 28 × 28 images"),
        ("train-labels-idx1-ubyte.gz", idx_images(120), "not an IDX file of labels"),
        ("train-labels-idx1-ubyte.gz", idx_labels(119), "do not belong together"),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(struct.pack(">II", 0x801, 30) + b"\x0b" * 30, mtime=0),
            "holds the label 11",
        ),
    ],
)
def test_damaged_files_are_named(folder: Path, name: str, content: bytes, said: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(DataMissingError, match=said):
        real(100, 20, 30)


def synthetic(seed: int = 7) -> Dataset:
    return data.fashion_mnist("synthetic", train=64, validation=16, test=16, seed=seed)


def test_synthetic_data_has_the_shapes_and_types_of_the_real(folder: Path) -> None:
    made, read = synthetic(), real(64, 16, 16)
    for part in ("train", "validation", "test"):
        ours, theirs = getattr(made, part), getattr(read, part)
        assert ours.inputs.shape == theirs.inputs.shape
        assert ours.inputs.dtype == theirs.inputs.dtype
        assert ours.targets.dtype == theirs.targets.dtype
    assert made.verified is None


def test_synthetic_data_is_the_same_by_seed_on_every_machine() -> None:
    first = synthetic()
    assert np.array_equal(in_memory(first.train).inputs, in_memory(synthetic().train).inputs)
    assert not np.array_equal(in_memory(first.train).inputs, in_memory(synthetic(8).train).inputs)
    # The frozen stream: a change here changes what every machine trains on.
    assert in_memory(first.train).targets[:8].tolist() == LABELS
    assert round(float(in_memory(first.train).inputs.sum())) == PIXEL_SUM
