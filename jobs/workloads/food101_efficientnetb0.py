"""Feature extraction from Food-101 by a frozen EfficientNetB0 (Bourke 2021)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from jobs.datasets.food101 import MOST_TEST, MOST_TRAIN, TEST, TRAIN
from jobs.floors import Floor
from jobs.networks.food101 import Floors, Food101Network
from jobs.workload import Parameters

# Synthetic images, seen with TensorFlow after 32 steps at batch size 32. 256 images of 8 classes:
# accuracy 0.72, a fall of the loss by 0.53. 2,048 of 64 classes: 0.11, where chance is 0.016, and
# 0.15. Real ones: the source's first epoch, of 2,368 steps, ends at a validation accuracy of 0.68.
FLOORS: Floors = {
    ("synthetic", "fast"): Floor(
        minima={"accuracy": 0.4, "loss_drop": 0.07}, steps=32, samples=1_024
    ),
    ("real", "fast"): Floor(minima={"accuracy": 0.3, "loss_drop": 0.05}, steps=2_000),
}


class Food101Parameters(Parameters):
    """How many images each part of the data has; the published split by default."""

    train_samples: int = Field(
        TRAIN, ge=2, le=TRAIN, description=f"Images per epoch (synthetic: at most {MOST_TRAIN:,})."
    )
    test_samples: int = Field(
        TEST,
        ge=1,
        le=TEST,
        description="Images validated with after every epoch, and tested with at the end "
        f"(synthetic: at most {MOST_TEST:,}).",
    )


class Food101EfficientNetB0(Food101Network):
    """EfficientNetB0 without top, frozen, GlobalAveragePooling, Dense 101."""

    aliases = ("food101",)
    summary = "frozen EfficientNetB0 on Food-101, 224 × 224 pixels, 129,381 trained parameters"
    source = (
        "Bourke 2021, 'Apple's M1 Pro and M1 Max outperform Google Colab by up to 54 %': network, "
        "data pipeline, Adam and validation with the test images as published; tf.data's autotuner "
        "is off, with the numbers that it would tune fixed. With synthetic data, random weights"
    )
    parameters = Food101Parameters
    epochs = 5
    # What the floors on synthetic images take at batch size 32, for 16 tell nothing: 16 s on two
    # free cores with TensorFlow, 200 s on two busy ones with PyTorch. Real images: `train` alone.
    learning_steps = 32
    learnt: ClassVar[Floors] = FLOORS


WORKLOAD = Food101EfficientNetB0()
