"""Workload: something that can be measured, found by the name of its file.

The files are those of `jobs/workloads`, and those of the folders in FARM_WORKLOADS (separated as in
PATH), on every machine alike: a job carries a workload's name, never its code.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict

from jobs.errors import UnknownNameError
from jobs.result import Measurement
from jobs.spec import (
    Backend,
    Cell,
    DataPipeline,
    DataSource,
    JobSpec,
    Mode,
    Optimizer,
    Precision,
    Protocol,
)

logger = logging.getLogger(__name__)

Clock: TypeAlias = Callable[[], float]  # seconds, monotonic


class Parameters(BaseModel):
    """A workload's own parameters: frozen scalar fields, each with a default and a unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Workload(ABC):
    """One workload; a subclass is instantiated as `WORKLOAD` in a file that bears its name.

    Importing that file imports no ML library: `run` and what it calls do so in the child process.
    """

    name: str  # the file's name, set by `find`
    version: ClassVar[int] = 1  # raise it whenever the definition of the work changes
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str]  # one line
    source: ClassVar[str]  # who defined it, and what of it is reconstructed
    parameters: ClassVar[type[Parameters]] = Parameters
    optimizer: ClassVar[Optimizer] = "adam"
    epochs: ClassVar[int]
    smallest: ClassVar[dict[str, int]]  # parameters of the quickest run that still learns
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

    def with_floors(self, cell: Cell, measurement: Measurement) -> Measurement:
        """Return the measurement with the floors for the steps it took, or why there are none."""
        if measurement.floors or measurement.floors_waived is not None:
            return measurement
        if type(self).floors is Workload.floors:
            return measurement
        if measurement.data_verified is False:
            why = "the data set's files are not the published ones"
            return measurement.model_copy(update={"floors_waived": why})
        records = len(measurement.history.get("loss", ()))
        steps = records * (measurement.steps_per_history or 0)
        floors = self.floors(cell, steps)
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


def names() -> tuple[str, ...]:
    """Return the names of all workloads, sorted."""
    return tuple(sorted(_load_all()))


def find(name: str) -> Workload:
    """Return the workload of that name or alias; raise UnknownNameError when there is none."""
    workloads = _load_all()
    by_alias = {alias: workload for workload in workloads.values() for alias in workload.aliases}
    found = workloads.get(name) or by_alias.get(name)
    if found is None:
        raise UnknownNameError("workload", name, [*workloads, *by_alias])
    return found


@cache
def _load_all() -> dict[str, Workload]:
    from jobs import workloads as package

    folders = [*package.__path__]
    if extra := os.environ.get("FARM_WORKLOADS"):
        folders += extra.split(os.pathsep)
    found: dict[str, Workload] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob("*.py")):
            if path.stem.startswith("_") or path.stem in found:
                continue
            try:
                workload = _load(path)
            except Exception as error:  # noqa: BLE001 - somebody's file must not stop the others
                logger.warning(
                    "workload file %s is left out: %s: %s", path, type(error).__name__, error
                )
            else:
                workload.name = path.stem
                found[path.stem] = workload
    return found


def _load(path: Path) -> Workload:
    spec = importlib.util.spec_from_file_location(f"jobs.workloads.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    workload = module.WORKLOAD
    if not isinstance(workload, Workload):
        raise TypeError("its WORKLOAD is not an instance of jobs.workload.Workload")
    return workload
