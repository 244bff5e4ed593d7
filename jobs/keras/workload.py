"""KerasWorkload: a network and its data; everything else follows from the cell."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from jobs.dataset import Dataset
from jobs.keras import training as keras_training
from jobs.keras.network import Plan
from jobs.result import Measurement
from jobs.spec import DataSource, JobSpec
from jobs.workload import Clock, Workload

if TYPE_CHECKING:
    import keras


class KerasWorkload(Workload):
    """A network that Keras trains, on TensorFlow, PyTorch and JAX alike.

    A subclass gives `dataset` and `build`, made of Keras 3's layers and `keras.ops` alone. Both are
    called in the child process.
    """

    modes = ("train", "infer")
    jits = True
    precisions = ("float32", "tf32", "mixed_float16", "mixed_bfloat16")
    epochs = 10
    loss: ClassVar[str] = "sparse_categorical_crossentropy"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    shuffle: ClassVar[bool] = True  # before every epoch

    @abstractmethod
    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return the samples; `parameters` is an instance of the class's own `parameters`.

        Raises DataMissingError when a real data set is neither here nor to be had.
        """

    @abstractmethod
    def build(self, parameters: Any) -> keras.Model:
        """Return the network, built but not compiled."""

    def plan(self, job: JobSpec) -> Plan:
        """Return how the network is made and judged; override it for more than names can say."""
        parameters = self.parameters_of(job.cell)
        return Plan(
            build=lambda: self.build(parameters),
            loss=self.loss,
            metrics=self.metrics,
            shuffle=self.shuffle,
        )

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Train, or infer, by the cell's protocol; `train` is what the source did."""
        cell = job.cell
        dataset = self.dataset(self.parameters_of(cell), cell.data or "real", job.seed)
        return keras_training.measure(
            self.plan(job), dataset, job, clock=clock, learning_steps=self.learning_steps
        )
