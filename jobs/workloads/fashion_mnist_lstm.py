"""Recurrent network on Fashion-MNIST (Daniel 2023; layers reconstructed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.datasets.fashion_mnist import CLASSES
from jobs.fashion_mnist import FashionMnistWorkload

if TYPE_CHECKING:
    import keras


class FashionMnistLstm(FashionMnistWorkload):
    """An image as 28 steps of 28 features: LSTM 128, Dense 10."""

    aliases = ("lstm",)
    summary = "LSTM on Fashion-MNIST rows, 81,674 parameters"

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, 28, 28) in, (batch, 10) probabilities out."""
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input((28, 28)),
                layers.LSTM(128),
                layers.Dense(CLASSES, activation="softmax"),
            ]
        )


WORKLOAD = FashionMnistLstm()
