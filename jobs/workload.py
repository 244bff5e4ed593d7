"""Workload: something that can be measured; `jobs.catalogue` finds it by its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict

from jobs.capabilities import (
    Capabilities,
    without_backend,
    without_memory,
    without_precision,
    without_workload,
)
from jobs.result import Measurement
from jobs.spec import (
    LARGEST,
    Backend,
    Cell,
    DataPipeline,
    DataSource,
    JobSpec,
    Mode,
    Optimizer,
    Precision,
    Protocol,
    Scalar,
)

Clock: TypeAlias = Callable[[], float]  # seconds, monotonic


class Parameters(BaseModel):
    """A workload's own parameters: frozen scalar fields, each with a default and a unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Workload(ABC):
    """One workload; a subclass is instantiated as `WORKLOAD` in a file that bears its name.

    Importing that file imports no ML library: `run` and what it calls do so in the child process.
    """

    name: str  # the file's name, set by the catalogue
    version: ClassVar[int] = 1  # raise it whenever the definition of the work changes
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str]  # one line
    source: ClassVar[str]  # who defined it, and what of it is reconstructed
    parameters: ClassVar[type[Parameters]] = Parameters
    needs: ClassVar[tuple[str, ...]] = ()  # in words, beside a backend; `lacking` checks
    jits: ClassVar[bool] = False  # the step can be compiled, or not, as the cell says
    batched: ClassVar[bool] = True  # False: the work has no batch size
    optimizer: ClassVar[Optimizer | None] = "adam"  # None: the work has none
    epochs: ClassVar[int | None] = None  # of the protocol `train`
    smallest: ClassVar[Mapping[str, Scalar]] = {}  # parameters of the quickest run that learns
    smallest_batch: ClassVar[int] = 64  # its batch size
    precisions: ClassVar[tuple[Precision, ...]] = ("float32",)
    backends: ClassVar[tuple[Backend, ...]] = ("tensorflow", "torch", "jax")
    data_sources: ClassVar[tuple[DataSource, ...]] = ("real", "synthetic")
    modes: ClassVar[tuple[Mode, ...]] = ("train",)
    protocols: ClassVar[tuple[Protocol, ...]] = ("steady", "train")
    data_pipelines: ClassVar[tuple[DataPipeline, ...]] = ("staged", "host")
    learning_steps: ClassVar[int] = 64  # of `steady`, before its laps: as many on every machine

    @abstractmethod
    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Measure `job` in this process, which was started for it alone.

        Raises JobError when it cannot be measured here; whatever else it raises is a failure too.
        """

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return what training has to reach in so many steps, for its speed to count.

        By the name of a value of the test, or `loss_drop`: 1 - last ÷ first training loss. A device
        that computes rightly never misses one; one that does not learn does. None by default.
        """
        return {}

    def default_cell(self, backend: Backend | None = None) -> Cell:
        """Return the cell of a job that says nothing but the workload, and perhaps its backend."""
        protocol = self.protocols[0]
        return Cell(
            workload=self.name,
            workload_version=self.version,
            batch_size=self.smallest_batch if self.batched else None,
            epochs=self.epochs if protocol == "train" else None,
            precision=self.precisions[0],
            backend=backend or self.backends[0],
            mode=self.modes[0],
            data=self.data_sources[0],
            optimizer=self.optimizer,
            protocol=protocol,
            data_pipeline=self.data_pipelines[0],
            parameters=self.parameters().model_dump(),
        )

    def lacking(self, cell: Cell, has: Capabilities) -> str | None:
        """Return why a machine with these capabilities cannot run the cell, or None.

        One sentence, with what to do. What only a look at the device can tell is left to `run`,
        which raises UnsupportedError.
        """
        return (
            without_workload(self.name, cell.workload_version, has)
            or without_backend(cell.backend or "", has)
            or without_precision(cell, has)
            or without_memory(_needed(self, cell), has)
        )

    def memory_needed(self, cell: Cell) -> int | None:
        """Return the bytes of device memory without which the cell cannot run; None: not known."""
        return None

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Return what else was in force, beside what is recorded of the backend; in the child."""
        return {}

    def with_floors(self, cell: Cell, measurement: Measurement) -> Measurement:
        """Return the measurement with the floors for the steps it took, or why there are none."""
        if measurement.floors or measurement.floors_waived is not None:
            return measurement
        if type(self).floors is Workload.floors:
            return measurement
        if cell.mode == "infer":
            return measurement.model_copy(update={"floors_waived": "inference learns nothing"})
        if measurement.data_verified is False:
            why = "the data set's files are not the published ones"
            return measurement.model_copy(update={"floors_waived": why})
        records = len(measurement.history.get("loss", ()))
        steps = records * (measurement.steps_per_history or 0)
        floors = self.floors(cell, steps)
        if cell.mode != "train" or cell.protocol == "once":  # no steps to go by
            return measurement.model_copy(update={"floors": floors})
        if records < 2:  # between which a loss could fall
            floors.pop("loss_drop", None)
        waived = (
            f"{steps} training steps of {cell.batch_size} samples with {cell.optimizer} are too "
            f"few to learn from"
        )
        return measurement.model_copy(
            update={"floors": floors, "floors_waived": None if floors else waived}
        )

    def parameters_of(self, cell: Cell) -> Parameters:
        """Return the cell's parameters, checked against this workload's own."""
        return self.parameters.model_validate(cell.parameters)


def _needed(workload: Workload, cell: Cell) -> int | None:
    """Return what the cell needs; the largest batch that fits needs what there is."""
    return None if cell.batch_size == LARGEST else workload.memory_needed(cell)
