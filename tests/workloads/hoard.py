"""Takes memory in proportion to the batch, or says that it cannot: for tests of the largest one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock, Parameters, Workload


class HoardParameters(Parameters):
    """How much, and how much there is."""

    sample_bytes: int = Field(default=0, ge=0)  # taken for each sample of the batch
    fitting: int = Field(default=1 << 30, ge=0)  # batches up to this size fit
    measured_fitting: int = Field(default=1 << 30, ge=0)  # in a measurement, where that is less
    samples: int = Field(default=1 << 20, ge=1)  # of its data


class Hoard(Workload):
    """Raises MemoryError for batches that do not fit; takes and touches the memory of the rest."""

    summary = "takes memory"
    source = "the tests"
    parameters = HoardParameters
    backends = (*Workload.backends, "ffmpeg")  # a template for the last imports nothing
    epochs = 1
    smallest: ClassVar[dict[str, int]] = {}
    learning_steps = 1_000  # a trial has fewer

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        parameters = HoardParameters.model_validate(job.cell.parameters)
        size = job.cell.samples_per_step
        trial = self.learning_steps < 1_000
        if size > (parameters.fitting if trial else parameters.measured_fitting):
            raise MemoryError(f"told that {size} do not fit")
        taken = np.ones(size * parameters.sample_bytes, "uint8")
        return Measurement(
            lap_seconds=(0.01,),
            warmup_lap_seconds=(),
            cold_start_seconds=0.0,
            total_seconds=0.01,
            samples_per_lap=size,
            steps_per_lap=1,
            samples_per_epoch=parameters.samples,
            history={},
            test={"taken": float(taken.size)},
        )


WORKLOAD = Hoard()
