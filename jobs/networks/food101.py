"""Food101Network: a frozen EfficientNetB0 under a head that learns Food-101."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from jobs.dataset import Dataset
from jobs.datasets.food101 import CLASSES, IMAGE_SHAPE, IMAGES_A_CLASS, MOST_TRAIN, food101
from jobs.floors import Floor, Pace, floors
from jobs.keras.network import Plan
from jobs.keras.workload import KerasWorkload
from jobs.networks import efficientnet
from jobs.spec import Cell, DataSource, JobSpec, Scalar

if TYPE_CHECKING:
    import keras

Floors: TypeAlias = Mapping[tuple[DataSource, Pace], Floor]


class Food101Network(KerasWorkload):
    """EfficientNetB0 without top, frozen, GlobalAveragePooling, Dense 101.

    A subclass has the parameters `train_samples` and `test_samples`, and its floors.
    """

    smallest: ClassVar[dict[str, int]] = {"train_samples": 16, "test_samples": 4}
    unpacked_first: ClassVar[bool] = False  # of the real images' two layouts
    learnt: ClassVar[Floors]  # accuracy: of eight classes
    samples_a_class: ClassVar[int] = 0  # of synthetic data, seen in training, before any is asked

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the images; validated and tested with the same ones, as in the source."""
        return food101(
            source,
            train=parameters.train_samples,
            test=parameters.test_samples,
            seed=seed,
            unpacked_first=self.unpacked_first,
        )

    def build(self, parameters: Any) -> keras.Model:
        """Return the network with random weights, as for synthetic data."""
        return self.network("random", seed=0)

    def before(self, seed: int) -> keras.Layer | None:
        """Return a layer that images pass first, if there is one."""
        return None

    def network(self, weights: efficientnet.Weights, seed: int) -> keras.Model:
        """Return the network: (batch, 224, 224, 3), 0 to 255, in; (batch, 101) out."""
        return efficientnet.classifier(
            weights, CLASSES, side=IMAGE_SHAPE[0], seed=seed, before=self.before(seed)
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
        """Return a fall of the training loss, or an accuracy, or both; see `learnt`.

        Synthetic images are of more classes the more there are, so their accuracy is asked in
        proportion to chance.
        """
        parameters: Any = self.parameters_of(cell)
        classes = _classes(parameters.train_samples)
        synthetic = cell.data == "synthetic"
        if synthetic and steps * cell.samples_per_step < self.samples_a_class * classes:
            return {}
        found = floors(
            self.learnt,
            cell,
            steps,
            train_samples=parameters.train_samples,
            test_samples=parameters.test_samples,
        )
        if synthetic and "accuracy" in found:
            found["accuracy"] *= min(1.0, 8 / classes)
        return found


def _classes(train_samples: int) -> int:
    """Return how many classes so many synthetic images are of."""
    return max(2, min(CLASSES, min(train_samples, MOST_TRAIN) // IMAGES_A_CLASS))
