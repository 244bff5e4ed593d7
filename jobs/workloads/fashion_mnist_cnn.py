"""Convolutional network on Fashion-MNIST (Daniel 2023; layers reconstructed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.datasets.fashion_mnist import CLASSES
from jobs.fashion_mnist import FashionMnistWorkload

if TYPE_CHECKING:
    import keras


class FashionMnistCnn(FashionMnistWorkload):
    """Conv 32, MaxPool, Conv 64, MaxPool, Conv 64, Flatten, Dense 64, Dense 10."""

    aliases = ("cnn",)
    summary = "convolutional network on Fashion-MNIST, 93,322 parameters"
    channels = True

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, 28, 28, 1) in, (batch, 10) probabilities out."""
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input((28, 28, 1)),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(64, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(CLASSES, activation="softmax"),
            ]
        )


WORKLOAD = FashionMnistCnn()
