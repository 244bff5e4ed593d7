"""CIFAR-10: the real files or synthetic data of the same shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.dataset import Dataset, Part
from jobs.datasets import cifar10_files
from jobs.datasets.cifar10_batch import CLASSES
from jobs.spec import DataSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_SHAPE = (32, 32, 3)
COARSE = 8  # squares a side of a synthetic class's picture


def cifar10(source: DataSource, *, train: int, test: int, seed: int) -> Dataset:
    """Return CIFAR-10, or synthetic data like it, in parts of the given sizes.

    Inputs are float32, (n, 32, 32, 3), 0 to 1; targets int32, (n,). There is no validation part:
    those who published with this data set used its test part, or none.

    Real data comes in the files' order. Files that hold fewer images than asked for are used whole;
    the measurement records how many there were.

    Raises DataMissingError when the real files are neither here nor to be had, or are damaged.
    """
    if source == "synthetic":
        return _synthetic(train, test, seed)
    files = cifar10_files.load()
    return Dataset(
        train=_part(files.train_images[:train], files.train_labels[:train]),
        validation=None,
        test=_part(files.test_images[:test], files.test_labels[:test]),
        verified=files.verified,
    )


def one_hot(part: Part) -> Part:
    """Return the same images with targets float32, (n, 10): 1 for the class, else 0."""
    return Part(inputs=part.inputs, targets=np.eye(CLASSES, dtype=np.float32)[part.targets])


def _synthetic(train: int, test: int, seed: int) -> Dataset:
    """One coarse random picture a class, under as much noise: learnt in some hundred steps.

    numpy's legacy generator, because its stream is frozen: the same seed gives the same bytes
    with every version of numpy, so on every machine.
    """
    random = np.random.RandomState(seed)
    coarse = random.randint(0, 128, size=(CLASSES, COARSE, COARSE, 3), dtype=np.uint8)
    size = IMAGE_SHAPE[0] // COARSE
    pictures = coarse.repeat(size, axis=1).repeat(size, axis=2)

    def part(count: int) -> Part:
        labels = random.randint(0, CLASSES, size=count, dtype=np.uint8)
        images = random.randint(0, 128, size=(count, *IMAGE_SHAPE), dtype=np.uint8)
        images += pictures[labels]
        return _part(images, labels)

    return Dataset(train=part(train), validation=None, test=part(test), verified=None)


def _part(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Part:
    inputs = images.astype(np.float32)
    inputs /= np.float32(255)  # in place: the training images take 614 MB
    return Part(inputs=inputs, targets=labels.astype(np.int32))
