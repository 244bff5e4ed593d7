"""The operations of a layer, by hand; the shapes are those that Keras gives such layers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jobs.keras import flops


def layer(kind: str, *, trainable: bool = True, **fields: Any) -> Any:
    """Return something with the name of a Keras layer and the given fields."""
    weights = [fields["kernel"]] if trainable and "kernel" in fields else []
    return type(kind, (), {"trainable_weights": weights, **fields})()


def shaped(*shape: int | None) -> SimpleNamespace:
    return SimpleNamespace(shape=shape)


DENSE = layer("Dense", kernel=shaped(20, 5), output=shaped(None, 5))
LAYERS = [
    (DENSE, 2 * 20 * 5),
    # 3 × 3 over 4 channels, 8 of them out, at 6 × 6 places.
    (layer("Conv2D", kernel=shaped(3, 3, 4, 8), output=shaped(None, 6, 6, 8)), 2 * 9 * 4 * 8 * 36),
    # In two groups each output sees half of the input's channels.
    (layer("Conv2D", kernel=shaped(3, 3, 2, 8), output=shaped(None, 6, 6, 8)), 2 * 9 * 2 * 8 * 36),
    # Each of 4 × 4 × 4 inputs is spread over 3 × 3 places of 8 channels.
    (
        layer("Conv2DTranspose", kernel=shaped(3, 3, 8, 4), input=shaped(None, 4, 4, 4)),
        2 * 9 * 8 * 4 * 16,
    ),
    (layer("DepthwiseConv2D", kernel_size=(5, 5), output=shaped(None, 6, 6, 4)), 2 * 25 * 4 * 36),
    (
        layer(
            "SeparableConv2D",
            depthwise_kernel=shaped(5, 5, 4, 1),
            kernel_size=(5, 5),
            filters=8,
            output=shaped(None, 6, 6, 8),
        ),
        2 * 36 * (25 * 4 + 4 * 8),
    ),
    # Four gates, each of the input's features and of the state, at every step.
    (layer("LSTM", units=16, input=shaped(None, 7, 3)), 2 * 4 * 7 * (3 + 16) * 16),
    # 7 queries of 12 numbers, 5 keys of 10; 3 heads of 4, whose values are 6; 12 numbers out.
    (
        layer(
            "MultiHeadAttention",
            input=[shaped(None, 7, 12), shaped(None, 5, 10)],
            query_dense=SimpleNamespace(kernel=shaped(12, 3, 4)),
            key_dense=SimpleNamespace(kernel=shaped(10, 3, 4)),
            value_dense=SimpleNamespace(kernel=shaped(10, 3, 6)),
            output_dense=SimpleNamespace(kernel=shaped(3, 6, 12)),
        ),
        2 * (7 * 12 * 12 + 5 * 10 * 12 + 5 * 10 * 18 + 7 * 18 * 12 + 3 * 7 * 5 * (4 + 6)),
    ),
    # Of a sequence with itself.
    (
        layer(
            "MultiHeadAttention",
            input=shaped(None, 7, 12),
            query_dense=SimpleNamespace(kernel=shaped(12, 3, 4)),
            key_dense=SimpleNamespace(kernel=shaped(12, 3, 4)),
            value_dense=SimpleNamespace(kernel=shaped(12, 3, 4)),
            output_dense=SimpleNamespace(kernel=shaped(3, 4, 12)),
        ),
        2 * (4 * 7 * 12 * 12 + 2 * 7 * 7 * 12),
    ),
    # 7 rows of 12 numbers to 3 heads of 4.
    (
        layer(
            "EinsumDense",
            equation="abc,cde->abde",
            kernel=shaped(12, 3, 4),
            input=shaped(None, 7, 12),
        ),
        2 * 7 * 12 * 3 * 4,
    ),
    (layer("Embedding"), 0),
    (layer("TextEmbedding"), 0),
    (layer("Dropout"), 0),
    (layer("GlobalAveragePooling2D"), 0),
    (layer("BatchNormalization"), 0),
]


@pytest.mark.parametrize(("of", "expected"), LAYERS)
def test_a_layer_counts_as_by_hand(of: Any, expected: int) -> None:
    assert flops.of_layer(of) == expected


def test_training_takes_the_gradients_that_something_needs() -> None:
    frozen = layer("Dense", trainable=False, kernel=shaped(20, 5), output=shaped(None, 5))
    inner = SimpleNamespace(layers=[frozen, layer("Flatten")])
    network: Any = SimpleNamespace(layers=[inner, DENSE])
    # Nothing before the first trained weights needs a gradient: forward, and that of the weights
    assert flops.of_training(network) == 200 + 2 * 200
    assert flops.of_inference(network) == 2 * 200
    # Behind them the gradient of the input is one product more, through frozen layers too
    network = SimpleNamespace(layers=[DENSE, frozen, DENSE])
    assert flops.of_training(network) == (2 + 2 + 3) * 200
    # A recurrent layer sends it back through its own steps
    lstm = layer("LSTM", units=16, input=shaped(None, 7, 3), kernel=shaped(3, 64))
    alone: Any = SimpleNamespace(layers=[lstm])
    assert flops.of_training(alone) == 3 * (flops.of_layer(lstm) or 0)


def test_what_is_not_known_is_not_counted_as_nothing() -> None:
    network: Any = SimpleNamespace(layers=[DENSE, layer("Attention")])
    assert flops.of_training(network) is None
    of_any_size = layer("Conv2D", kernel=shaped(3, 3, 4, 8), output=shaped(None, None, None, 8))
    assert flops.of_layer(of_any_size) is None
    any_axes = layer(
        "EinsumDense",
        equation="...x,xy->...y",
        kernel=shaped(3, 4),
        input=shaped(None, 7, 3),
    )
    assert flops.of_layer(any_axes) is None
    any_length = layer("MultiHeadAttention", input=shaped(None, None, 12))
    assert flops.of_layer(any_length) is None
