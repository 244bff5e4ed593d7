"""Feature extraction from Food-101 by a frozen EfficientNetB0 (Bourke 2021)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from jobs import efficientnet
from jobs.dataset import Dataset
from jobs.datasets.food101 import CLASSES, IMAGE_SHAPE, MOST_TEST, MOST_TRAIN, TEST, TRAIN, food101
from jobs.floors import Floor, Pace, floors
from jobs.keras_network import Plan
from jobs.keras_workload import KerasWorkload
from jobs.spec import Cell, DataSource, JobSpec, Scalar
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras


# Synthetic images, seen with TensorFlow after 4 epochs of 256 images of 8 classes at batch size 32:
# accuracy 0.72, a fall of the loss by 0.53. Real ones: the source's first epoch, of 2,368 steps,
# ends at a validation accuracy of 0.68.
LEARNT = {"accuracy": 0.4, "loss_drop": 0.2}
FLOORS: dict[tuple[DataSource, Pace], Floor] = {
    ("synthetic", "fast"): Floor(minima=LEARNT, steps=32, samples=1_024),
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


class Food101EfficientNetB0(KerasWorkload):
    """EfficientNetB0 without top, frozen, GlobalAveragePooling, Dense 101."""

    aliases = ("food101",)
    summary = "frozen EfficientNetB0 on Food-101, 224 × 224 pixels, 129,381 trained parameters"
    source = (
        "Bourke 2021, 'Apple's M1 Pro and M1 Max outperform Google Colab by up to 54 %': network, "
        "data pipeline, Adam and validation with the test images as published; tf.data's autotuner "
        "is off, with the numbers that it would tune fixed. With synthetic data, random weights"
    )
    parameters = Food101Parameters
    smallest: ClassVar[dict[str, int]] = {"train_samples": 16, "test_samples": 4}
    epochs = 5
    learning_steps = 16

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the images; validated and tested with the same ones, as in the source."""
        return food101(
            source, train=parameters.train_samples, test=parameters.test_samples, seed=seed
        )

    def build(self, parameters: Any) -> keras.Model:
        """Return the network with random weights, as for synthetic data."""
        return self.network("random", seed=0)

    def network(self, weights: efficientnet.Weights, seed: int) -> keras.Model:
        """Return the network: (batch, 224, 224, 3), 0 to 255, in; (batch, 101) out."""
        return efficientnet.classifier(weights, CLASSES, side=IMAGE_SHAPE[0], seed=seed)

    def plan(self, job: JobSpec) -> Plan:
        """Return the plan with the weights that go with the data."""
        weights, seed = efficientnet.weights_of(job.cell.data), job.seed + job.repeat
        return replace(
            super().plan(job), build=lambda: self.network(weights, seed), pretrained=True
        )

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Say which weights the frozen network has."""
        return {"weights": efficientnet.weights_of(cell.data)}

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return a test accuracy and a fall of the training loss; see `FLOORS`."""
        parameters = Food101Parameters.model_validate(cell.parameters)
        return floors(
            FLOORS,
            cell,
            steps,
            train_samples=parameters.train_samples,
            test_samples=parameters.test_samples,
        )


WORKLOAD = Food101EfficientNetB0()
