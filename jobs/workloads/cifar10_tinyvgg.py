"""TinyVGG on CIFAR-10 (Bourke 2021)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from jobs.cifar10 import Cifar10Workload
from jobs.dataset import Dataset
from jobs.datasets.cifar10_batch import CLASSES
from jobs.floors import Floor, Pace
from jobs.spec import DataSource

if TYPE_CHECKING:
    import keras


# Seen on synthetic data with TensorFlow at 32 to 1,024 images a batch, the worst of six seeds:
# accuracy 0.98 and a fall of the loss by 0.55 after 64 steps with Adam; 1.0 and 0.99 after 500 with
# SGD, 0.11 and 0.00 after 64; with a learning rate of 0, 0.05 and 0.00. On real data the source's
# notebook shows 0.41 after 391 steps of 128 images, and its loss falls from the first epoch to the
# second by 0.15; its first 64 steps of 32 are too few to tell.
FLOORS: dict[tuple[DataSource, Pace], Floor] = {
    ("synthetic", "fast"): Floor(steps=64, minima={"accuracy": 0.4, "loss_drop": 0.2}),
    ("synthetic", "slow"): Floor(steps=1_000, minima={"accuracy": 0.3, "loss_drop": 0.1}),
    ("real", "fast"): Floor(steps=390, samples=49_000, minima={"accuracy": 0.2, "loss_drop": 0.05}),
}


class Cifar10TinyVgg(Cifar10Workload):
    """Twice: Conv 10 3×3, Conv 10 3×3, MaxPool 2; then Flatten, Dense 10.

    Validated with the test set after every epoch; the images keep their order.
    """

    aliases = ("tinyvgg",)
    summary = "TinyVGG, a small convolutional network, on CIFAR-10, 5,520 parameters"
    source = (
        "Bourke 2021, 'Apple's M1 Pro and M1 Max outperform Google Colab by up to 54 %': network, "
        "data, order and validation as published, with Adam, batch size 32 and seed 42; nothing "
        "reconstructed"
    )
    smallest: ClassVar[dict[str, int]] = {"train_samples": 1024, "test_samples": 64}
    shuffle = False
    by_pace = FLOORS

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the images; the test part validates too."""
        found = super().dataset(parameters, source, seed)
        return replace(found, validation=found.test)

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, 32, 32, 3) in, (batch, 10) probabilities out."""
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input((32, 32, 3)),
                layers.Conv2D(10, 3, activation="relu"),
                layers.Conv2D(10, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(10, 3, activation="relu"),
                layers.Conv2D(10, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(CLASSES, activation="softmax"),
            ]
        )


WORKLOAD = Cifar10TinyVgg()
