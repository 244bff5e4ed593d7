"""The portable twin of createml_image: what Create ML does to images, by Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from jobs.datasets.food101 import MOST_TEST, MOST_TRAIN, TEST, TRAIN
from jobs.floors import Floor
from jobs.networks.augmentation import augmentation
from jobs.networks.food101 import Floors, Food101Network
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras

# Synthetic images, seen with TensorFlow after 32 steps at batch size 32, 256 images of 8 classes: a
# fall of the loss by 0.43. On 2,048 of 64 classes it is noise at first: after 64 steps 0.25 in one
# repeat and 0.04 in another, so floors wait until each class was seen as often. Random features
# tell augmented images apart with luck, so no accuracy is asked of those.
FLOORS: Floors = {
    ("synthetic", "fast"): Floor(minima={"loss_drop": 0.1}, steps=32, samples=1_024),
    ("real", "fast"): Floor(minima={"accuracy": 0.2, "loss_drop": 0.05}, steps=2_000),
}


class TransferParameters(Parameters):
    """How many images each part of the data has; a tenth of Food-101 by default."""

    train_samples: int = Field(
        TRAIN // 10,
        ge=2,
        le=TRAIN,
        description="Images per epoch, of every class as many "
        f"(synthetic: at most {MOST_TRAIN:,}).",
    )
    test_samples: int = Field(
        TEST // 10,
        ge=1,
        le=TEST,
        description="Images validated with after every epoch, and tested with at the end "
        f"(synthetic: at most {MOST_TEST:,}).",
    )


class TransferAugmented(Food101Network):
    """Augmentation, EfficientNetB0 without top, frozen, averaged, logistic regression.

    EfficientNetB0, because Apple does not say which network Create ML's is, and a machine that
    measures Food-101 has its weights. Create ML makes some pictures of every image beforehand;
    here each step makes new ones, on the device, so that the measurement holds their cost too.
    """

    summary = "frozen EfficientNetB0 on augmented Food-101 images, the twin of createml_image"
    source = (
        "after Bourke 2021's Create ML run: a random 10 % of Food-101, 25 epochs and the six kinds "
        "of augmentation as published; network, optimizer and amounts of augmentation are the "
        "farm's own. With synthetic data, random weights"
    )
    parameters = TransferParameters
    epochs = 25
    # What the floor on 256 synthetic images takes at batch size 32: 14 to 22 s on two cores with
    # TensorFlow. The default size would take 256 steps, minutes on a CPU: `steady` has no floor.
    learning_steps = 32
    samples_a_class = 128
    unpacked_first = True  # so that with the same seed it has the images that createml_image has
    learnt: ClassVar[Floors] = FLOORS

    def before(self, seed: int) -> keras.Layer:
        """Return the augmentation."""
        return augmentation(seed)


WORKLOAD = TransferAugmented()
