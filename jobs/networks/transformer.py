"""Transformer: a decoder as GPT-2's, of any size, in Keras's layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

EXPANSION = 4  # of the width, between the two layers of a block's perceptron
DEVIATION = 0.02  # of the initial weights


def decoder(*, layers: int, width: int, heads: int, context: int, vocabulary: int) -> keras.Model:
    """Return the network: tokens, (batch, context), in; logits of the next, one a token, out.

    Logits are float32, (batch, context, vocabulary), whatever the precision, so that the softmax
    of the loss is taken in float32. No logit depends on a later token.

    As A. Radford et al., 'Language models are unsupervised multitask learners' (2019), section 2.3:
    token and learned position embeddings; blocks of causal self-attention and a perceptron of
    four times the width (GELU), each normalised at its input and added to what came in; a last
    normalisation. Weights are drawn with a deviation of 0.02; those that lead back into the sum,
    of that ÷ sqrt(2 × layers). There are two differences: no dropout, so that the losses of two
    devices can be compared; and the head has weights of its own, because Keras 3.8 has no layer
    that shares the embedding's.
    """
    import keras
    from keras.layers import Activation, Add, Dense, LayerNormalization, MultiHeadAttention

    def normal(deviation: float = DEVIATION) -> keras.initializers.Initializer:
        return keras.initializers.RandomNormal(stddev=deviation)

    inward = DEVIATION / math.sqrt(2 * layers)
    tokens = keras.Input((context,), dtype="int32", name="tokens")
    flow = _text_embedding(vocabulary, width, normal(), normal())(tokens)
    for _ in range(layers):
        normalised = LayerNormalization(epsilon=1e-5)(flow)
        attention = MultiHeadAttention(heads, width // heads, kernel_initializer=normal())
        flow = Add()([flow, attention(normalised, normalised, use_causal_mask=True)])
        # The layer takes one initializer for all four products, and only the last leads back.
        back = attention.output_dense
        back.kernel_initializer = normal(inward)
        back.kernel.assign(back.kernel_initializer(back.kernel.shape))
        normalised = LayerNormalization(epsilon=1e-5)(flow)
        hidden = Dense(EXPANSION * width, activation="gelu", kernel_initializer=normal())(
            normalised
        )
        flow = Add()([flow, Dense(width, kernel_initializer=normal(inward))(hidden)])
    normalised = LayerNormalization(epsilon=1e-5)(flow)
    logits = Dense(vocabulary, use_bias=False, kernel_initializer=normal())(normalised)
    return keras.Model(tokens, Activation("linear", dtype="float32", name="logits")(logits))


def parameter_count(*, layers: int, width: int, context: int, vocabulary: int) -> int:
    """Return how many weights the network has: embeddings, blocks, last normalisation, head."""
    normalisation = 2 * width
    attention = 4 * (width * width + width)
    perceptron = 2 * EXPANSION * width * width + EXPANSION * width + width
    block = 2 * normalisation + attention + perceptron
    return (2 * vocabulary + context) * width + layers * block + normalisation


def forward_flops(*, layers: int, width: int, context: int, vocabulary: int) -> int:
    """Return the operations of one forward pass over one sequence of `context` tokens.

    Two a multiply-add. Attention is counted over all pairs of tokens, also those that causality
    hides, as is usual (A. Chowdhery et al., 'PaLM', 2022, appendix B).
    """
    block = 4 * width * width + 2 * EXPANSION * width * width + 2 * context * width
    return 2 * context * (layers * block + width * vocabulary)


def flash_attention() -> str:
    """Return what Keras lets attention be computed by: `off`, `on`, or `automatic`.

    Flash attention (T. Dao et al., 2022) never holds the scores of all pairs of tokens. Left to
    itself Keras asks PyTorch and JAX whether the device, precision and shapes allow for it, and
    does not tell the answer; on TensorFlow it has none.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        return "off"
    enabled = keras.config.is_flash_attention_enabled()
    return {None: "automatic", True: "on", False: "off"}[enabled]


def _text_embedding(
    vocabulary: int, width: int, tokens_initializer: Any, positions_initializer: Any
) -> Any:
    import keras
    from keras import ops

    class TextEmbedding(keras.layers.Layer):  # type: ignore[misc]
        """Token numbers, (batch, context), to the sum of the token's and the position's vectors."""

        def __init__(self) -> None:
            super().__init__()
            self.tokens_initializer = tokens_initializer
            self.positions_initializer = positions_initializer

        def build(self, shape: Any) -> None:
            self.tokens = self.add_weight(
                name="tokens", shape=(vocabulary, width), initializer=tokens_initializer
            )
            self.positions = self.add_weight(
                name="positions", shape=(shape[1], width), initializer=positions_initializer
            )
            self.built = True

        def call(self, tokens: Any) -> Any:
            # The product by 1 keeps the gradient dense on TensorFlow: it has one row for each use
            # of a token otherwise, and Keras's Adam squares these before they are summed, so that
            # the same losses became other steps than on PyTorch and JAX (seen with Keras 3.15).
            rows = ops.take(ops.multiply(self.tokens, 1.0), tokens, axis=0)
            return ops.cast(rows + self.positions, self.compute_dtype)

    return TextEmbedding()
