"""Overlap of a predicted mask with the true one: a loss and two metrics, on any Keras backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Areas:
    """What the masks of each picture cover, in pixels, as float32 tensors of shape (batch,).

    A prediction p of 0 to 1 counts by its value. For true masks of 0 and 1, the union that the
    source sums as min(t + p, 1) is the sum of t + p - t × p: the same number, and unlike a
    minimum it has one gradient everywhere, on every backend.
    """

    true: Any
    predicted: Any
    shared: Any
    squared_error: Any
    present: Any  # 1 for a picture whose true mask is not empty, else 0

    @property
    def union(self) -> Any:
        """Return what either covers."""
        return self.true + self.predicted - self.shared

    @property
    def iou(self) -> Any:
        """Return intersection over union; 0 for no true mask (P. Jaccard 1912)."""
        return _ratio(self.shared, self.union)

    @property
    def dice(self) -> Any:
        """Return twice the intersection over both areas; 0 for no true mask (L. Dice 1945)."""
        return _ratio(2 * self.shared, self.true + self.predicted)


def areas(true: Any, predicted: Any) -> Areas:
    """Measure masks of shape (batch, height, width, 1), true ones 0 or 1, predicted 0 to 1.

    In float32 whatever they come in: float16 cannot count beyond 65,504 pixels.
    """
    from keras import ops

    true, predicted = ops.cast(true, "float32"), ops.cast(predicted, "float32")

    def total(values: Any) -> Any:
        return ops.sum(values, axis=(1, 2, 3))

    return Areas(
        true=total(true),
        predicted=total(predicted),
        shared=total(true * predicted),
        squared_error=total(ops.square(true - predicted)),
        present=ops.max(true, axis=(1, 2, 3)),
    )


def loss(true: Any, predicted: Any) -> Any:
    """Return squared error ÷ union + 1 - IoU² of each picture: (batch,) (Shirakawa 2021).

    The source masks the mean over a picture's classes: a class that is not in the true mask does
    not count, and a picture with none has a loss of 0. Here is one class. Keras takes the mean of
    the pictures.
    """
    from keras import ops

    of = areas(true, predicted)
    return of.present * (_ratio(of.squared_error, of.union) + 1 - ops.square(of.iou))


def iou() -> Any:
    """Return the metric `iou`: the mean of the pictures' intersection over union, 0 to 1."""
    import keras

    def values(true: Any, predicted: Any) -> Any:
        return areas(true, predicted).iou

    return keras.metrics.MeanMetricWrapper(values, name="iou", dtype="float32")


def dice() -> Any:
    """Return the metric `dice`: the mean of the pictures' Dice coefficients, 0 to 1."""
    import keras

    def values(true: Any, predicted: Any) -> Any:
        return areas(true, predicted).dice

    return keras.metrics.MeanMetricWrapper(values, name="dice", dtype="float32")


def _ratio(part: Any, whole: Any) -> Any:
    from keras import ops

    # `where` alone would give a gradient that is no number where the whole is 0.
    safe = ops.where(whole > 0, whole, ops.ones_like(whole))
    return ops.where(whole > 0, part / safe, ops.zeros_like(part))
