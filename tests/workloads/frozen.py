"""A network that learns, and on a broken device does not: in the same time either way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from jobs.workloads.fashion_mnist_mlp import FashionMnistMlp

if TYPE_CHECKING:
    import keras

BROKEN = "NOOP_BROKEN_DEVICE"  # 1 in a worker's environment: its device loses what it learns


class Frozen(FashionMnistMlp):
    """`fashion_mnist_mlp` under a name of its own, with the same floors.

    With NOOP_BROKEN_DEVICE=1 every step is computed and leaves the weights as they were. So one
    worker can be a healthy device and another a broken one, for one and the same cell.
    """

    aliases = ()
    summary = "learns nothing where NOOP_BROKEN_DEVICE is 1"
    source = "the tests"

    def build(self, parameters: Any) -> keras.Model:
        """Return the network, with a learning rate of 0 on a broken device."""
        model = super().build(parameters)
        if os.environ.get(BROKEN) == "1":
            compile_ = model.compile

            def compile_frozen(*, optimizer: Any, **arguments: Any) -> None:
                optimizer.learning_rate = 0.0
                compile_(optimizer=optimizer, **arguments)

            model.compile = compile_frozen
        return model


WORKLOAD = Frozen()
