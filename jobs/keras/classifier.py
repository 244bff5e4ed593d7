"""Classifier: a Keras network that learns which of several classes a sample is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from jobs.floors import Floor, Pace, floors
from jobs.keras.workload import KerasWorkload
from jobs.spec import Cell, DataSource


class ClassifierWorkload(KerasWorkload):
    """A classifier whose parameters have `train_samples` and `test_samples`."""

    by_pace: ClassVar[Mapping[tuple[DataSource, Pace], Floor]] = {}

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return a test accuracy and a fall of the training loss, by the class's `by_pace`."""
        said: Any = self.parameters_of(cell)
        return floors(
            self.by_pace,
            cell,
            steps,
            train_samples=said.train_samples,
            test_samples=said.test_samples,
        )
