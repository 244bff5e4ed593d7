"""A wide, shallow network on Fashion-MNIST: an example of a workload outside the project."""

from typing import Any, ClassVar

from pydantic import Field

from jobs.datasets.fashion_mnist import fashion_mnist
from jobs.keras.workload import KerasWorkload
from jobs.workload import Parameters


class WideParameters(Parameters):
    """Sizes of the data and of the network."""

    train_samples: int = Field(50_000, ge=1, description="Images per epoch.")
    units: int = Field(2_048, ge=1, le=65_536, description="Units of the hidden layer.")


class FashionMnistWide(KerasWorkload):
    """Flatten, Dense, Dense 10."""

    summary = "a wide, shallow network on Fashion-MNIST"
    source = "the farm's documentation"
    parameters = WideParameters
    smallest: ClassVar = {"train_samples": 512, "units": 64}

    def dataset(self, parameters: Any, source: Any, seed: int) -> Any:
        return fashion_mnist(
            source, train=parameters.train_samples, validation=0, test=1_000, seed=seed
        )

    def build(self, parameters: Any) -> Any:
        from keras import Input, Sequential, layers

        hidden = layers.Dense(parameters.units, activation="relu")
        output = layers.Dense(10, activation="softmax")
        return Sequential([Input((28, 28)), layers.Flatten(), hidden, output])


WORKLOAD = FashionMnistWide()
