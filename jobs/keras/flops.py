"""Floating-point operations of a training step, counted from the network's layers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# Layers without products: their few operations an element are not counted.
_FREE = re.compile(
    r"(Global)?(Average|Max)Pooling[123]D|(Cropping|UpSampling|ZeroPadding)[123]D"
    r"|(Spatial)?Dropout([123]D)?|(Batch|Layer)?Normalization|InputLayer|Rescaling"
    r"|Activation|ELU|LeakyReLU|PReLU|ReLU|Softmax|Concatenate|Flatten|Permute|RepeatVector|Reshape"
    r"|Add|Augmentation|Average|Maximum|Minimum|Multiply|Subtract|(Text)?Embedding"
)


def of_training(model: keras.Model) -> float | None:
    """Return the operations of one training step per sample; None when a layer is not known.

    Multiplications and additions of the layers' products, counted apart (2 a multiply-add). A
    backward pass takes twice a forward pass, one product for the gradient of the weights and one
    for that of the input (J. Kaplan et al., 'Scaling laws for neural language models', 2020,
    section 2.1; M. Hobbhahn, J. Sevilla, 'What's the backward-forward FLOP ratio for neural
    networks?', 2021). Neither is taken of what needs none: frozen weights have no gradient, and
    before the first trained weights nothing flows back. A recurrent layer is counted in full even
    there, for the gradient flows back through its steps.
    """
    total = 0.0
    flows = False  # a gradient is needed of this layer's input, for trained weights before it
    for layer in _layers(model):
        forward = of_layer(layer)
        if forward is None:
            return None
        learns = bool(layer.trainable_weights)
        into = flows or (learns and type(layer).__name__ in _RECURRENT)
        total += forward * (1 + learns + into)
        flows = flows or learns
    return total


def of_inference(model: keras.Model) -> float | None:
    """Return the operations of one forward pass per sample; None when a layer is not known."""
    flops = [of_layer(layer) for layer in _layers(model)]
    known = [each for each in flops if each is not None]
    return sum(known) if len(known) == len(flops) else None


def of_layer(layer: keras.Layer) -> float | None:
    """Return the operations of one forward pass per sample; None when it is not known."""
    name = type(layer).__name__
    if _FREE.fullmatch(name):
        return 0.0
    count = _COUNTS.get(name)
    if count is None:
        return None
    try:
        return float(count(layer))
    except (AttributeError, TypeError, ValueError):  # no one shape: used twice, or of any size
        return None


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers in the order of computation, those of networks within the network too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _size(shape: Any) -> int:
    """Return how many elements a sample has: all axes but the batch's."""
    return math.prod(shape[1:])


def _dense(layer: Any) -> Any:
    return 2 * layer.kernel.shape[0] * _size(layer.output.shape)


def _convolution(layer: Any) -> Any:
    # Each output element is a sum over the kernel's extent and its group's input channels.
    return 2 * math.prod(layer.kernel.shape[:-1]) * _size(layer.output.shape)


def _transposed(layer: Any) -> Any:
    # Each input element is spread over the kernel's extent and all output channels.
    return 2 * math.prod(layer.kernel.shape[:-1]) * _size(layer.input.shape)


def _depthwise(layer: Any) -> Any:
    return 2 * math.prod(layer.kernel_size) * _size(layer.output.shape)


def _separable(layer: Any) -> Any:
    *_, channels, multiplier = layer.depthwise_kernel.shape
    places = _size(layer.output.shape) // layer.filters
    deep = channels * multiplier
    return 2 * places * deep * (math.prod(layer.kernel_size) + layer.filters)


def _recurrent(gates: int) -> Callable[[Any], Any]:
    def count(layer: Any) -> Any:
        _, steps, features = layer.input.shape
        return 2 * gates * steps * (features + layer.units) * layer.units

    return count


def _einsum(layer: Any) -> Any:
    # A multiply-add for every combination of what the indices run over.
    operands, _ = layer.equation.split("->")
    left, right = operands.split(",")
    if not (left + right).isalpha():  # an ellipsis
        raise ValueError(layer.equation)
    sizes = {**dict(zip(right, layer.kernel.shape, strict=True)), left[0]: 1}  # one sample
    for index, size in zip(left[1:], layer.input.shape[1:], strict=True):
        sizes.setdefault(index, size)
    return 2 * math.prod(sizes.values())


def _attention(layer: Any) -> Any:
    # Over all pairs of positions, also those that a causal mask hides, as is usual (A. Chowdhery
    # et al., 'PaLM: scaling language modeling with pathways', 2022, appendix B).
    inputs = layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
    (_, queries, _), (_, keys, _) = inputs[0].shape, inputs[min(1, len(inputs) - 1)].shape
    heads, size = layer.key_dense.kernel.shape[1:]
    value_size = layer.value_dense.kernel.shape[2]
    projected = (
        (queries, layer.query_dense),
        (keys, layer.key_dense),
        (keys, layer.value_dense),
        (queries, layer.output_dense),
    )
    products = sum(places * math.prod(dense.kernel.shape) for places, dense in projected)
    return 2 * (products + queries * keys * heads * (size + value_size))


_COUNTS: dict[str, Callable[[Any], Any]] = {
    "Dense": _dense,
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "Conv1DTranspose": _transposed,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "EinsumDense": _einsum,
    "MultiHeadAttention": _attention,
    "SimpleRNN": _recurrent(1),
    "GRU": _recurrent(3),
    "LSTM": _recurrent(4),
}
_RECURRENT = ("SimpleRNN", "GRU", "LSTM")
