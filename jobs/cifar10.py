"""What the CIFAR-10 workloads have in common: their parameters and data."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from jobs.dataset import Dataset
from jobs.datasets.cifar10 import cifar10
from jobs.keras.classifier import ClassifierWorkload
from jobs.spec import DataSource
from jobs.workload import Parameters

MOST = 1_000_000


class Cifar10Parameters(Parameters):
    """How many images each part of the data has; the published split by default."""

    train_samples: int = Field(50_000, ge=1, le=MOST, description="Images per epoch.")
    test_samples: int = Field(10_000, ge=1, le=MOST, description="Images tested with at the end.")


class Cifar10Workload(ClassifierWorkload):
    """A classifier of CIFAR-10 images."""

    parameters = Cifar10Parameters
    smallest: ClassVar[dict[str, int]] = {"train_samples": 512, "test_samples": 64}

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the images in the two parts that the parameters size."""
        return cifar10(
            source, train=parameters.train_samples, test=parameters.test_samples, seed=seed
        )
