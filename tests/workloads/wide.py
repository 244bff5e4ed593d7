"""A network of few weights and wide activations: its memory is the batch's, and little of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from jobs.dataset import Dataset, Part
from jobs.keras.workload import KerasWorkload
from jobs.spec import DataSource
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras


class WideParameters(Parameters):
    """Its size."""

    width: int = Field(default=1 << 20, ge=1)  # activations of a sample, of 4 bytes each
    train_samples: int = Field(default=4_096, ge=1)


class Wide(KerasWorkload):
    """One number in, `width` units, one number out: the mean."""

    summary = "has wide activations"
    source = "the tests"
    parameters = WideParameters
    loss = "mean_squared_error"
    metrics = ()
    data_sources = ("synthetic",)
    smallest: ClassVar[dict[str, int]] = {}
    learning_steps = 8

    def dataset(self, parameters: WideParameters, source: DataSource, seed: int) -> Dataset:
        random = np.random.RandomState(seed)
        inputs = random.rand(parameters.train_samples, 1).astype("float32")
        few = Part(inputs=inputs[:8], targets=inputs[:8])
        return Dataset(
            train=Part(inputs=inputs, targets=inputs), validation=None, test=few, verified=None
        )

    def build(self, parameters: WideParameters) -> keras.Model:
        import keras

        return keras.Sequential(
            [
                keras.Input((1,)),
                keras.layers.Dense(parameters.width, activation="relu"),
                keras.layers.Reshape((parameters.width, 1)),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(1),
            ]
        )


WORKLOAD = Wide()
