"""What the Fashion-MNIST workloads have in common: their parameters, data, loss and metric."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from jobs import data, keras_training
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock, Parameters, Workload

if TYPE_CHECKING:
    import keras

MOST = 1_000_000
SOURCE = (
    "Daniel 2023, 'Apple M2 Max GPU vs Nvidia V100, P100 and T4': the data split, batch sizes and "
    "validation every epoch as published; layers, Adam and loss reconstructed"
)


class FashionMnistParameters(Parameters):
    """How many images each part of the data has; the published split by default."""

    train_samples: int = Field(50_000, ge=1, le=MOST, description="Images per epoch.")
    validation_samples: int = Field(
        10_000, ge=1, le=MOST, description="Images validated with after every epoch."
    )
    test_samples: int = Field(10_000, ge=1, le=MOST, description="Images tested with at the end.")


class FashionMnistWorkload(Workload):
    """A classifier of Fashion-MNIST images, trained by `keras_training`.

    On synthetic data, 4 epochs of 4,096 images at batch size 128 bring every one of them to a test
    accuracy of 0.9 at least, where chance is 0.1.
    """

    source = SOURCE
    parameters = FashionMnistParameters
    epochs = 10
    smallest: ClassVar[dict[str, int]] = {
        "train_samples": 512,
        "validation_samples": 64,
        "test_samples": 64,
    }
    channels: ClassVar[bool] = False  # images as (28, 28, 1) instead of (28, 28)

    @abstractmethod
    def build(self) -> keras.Model:
        """Return the network, uncompiled: images in, ten probabilities out."""

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Train as the source did: whole epochs, validation after each, a test at the end."""
        parameters = FashionMnistParameters.model_validate(job.cell.parameters)
        dataset = data.fashion_mnist(
            job.cell.data,
            train=parameters.train_samples,
            validation=parameters.validation_samples,
            test=parameters.test_samples,
            seed=job.seed,
        )
        if self.channels:
            dataset = dataset.with_channel()
        return keras_training.train(
            self.build,
            dataset,
            job,
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            clock=clock,
        )
