"""Augmentation: what Create ML's six options do to a training image, on every Keras backend.

Apple describes them in the documentation of MLImageClassifier.ImageAugmentationOptions: crop,
rotation, blur, exposure, noise and flip, each by random amounts, which it does not give. Those
here are reconstructed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

SMALLEST_CROP = 0.7  # of each side, at least, stays in the picture
LARGEST_ANGLE = math.pi / 12  # radians, to either side
LARGEST_EXPOSURE = 0.5  # stops, lighter or darker
LARGEST_NOISE = 12.0  # standard deviation, where white is 255
BLUR = (1.0, 4.0, 6.0, 4.0, 1.0)  # binomial: a Gaussian of one pixel's deviation; at most this


def augmentation(seed: int) -> keras.Layer:
    """Return a layer that makes another picture of each image of a batch, while training only.

    (batch, y, x, 3), 0 to 255, in and out. It runs on the device, inside the training step. Random
    numbers come from the backend's generator, so each backend makes other pictures of the same
    seed.
    """
    import keras
    from keras import ops

    class Augmentation(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="augmentation", trainable=False, dtype="float32")
            self.generator = keras.random.SeedGenerator(seed)

        def call(self, images: Any, training: bool = False) -> Any:
            if not training:
                return images
            images = self._moved(images)
            images = self._blurred(images)
            stops = self._between(images, -LARGEST_EXPOSURE, LARGEST_EXPOSURE)
            images = images * ops.exp(math.log(2.0) * stops)
            noise = keras.random.normal(ops.shape(images), dtype=images.dtype, seed=self.generator)
            images = images + noise * self._between(images, 0.0, LARGEST_NOISE)
            return ops.clip(images, 0.0, 255.0)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def _between(self, images: Any, low: float, high: float) -> Any:
            """Return one number for each image: (batch, 1, 1, 1)."""
            shape = (ops.shape(images)[0], 1, 1, 1)
            return keras.random.uniform(shape, low, high, dtype=images.dtype, seed=self.generator)

        def _moved(self, images: Any) -> Any:
            """Crop, rotate and flip by one resampling: where each pixel of the new picture lies."""

            def each(low: float, high: float) -> Any:
                return self._between(images, low, high)[:, 0, 0, 0]

            height, width = images.shape[1:3]
            angle = each(-LARGEST_ANGLE, LARGEST_ANGLE)
            size = each(SMALLEST_CROP, 1.0)
            mirror_x, mirror_y = ops.sign(each(-1.0, 1.0)), ops.sign(each(-1.0, 1.0))
            shift_x = each(-0.5, 0.5) * (1.0 - size) * width
            shift_y = each(-0.5, 0.5) * (1.0 - size) * height
            a, b = size * mirror_x * ops.cos(angle), -size * mirror_y * ops.sin(angle)
            c, d = size * mirror_x * ops.sin(angle), size * mirror_y * ops.cos(angle)
            middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
            nothing = ops.zeros_like(angle)
            matrix = ops.stack(
                [
                    *(a, b, middle_x + shift_x - a * middle_x - b * middle_y),
                    *(c, d, middle_y + shift_y - c * middle_x - d * middle_y),
                    *(nothing, nothing),
                ],
                axis=1,
            )
            return ops.image.affine_transform(
                images,
                matrix,
                interpolation="bilinear",
                fill_mode="nearest",
                data_format="channels_last",
            )

        def _blurred(self, images: Any) -> Any:
            """Mix each image with its blurred self, by a random share."""
            line = ops.convert_to_tensor([weight / sum(BLUR) for weight in BLUR], images.dtype)
            blurred = ops.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
            for shape in ((len(BLUR), 1, 1, 1), (1, len(BLUR), 1, 1)):
                kernel = ops.tile(ops.reshape(line, shape), (1, 1, images.shape[-1], 1))
                blurred = ops.depthwise_conv(
                    blurred, kernel, padding="valid", data_format="channels_last"
                )
            return images + (blurred - images) * self._between(images, 0.0, 1.0)

    return Augmentation()
