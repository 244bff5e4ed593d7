"""Dataset: the samples that a network is trained on, validated with and tested with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Part:
    """Samples in host memory.

    Raises TypeError for float64, which no network here computes in and Apple's GPUs do not have.
    """

    inputs: NDArray[Any]  # (n, …)
    targets: NDArray[Any]  # (n, …)

    def __post_init__(self) -> None:
        for array in (self.inputs, self.targets):
            if array.dtype == np.float64:
                raise TypeError("samples are float64; make them float32, uint8 or int32")

    def __len__(self) -> int:
        return len(self.targets)

    def head(self, count: int) -> Part:
        """Return the first samples, at most `count`."""
        return replace(self, inputs=self.inputs[:count], targets=self.targets[:count])

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample, its target included."""
        return max(1, (self.inputs.nbytes + self.targets.nbytes) // max(1, len(self)))


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Samples that are read and decoded while the network trains, because memory cannot hold them.

    TensorFlow's pipeline reads them, whatever backend trains.
    """

    count: int
    # (batch size, seed of the order or None for the files' own) → one pass of (inputs, targets).
    batches: Callable[[int, int | None], tf.data.Dataset]
    sample_bytes: int  # of one sample, its target included

    def __len__(self) -> int:
        return self.count

    def head(self, count: int) -> Part:
        """Read the first samples into memory, at most `count`."""
        inputs, targets = next(iter(self.batches(min(count, self.count), None).take(1)))
        return Part(inputs=np.asarray(inputs), targets=np.asarray(targets))


Samples: TypeAlias = Part | Stream


def in_memory(samples: Samples | None) -> Part:
    """Return samples that are known to lie in memory; raise TypeError for others."""
    if not isinstance(samples, Part):
        raise TypeError(f"these samples are not in memory: {samples!r}")
    return samples


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What a network is trained on, validated with after every epoch, and tested with once."""

    train: Samples
    validation: Samples | None  # None: whoever defined the workload does not validate
    test: Samples
    verified: bool | None  # the files are byte for byte the published ones; None: made up

    def with_channel(self) -> Dataset:
        """Return the same samples in memory with a last axis of 1: images as (n, y, x, 1)."""

        def channel(part: Samples) -> Samples:
            known = in_memory(part)
            return replace(known, inputs=known.inputs[..., np.newaxis])

        return replace(
            self,
            train=channel(self.train),
            validation=self.validation and channel(self.validation),
            test=channel(self.test),
        )
