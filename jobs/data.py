"""Dataset: real data-set files or synthetic data of the same shapes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from jobs import fashion_mnist_files
from jobs.errors import DataMissingError
from jobs.spec import DataSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

Images: TypeAlias = "NDArray[np.float32]"  # (n, 28, 28) or (n, 28, 28, 1), 0 to 1
Labels: TypeAlias = "NDArray[np.int32]"  # (n,)

IMAGE_SHAPE = (28, 28)
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Part:
    """Images and their labels, in memory."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, count: int) -> Part:
        """Return the first samples, at most `count`."""
        return Part(images=self.images[:count], labels=self.labels[:count])


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What a classifier is trained on, validated with after every epoch, and tested with once."""

    train: Part
    validation: Part
    test: Part
    verified: bool | None  # the files are byte for byte the published ones; None for synthetic data

    def with_channel(self) -> Dataset:
        """Return the same data with a channel axis: (n, 28, 28, 1)."""

        def channel(part: Part) -> Part:
            return replace(part, images=part.images[..., np.newaxis])

        return replace(
            self,
            train=channel(self.train),
            validation=channel(self.validation),
            test=channel(self.test),
        )


def fashion_mnist(
    source: DataSource, *, train: int, validation: int, test: int, seed: int
) -> Dataset:
    """Return Fashion-MNIST, or synthetic data like it, in parts of the given sizes.

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
        ),
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

    return Dataset(train=part(train), validation=part(validation), test=part(test), verified=None)


def _part(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Part:
    return Part(images=images.astype(np.float32) / np.float32(255), labels=labels.astype(np.int32))
