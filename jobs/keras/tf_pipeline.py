"""Batches for TensorFlow from arrays in memory, by a pipeline that does not tune itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobs.dataset import Part

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray


def batches(
    part: Part, batch_size: int, *, shuffle_seed: int | None = None, endless: bool = False
) -> tf.data.Dataset:
    """Return a dataset of (inputs, targets) batches, one pass over the part; the last may be small.

    With `shuffle_seed`, every pass has its own order, the same for the same seed. With `endless`
    as well, passes follow each other and every batch is full: a pass drops what does not fill one,
    and a part that is smaller than a batch is repeated until it fills one.

    Keras makes a pipeline of its own from arrays, with tf.data's autotuner on. Seen with TensorFlow
    2.21: an epoch then often ends in one of the autotuner's timed waits (10 ms, doubling), so that
    an epoch of 155 ms of work lasts 310 ms. That is neither the hardware's time nor steady.

    Keras starts a pipeline anew for every epoch and every validation, which is on the clock. So
    this one is made of few parts: datasets within a dataset cost 17 ms a start, these 3 to 5 ms.
    Numbers are shuffled and not samples, which would all be copied before the first batch.
    """
    import tensorflow as tf

    count = len(part)
    with tf.device("CPU:0"):
        inputs, targets = tf.constant(part.inputs), tf.constant(part.targets)

    def gather(rows: Any) -> tuple[Any, Any]:
        return tf.gather(inputs, rows), tf.gather(targets, rows)

    def slices(step: Any) -> tuple[Any, Any]:
        chosen = slice(step * batch_size, (step + 1) * batch_size)
        return inputs[chosen], targets[chosen]

    steps = math.ceil(count / batch_size)
    if shuffle_seed is None:
        dataset = tf.data.Dataset.range(steps).map(slices)
    else:
        several = max(count, batch_size) if endless else count
        shuffled = tf.data.Dataset.range(several).shuffle(several, seed=shuffle_seed)
        rows = shuffled.batch(batch_size, drop_remainder=endless)
        if endless:
            rows = rows.repeat().map(lambda row: row % count)
        dataset = rows.map(gather)
    cardinality = tf.data.INFINITE_CARDINALITY if endless else steps
    return (
        dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
        .prefetch(1)
        .with_options(_without_autotuner())
    )


def stage(part: Part, rows: NDArray[np.integer]) -> Callable[[keras.Model], None]:
    """Put the batches with these row numbers, (batches, batch size), on the device.

    Returns what makes a model, before its first `fit`, take the numbers of batches (see `indices`)
    for data, and train on the batches themselves. A tf.data pipeline that yields the batches would
    copy each from the host: its elements lie there. Numbers of int32 become int64, because
    TensorFlow keeps int32 in host memory even on a GPU.
    """
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    with tf.device(gpus[0].name if gpus else "CPU:0"):
        inputs = tf.identity(placeable(part.inputs[rows]))
        targets = tf.identity(placeable(part.targets[rows]))

    def attach(model: keras.Model) -> None:
        train_step = model.train_step
        model.train_step = lambda number: train_step((inputs[number], targets[number]))

    return attach


def indices(count: int) -> tf.data.Dataset:
    """Return a dataset of 0, 1, …, count - 1, and from 0 again, without end."""
    import tensorflow as tf

    return tf.data.Dataset.range(count).repeat().with_options(_without_autotuner())


def placeable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array as TensorFlow can keep it on a GPU: it leaves int32 in host memory."""
    return array.astype("int64") if array.dtype == "int32" else array


def _without_autotuner() -> tf.data.Options:
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return options
