"""Takes CPU time, by itself and by a process that it waits for: for tests of who took how much."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import ClassVar

from pydantic import Field

from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock, Parameters, Workload

SPIN = "import time\nwhile time.process_time() < {seconds}: pass"


class SpinParameters(Parameters):
    """How much."""

    seconds: float = Field(default=0.5, gt=0)  # of CPU time, each


class Spin(Workload):
    """Spins."""

    summary = "takes CPU time"
    source = "the tests"
    parameters = SpinParameters
    epochs = 1
    smallest: ClassVar[dict[str, int]] = {}

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        seconds = SpinParameters.model_validate(job.cell.parameters).seconds
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        subprocess.run([sys.executable, "-c", SPIN.format(seconds=seconds)], check=True)
        return Measurement(
            lap_seconds=(seconds,),
            warmup_lap_seconds=(),
            cold_start_seconds=0.0,
            total_seconds=seconds,
            samples_per_lap=1,
            steps_per_lap=1,
            samples_per_epoch=1,
            history={},
            test={},
        )


WORKLOAD = Spin()
