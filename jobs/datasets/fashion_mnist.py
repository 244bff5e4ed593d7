"""Fashion-MNIST: the real files or synthetic data of the same shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.dataset import Dataset, Part
from jobs.datasets import fashion_mnist_files
from jobs.errors import DataMissingError
from jobs.spec import DataSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_SHAPE = (28, 28)
CLASSES = 10


def fashion_mnist(
    source: DataSource, *, train: int, validation: int, test: int, seed: int
) -> Dataset:
    """Return Fashion-MNIST, or synthetic data like it, in parts of the given sizes.

    Inputs are float32, (n, 28, 28), 0 to 1; targets int32, (n,). Without validation samples there
    is no such part.

    Real data comes in the files' order, the validation part from the end of the training file.
    Files that hold fewer images than asked for are used in the same proportion; the measurement
    records how many there were, and such a result is never compared with one from more images.

    Raises DataMissingError when the real files are neither here nor to be had, or are damaged.
    """
    if source == "synthetic":
        return _synthetic(train, validation, test, seed)
    files = fashion_mnist_files.load()
    available = len(files.train_labels)
    if train + validation > available:
        if validation:
            validation = max(1, available * validation // (train + validation))
        train = available - validation
    test = min(test, len(files.test_labels))
    if train < 1 or test < 1:
        raise DataMissingError(f"the Fashion-MNIST files in {files.folder} hold too few images")
    return Dataset(
        train=_part(files.train_images[:train], files.train_labels[:train]),
        validation=_part(
            files.train_images[available - validation :],
            files.train_labels[available - validation :],
        )
        if validation
        else None,
        test=_part(files.test_images[:test], files.test_labels[:test]),
        verified=files.verified,
    )


def _synthetic(train: int, validation: int, test: int, seed: int) -> Dataset:
    """One coarse random picture a class, under as much noise: learnt in some hundred steps.

    numpy's legacy generator, because its stream is frozen: the same seed gives the same bytes
    with every version of numpy, so on every machine.
    """
    random = np.random.RandomState(seed)
    pictures = random.randint(0, 256, size=(CLASSES, 7, 7)).repeat(4, axis=1).repeat(4, axis=2)

    def part(count: int) -> Part:
        labels = random.randint(0, CLASSES, size=count)
        noise = random.randint(0, 256, size=(count, *IMAGE_SHAPE))
        return _part(((pictures[labels] + noise) // 2).astype(np.uint8), labels)

    return Dataset(
        train=part(train),
        validation=part(validation) if validation else None,
        test=part(test),
        verified=None,
    )


def _part(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Part:
    return Part(inputs=images.astype(np.float32) / np.float32(255), targets=labels.astype(np.int32))
