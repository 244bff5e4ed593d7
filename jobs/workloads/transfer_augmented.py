"""The portable twin of createml_image: what Create ML does to images, by Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from jobs import efficientnet
from jobs.augmentation import augmentation
from jobs.dataset import Dataset
from jobs.datasets.food101 import CLASSES, IMAGE_SHAPE, MOST_TEST, MOST_TRAIN, TEST, TRAIN, food101
from jobs.floors import Floor, Pace, floors
from jobs.keras_network import Plan
from jobs.keras_workload import KerasWorkload
from jobs.spec import Cell, DataSource, JobSpec, Scalar
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras


# Seen as in food101_efficientnetb0: accuracy 0.48, a fall of the loss by 0.55. Random features tell
# augmented synthetic images apart with luck, so no accuracy is asked of those.
FLOORS: dict[tuple[DataSource, Pace], Floor] = {
    ("synthetic", "fast"): Floor(minima={"loss_drop": 0.2}, steps=32, samples=1_024),
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


class TransferAugmented(KerasWorkload):
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
    smallest: ClassVar[dict[str, int]] = {"train_samples": 16, "test_samples": 4}
    epochs = 25
    learning_steps = 16

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the images; with the same seed those that createml_image is given."""
        return food101(
            source,
            train=parameters.train_samples,
            test=parameters.test_samples,
            seed=seed,
            unpacked_first=True,
        )

    def build(self, parameters: Any) -> keras.Model:
        """Return the network with random weights, as for synthetic data."""
        return self.network("random", seed=0)

    def network(self, weights: efficientnet.Weights, seed: int) -> keras.Model:
        """Return the network: (batch, 224, 224, 3), 0 to 255, in; (batch, 101) out."""
        return efficientnet.classifier(
            weights, CLASSES, side=IMAGE_SHAPE[0], seed=seed, before=augmentation(seed)
        )

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
        """Return a fall of the training loss, and on real images an accuracy; see `FLOORS`."""
        parameters = TransferParameters.model_validate(cell.parameters)
        return floors(
            FLOORS,
            cell,
            steps,
            train_samples=parameters.train_samples,
            test_samples=parameters.test_samples,
        )


WORKLOAD = TransferAugmented()
