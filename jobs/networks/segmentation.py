"""The segmentation network of Shirakawa 2021, a U-net with 20,886,706 parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.datasets.triangles import SIDE

if TYPE_CHECKING:
    import keras

MOMENTUM = 0.95  # of the batch normalisations' averages
SLOPE = 0.2  # of the leaky ReLUs, below zero
ENCODER = (8, 16, 32, 128, 512)  # filters; each halves the picture's side, 512 to 16
BOTTLENECK = (1024, 2048)  # 16 to 12 to 8
DECODER = (512, 384, 160, 56, 24, 24)  # each doubles the side, 8 to 512


def segmentation_network() -> keras.Model:
    """Return the network: (batch, 512, 512, 1) greys of 0 to 255 in, as many of 0 to 1 out.

    The layers are those of Shirakawa 2021, drawn like O. Ronneberger, P. Fischer and T. Brox,
    'U-Net: convolutional networks for biomedical image segmentation', 2015. Nothing is
    reconstructed: each choice is one that the author published, and his 20,886,706 parameters come
    out exactly, the averages of the normalisations, which are not trained, among them.

    One thing differs: the source divides greys by 255 in host memory, here the network's first
    layer does, so that a quarter of the bytes has to be moved to the device.
    """
    import keras
    from keras import layers

    pixels = layers.Input((SIDE, SIDE, 1))
    inputs = layers.Rescaling(1 / 255)(pixels)

    stem = layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    stem = layers.BatchNormalization(momentum=MOMENTUM)(stem)
    stem = layers.Activation("sigmoid")(stem)

    skips = [stem]
    for filters in ENCODER:
        half = _encoded(skips[-1], filters)
        one = _unit(half, _convolution(filters, 1), dropout=0.5)
        wide = _unit(half, _separable(filters, "same"), dropout=0.5)
        skips.append(layers.Concatenate()([one, wide]))

    deep = skips[-1]
    for filters in BOTTLENECK:
        deep = _unit(deep, _separable(filters, "valid"), dropout=0.25)

    for filters in DECODER:
        doubled = layers.UpSampling2D(interpolation="bilinear")(deep)
        unit = _unit(doubled, _transposed(filters, "same"), dropout=0.25)
        deep = layers.Concatenate()([unit, skips.pop()])

    head = _activated(_convolution(32, 3)(deep))  # 510
    head = _activated(_transposed(16, "valid")(head))  # 512
    head = layers.Concatenate()([head, inputs])
    outputs = layers.Activation("sigmoid")(layers.Conv2D(1, 1)(head))
    return keras.Model(pixels, outputs)


def _unit(inputs: Any, convolution: Any, *, dropout: float) -> Any:
    from keras import layers

    return layers.Dropout(dropout)(_activated(convolution(inputs)))


def _encoded(inputs: Any, filters: int) -> Any:
    """Halve the side: 3 × 3 without padding loses a row and a column more, zeros replace them."""
    from keras import layers

    def halved(taken: Any) -> Any:
        strided = _convolution(filters, 3, strides=2)(taken)
        return layers.ZeroPadding2D(((1, 0), (1, 0)))(strided)  # top, left

    return _unit(inputs, halved, dropout=0.25)


def _activated(inputs: Any) -> Any:
    from keras import layers

    normalised = layers.BatchNormalization(momentum=MOMENTUM)(inputs)
    return layers.LeakyReLU(SLOPE)(normalised)


def _convolution(filters: int, size: int, *, strides: int = 1) -> Any:
    from keras import layers

    return layers.Conv2D(
        filters, size, strides=strides, use_bias=False, kernel_initializer="he_uniform"
    )


def _separable(filters: int, padding: str) -> Any:
    from keras import layers

    return layers.SeparableConv2D(
        filters,
        5,
        padding=padding,
        use_bias=False,
        depthwise_initializer="he_uniform",
        pointwise_initializer="he_uniform",
    )


def _transposed(filters: int, padding: str) -> Any:
    from keras import layers

    return layers.Conv2DTranspose(
        filters, 3, padding=padding, use_bias=False, kernel_initializer="he_uniform"
    )
