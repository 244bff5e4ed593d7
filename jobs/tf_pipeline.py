"""Batches for TensorFlow from arrays in memory, by a pipeline that does not tune itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from jobs.data import Part

if TYPE_CHECKING:
    import tensorflow as tf


def batches(part: Part, batch_size: int, *, shuffle_seed: int | None = None) -> tf.data.Dataset:
    """Return a dataset of (images, labels) batches, one pass over the part; the last may be small.

    With `shuffle_seed`, every pass has its own order, the same for the same seed.

    Keras makes a pipeline of its own from arrays, with tf.data's autotuner on. Seen with TensorFlow
    2.21: an epoch then often ends in one of the autotuner's timed waits (10 ms, doubling), so that
    an epoch of 155 ms of work lasts 310 ms. That is neither the hardware's time nor steady.
    """
    import tensorflow as tf

    count = len(part)
    steps = math.ceil(count / batch_size)
    with tf.device("CPU:0"):
        images, labels = tf.constant(part.images), tf.constant(part.labels)

    def one_pass(seed: Any) -> tf.data.Dataset:
        order = tf.range(count)
        if shuffle_seed is not None:
            order = tf.random.experimental.stateless_shuffle(order, seed=tf.stack([seed, seed]))
        return tf.data.Dataset.range(steps).map(
            lambda step: _take(images, labels, order[step * batch_size : (step + 1) * batch_size]),
            deterministic=True,
        )

    seeds = tf.data.Dataset.random(seed=shuffle_seed or 0, rerandomize_each_iteration=True)
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        seeds.take(1)
        .flat_map(one_pass)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .prefetch(1)
        .with_options(options)
    )


def _take(images: Any, labels: Any, order: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    return tf.gather(images, order), tf.gather(labels, order)
