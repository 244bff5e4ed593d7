"""U-net that finds triangles in pictures of 512 × 512 (Shirakawa 2021)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from jobs.datasets.triangles import triangles
from jobs.keras.workload import KerasWorkload
from jobs.networks import overlap
from jobs.networks import segmentation as segmentation_network
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras

    from jobs.dataset import Dataset
    from jobs.keras.network import Plan
    from jobs.spec import Cell, DataSource, JobSpec

MOST = 10_000
LEARNING_RATE = 0.25
DECAY = 0.9  # exponent of the schedule

# What training reaches with the published optimizer. Seen on a CPU, TensorFlow, float32, without
# the schedule: of 8 steps, the loss of the last 4 lies below that of the first 4 by 0.30 of it at
# 1 picture a step and by 0.59 at 2; 64 steps of 2 pictures bring the IoU of others to 0.97, 16 to
# 0.90. Without learning, losses of 4 steps differ by 0.05, as the pictures do. A network that says
# triangle everywhere has an IoU of 0.06.
LOSS_DROP, DROP_STEPS = 0.1, 8
IOU, IOU_STEPS, IOU_SAMPLES = 0.5, 48, 96
TESTED_IMAGES = 16  # on fewer, a small triangle decides about an IoU
LONGEST_EPOCH = 64  # steps; the mean loss of a longer first epoch holds little of the fall
SOURCE = (
    "Shirakawa 2021, 'Training speed of TensorFlow in macOS Monterey': pictures, network, loss, "
    "metrics, batch size 16, optimizer and schedule as published, nothing reconstructed; greys are "
    "divided by 255 in the network, not before it"
)


class SegmentationParameters(Parameters):
    """How many pictures each part has; as published by default."""

    train_images: int = Field(500, ge=1, le=MOST, description="Images per epoch.")
    validation_images: int = Field(
        100, ge=1, le=MOST, description="Images validated with after every epoch, and tested with."
    )


class Segmentation512(KerasWorkload):
    """Says of every pixel whether it belongs to the triangle."""

    summary = "U-net on 512 × 512 pictures of triangles, 20,886,706 parameters"
    source = SOURCE
    parameters = SegmentationParameters
    needs = ("opencv-python-headless (pip install benchfarm[workloads])",)
    data_sources = ("generated",)
    optimizer = "sgd"
    epochs = 2
    shuffle = False
    learning_steps = 8  # each takes seconds on a CPU
    smallest: ClassVar[dict[str, int]] = {"train_images": 2, "validation_images": 2}
    smallest_batch = 1

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return an IoU of the test and a fall of the training loss, for the published SGD."""
        parameters = SegmentationParameters.model_validate(cell.parameters)
        batch_size = cell.samples_per_step
        if cell.optimizer != self.optimizer or steps < DROP_STEPS:
            return {}
        floors = {"loss_drop": LOSS_DROP}
        epoch = math.ceil(parameters.train_images / batch_size)
        if cell.protocol == "train" and epoch > LONGEST_EPOCH:
            del floors["loss_drop"]
        enough = steps >= IOU_STEPS and steps * batch_size >= IOU_SAMPLES
        if enough and parameters.validation_images >= TESTED_IMAGES:
            floors["iou"] = IOU
        return floors

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the pictures, whatever the seed; those validated with are the test too."""
        return triangles(train=parameters.train_images, validation=parameters.validation_images)

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, 512, 512, 1) in, (batch, 512, 512, 1) of 0 to 1 out."""
        return segmentation_network.segmentation_network()

    def plan(self, job: JobSpec) -> Plan:
        """Return the network with its loss, IoU and Dice, and the source's SGD where it is SGD."""
        published = job.cell.optimizer == self.optimizer
        return replace(
            super().plan(job),
            loss=lambda: overlap.loss,
            metrics=(overlap.iou, overlap.dice),
            optimizer=sgd if published else None,
            callbacks=(lambda: [schedule(job.cell.epochs or 1)]) if published else None,
        )


def sgd() -> keras.Optimizer:
    """Return SGD with Nesterov's momentum at the rate of the first epoch."""
    import keras

    return keras.optimizers.SGD(LEARNING_RATE, momentum=0.95, nesterov=True)


def schedule(epochs: int) -> keras.callbacks.Callback:
    """Return what sets the learning rate of each epoch (W. Liu et al., 'ParseNet', 2015)."""
    import keras

    return keras.callbacks.LearningRateScheduler(
        lambda epoch, _: LEARNING_RATE * (1 - epoch / epochs) ** DECAY
    )


WORKLOAD = Segmentation512()
