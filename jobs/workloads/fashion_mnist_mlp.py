"""Multilayer perceptron on Fashion-MNIST (Daniel 2023; layers reconstructed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jobs.datasets.fashion_mnist import CLASSES
from jobs.fashion_mnist import STEPS, FashionMnistWorkload, floors_by_pace

if TYPE_CHECKING:
    import keras


class FashionMnistMlp(FashionMnistWorkload):
    """Flatten, Dense 512, Dropout 0.2, Dense 64, Dense 10."""

    aliases: ClassVar[tuple[str, ...]] = ("mlp",)
    by_pace = floors_by_pace(sgd_steps=STEPS)
    summary = "multilayer perceptron on Fashion-MNIST, 435,402 parameters"

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, 28, 28) in, (batch, 10) probabilities out."""
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input((28, 28)),
                layers.Flatten(),
                layers.Dense(512, activation="relu"),
                layers.Dropout(0.2),
                layers.Dense(64, activation="relu"),
                layers.Dense(CLASSES, activation="softmax"),
            ]
        )


WORKLOAD = FashionMnistMlp()
