"""EfficientNetB0 without its top, frozen: features of images, 1,280 numbers each.

M. Tan, Q. Le, 'EfficientNet: rethinking model scaling for convolutional neural networks', 2019.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from jobs.errors import DataMissingError
from jobs.keras import initial_weights
from jobs.spec import DataSource

if TYPE_CHECKING:
    import keras

Weights: TypeAlias = Literal["imagenet", "random"]

PARAMETERS = 4_049_571
FEATURES = 1_280
WEIGHTS = "efficientnetb0_notop.h5"  # as Keras distributes them
MD5 = "50bc09e76180e00e4465e1a485ddc09d"
SEED = 0  # of the random weights, which stand for trained ones: the same in every job
# Variance of a convolution's output over that of its input, by its place in a block; found by
# trial, for this one seed. Keras's own initial weights leave 0.00001 of the image at the features,
# without batches to normalise by, and no head learns from that. With these the signal shrinks to a
# tenth on its way, where swish is nearly linear, and the last convolution makes it large again:
# what comes out tells the colours of the image's parts. Larger gains in between let differences of
# brightness grow by every layer.
GAINS = {"stem_conv": 2.0, "dwconv": 2.8, "expand_conv": 1.0, "top_conv": 400.0}
SQUEEZE_GAIN = 2.0
PROJECT_GAINS = (8.0, 8.0, 6.0, 4.0, 4.0, 4.0, 4.0)  # of stages 1 to 7


def weights_of(data: DataSource | None) -> Weights:
    """Return which weights go with the data: the trained ones with the real images."""
    return "imagenet" if data == "real" else "random"


def extractor(weights: Weights, side: int) -> keras.Model:
    """Return the frozen network: (batch, side, side, 3), 0 to 255, in; 1,280 channels out.

    Random weights are numpy's, the same on every backend and in every job.

    Raises DataMissingError when the ImageNet weights are neither here nor to be had, or damaged.
    """
    import keras

    if weights == "imagenet":
        network = _trained(side)
    else:
        with _undrawn():
            network = _network(None, side)
        _draw(network)
    if network.count_params() != PARAMETERS:
        raise AssertionError(
            f"EfficientNetB0 has {network.count_params():,} parameters, not {PARAMETERS:,}: "
            f"this Keras ({keras.__version__}) builds another network"
        )
    network.trainable = False
    return network


def classifier(
    weights: Weights, classes: int, *, side: int, seed: int, before: keras.Layer | None = None
) -> keras.Model:
    """Return the extractor, averaged over the image, under a softmax head that learns alone.

    (batch, side, side, 3), 0 to 255, in; (batch, classes) probabilities out. The extractor is
    called with training=False, so its batch normalisation stays as it is. `before` is a layer that
    images pass first. The head's weights are drawn from the seed, alike on every backend.
    """
    import keras
    from keras import layers

    base = extractor(weights, side)
    inputs = keras.Input((side, side, 3), name="input_layer")
    images = before(inputs) if before else inputs
    pooled = layers.GlobalAveragePooling2D(name="pooling_layer")(base(images, training=False))
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(pooled))
    initial_weights.draw(model, seed, keep=[base, *([before] if before else [])], strict=True)
    return model


def weights_path() -> Path:
    """Return where Keras keeps the weights: `models` under $KERAS_HOME, else ~/.keras."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models" / WEIGHTS


def _network(weights: str | None, side: int) -> Any:
    import keras

    # The size is said, though any would do, so that every layer knows how much it computes.
    return keras.applications.EfficientNetB0(
        include_top=False, weights=weights, input_shape=(side, side, 3)
    )


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _trained(side: int) -> Any:
    path = weights_path()
    if path.is_file() and (found := _md5(path)) != MD5:
        raise DataMissingError(
            f"{path} is damaged: its MD5 is {found}, that of the published file {MD5}. Delete it "
            f"to have it downloaded again, or replace it."
        )
    try:
        with _undrawn():
            return _network("imagenet", side)
    except Exception as error:
        raise DataMissingError(
            f"the ImageNet weights of EfficientNetB0 are not on this machine: {WEIGHTS} is not in "
            f"{path.parent} (which is where Keras looks; $KERAS_HOME moves it), and it could not "
            f"be downloaded ({' '.join(str(error).split())}). Copy it into that folder from a "
            f"machine that has it (16.7 MB, MD5 {MD5}), or set 'data: synthetic' in the suite, "
            f"which takes random weights."
        ) from error


@contextmanager
def _undrawn() -> Iterator[None]:
    """Let Keras begin every kernel with zeros, which are replaced at once.

    JAX compiles a generator for each of a hundred shapes otherwise: 19 s of a CPU, seen with
    JAX 0.10.
    """
    import keras

    def zeros(self: Any, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.convert_to_tensor(np.zeros(shape, np.float32), dtype)

    family = keras.initializers.VarianceScaling
    drawing = family.__call__
    family.__call__ = zeros
    try:
        yield
    finally:
        family.__call__ = drawing


def _draw(network: Any) -> None:
    """Draw every kernel from a normal distribution around zero, with its place's gain."""
    kernels = [layer for layer in network.layers if hasattr(layer, "kernel")]
    for place, layer in enumerate(kernels):
        shape = tuple(layer.kernel.shape)
        deep = layer.name.endswith("dwconv")  # each output is a sum over one channel's window
        fan_in = math.prod(shape[:2] if deep else shape[:-1])
        random = np.random.RandomState([SEED, place])
        deviation = math.sqrt(_gain(layer.name) / fan_in)
        layer.kernel.assign((deviation * random.standard_normal(shape)).astype(np.float32))


def _gain(name: str) -> float:
    """Return the gain of a convolution by Keras's name of it: stem_conv, block3a_dwconv, …"""
    if name.endswith("project_conv"):
        return PROJECT_GAINS[int(name[len("block")]) - 1]
    return GAINS.get(name.partition("_")[2] if name.startswith("block") else name, SQUEEZE_GAIN)
