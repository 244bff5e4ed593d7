"""A network on Fashion-MNIST-like arrays, as somebody would write it who knows no farm.

    python tests/benchmarks/bare_keras.py ARRAYS.npz mlp|cnn BATCH EPOCHS SEED pipeline|arrays

Prints the seconds of each epoch as JSON. `pipeline` feeds a tf.data pipeline with the autotuner
off, `arrays` leaves the arrays to `fit`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def mlp() -> keras.Model:
    """Return the network of Daniel 2023, as reconstructed."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn() -> keras.Model:
    """Return the network of Daniel 2023, as reconstructed."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


class EpochTimes(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes how long each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self.began)


def pipeline(x: Any, y: Any, batch: int, *, shuffle: bool) -> tf.data.Dataset:
    """Return batches of the arrays, shuffled anew every pass, without tf.data's autotuner."""
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    if shuffle:
        dataset = dataset.shuffle(len(x))
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.batch(batch).prefetch(1).with_options(options)


def main(argv: list[str]) -> None:
    """Train and print."""
    path, network, batch, epochs, seed, feed = argv
    keras.utils.set_random_seed(int(seed))
    arrays = np.load(path)
    x, y, val_x, val_y = (arrays[name] for name in ("x", "y", "val_x", "val_y"))
    if network == "cnn":
        x, val_x = x[..., None], val_x[..., None]
    model = mlp() if network == "mlp" else cnn()
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    times = EpochTimes()
    common: dict[str, Any] = {"epochs": int(epochs), "callbacks": [times], "verbose": 0}
    if feed == "arrays":
        model.fit(x, y, batch_size=int(batch), validation_data=(val_x, val_y), **common)
    else:
        model.fit(
            pipeline(x, y, int(batch), shuffle=True),
            validation_data=pipeline(val_x, val_y, int(batch), shuffle=False),
            **common,
        )
    print(json.dumps(times.seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
