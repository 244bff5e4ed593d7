"""The smallest network on Fashion-MNIST (M1-2080Ti 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from jobs.dataset import Dataset
from jobs.datasets.fashion_mnist import CLASSES, fashion_mnist
from jobs.fashion_mnist import MOST
from jobs.floors import Floor, Pace
from jobs.keras.classifier import ClassifierWorkload
from jobs.keras.network import Plan
from jobs.spec import DataSource, JobSpec
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras


# Seen on synthetic data with TensorFlow, the worst of batches of 32, 128 and 1,024 after 64 steps:
# accuracy 1.0 and a fall of the loss by 0.90 with Adam, AdamW, Nadam and RMSprop; 0.97 and 0.39
# with SGD; with a learning rate of 0, 0.06 and -0.05. On real data as for the larger networks.
FLOORS: Mapping[tuple[DataSource, Pace], Floor] = {
    ("synthetic", "fast"): Floor(steps=64, minima={"accuracy": 0.4, "loss_drop": 0.2}),
    ("synthetic", "slow"): Floor(steps=64, minima={"accuracy": 0.3, "loss_drop": 0.1}),
    ("real", "fast"): Floor(steps=64, minima={"accuracy": 0.2, "loss_drop": 0.05}),
    ("real", "slow"): Floor(steps=2_000, minima={"accuracy": 0.2, "loss_drop": 0.05}),
}


class MlpSmallParameters(Parameters):
    """How many images each part of the data has; the published split by default."""

    train_samples: int = Field(60_000, ge=1, le=MOST, description="Images per epoch.")
    test_samples: int = Field(10_000, ge=1, le=MOST, description="Images tested with at the end.")


class FashionMnistMlpSmall(ClassifierWorkload):
    """Flatten, Dense 128, Dense 10 without softmax; nothing validates."""

    aliases = ("mlp-small",)
    summary = "the smallest multilayer perceptron on Fashion-MNIST, 101,770 parameters"
    source = (
        "'M1 Mac mini scores higher than my NVIDIA RTX 2080Ti in TensorFlow speed test', 2021: "
        "network, data, loss, Adam, batch size 32 and 10 epochs as published; nothing reconstructed"
    )
    parameters = MlpSmallParameters
    smallest: ClassVar[dict[str, int]] = {"train_samples": 512, "test_samples": 64}
    by_pace = FLOORS

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the images in two parts: none are kept for validation."""
        return fashion_mnist(
            source,
            train=parameters.train_samples,
            validation=0,
            test=parameters.test_samples,
            seed=seed,
        )

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, 28, 28) in, (batch, 10) logits out."""
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input((28, 28)),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dense(CLASSES),
            ]
        )

    def plan(self, job: JobSpec) -> Plan:
        """Return how the network is made and judged, its outputs being logits."""
        return replace(super().plan(job), loss=_loss)


def _loss() -> keras.losses.Loss:
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


WORKLOAD = FashionMnistMlpSmall()
