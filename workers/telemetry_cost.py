"""What telemetry costs the measured time: pairs of the same job, with it and without."""

from __future__ import annotations

import importlib.util
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from jobs.catalogue import find
from jobs.errors import FarmError, UnsupportedError
from jobs.result import Result
from jobs.spec import Backend, Cell, JobSpec
from jobs.telemetry import Telemetry
from workers.runner import Runner

WORKLOAD = "fashion_mnist_mlp"
EPOCHS = 5
TRAIN_SAMPLES = 20_000  # an epoch of some tenths of a second on a CPU
TIMEOUT_SECONDS = 600.0
LEAST_PAIRS = 3


@dataclass(frozen=True, kw_only=True)
class Cost:
    """How many times as long a lap takes with telemetry as without: 1 is no cost."""

    ratios: tuple[float, ...]  # one a pair
    median: float
    mean: float  # geometric
    low: float  # of the mean, 95 %
    high: float
    telemetry: Telemetry | None  # of the last job that had it
    noise: tuple[str, ...]  # of all the jobs, each reason as often as it was said


def measure(
    runner: Runner, pairs: int, *, on_pair: Callable[[int, float], None] = lambda *_: None
) -> Cost:
    """Run the pairs one after the other, in turn the one or the other first; return the cost.

    The first job of all warms the template up and is thrown away. Raises FarmError when a job
    fails, with its reason.
    """
    backend = installed_backend()
    ratios: list[float] = []
    last: Telemetry | None = None
    noise: list[str] = []
    _run(runner, _job(backend, 1))
    for pair in range(1, pairs + 1):
        seconds = {}
        for told in (True, False) if pair % 2 else (False, True):
            runner.telemetry = told
            result, seconds[told] = _run(runner, _job(backend, pair))
            last = result.telemetry or last
            noise += result.noise
        ratios.append(seconds[True] / seconds[False])
        on_pair(pair, ratios[-1])
    mean, low, high = interval(ratios)
    return Cost(
        ratios=tuple(ratios),
        median=statistics.median(ratios),
        mean=mean,
        low=low,
        high=high,
        telemetry=last,
        noise=tuple(noise),
    )


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios and its 95 % interval.

    Student's t on their logarithms (Student 1908), the pair being the unit; two ratios at least.
    """
    from scipy.special import stdtrit

    logs = [math.log(ratio) for ratio in ratios]
    centre = statistics.mean(logs)
    quantile = float(stdtrit(len(logs) - 1, 0.975))
    half = quantile * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(centre), math.exp(centre - half), math.exp(centre + half)


def installed_backend() -> Backend:
    """Return the first backend that is installed here; raise UnsupportedError when none is."""
    for backend in get_args(Backend):
        if importlib.util.find_spec(backend) is not None:
            found: Backend = backend
            return found
    raise UnsupportedError(
        "no backend is installed here, and the cost of telemetry is that of a real job; "
        'install one: pip install "benchfarm[tensorflow]"'
    )


def _job(backend: Backend, pair: int) -> JobSpec:
    workload = find(WORKLOAD)
    samples = {"train_samples": TRAIN_SAMPLES, "validation_samples": 128, "test_samples": 128}
    cell = Cell(
        workload=WORKLOAD,
        workload_version=workload.version,
        batch_size=128,
        epochs=EPOCHS,
        precision="float32",
        backend=backend,
        mode="train",
        data="synthetic",
        optimizer=workload.optimizer,
        parameters=workload.parameters.model_validate(samples).model_dump(),
    )
    return JobSpec(
        run="doctor",
        hardware="doctor",
        cell=cell,
        repeat=pair,
        seed=42,
        timeout_seconds=TIMEOUT_SECONDS,
    )


def _run(runner: Runner, job: JobSpec) -> tuple[Result, float]:
    """Return the job's result and its median lap in seconds."""
    result = runner.run(job, time.time())
    if result.measurement is None:
        why = result.error.message if result.error else result.status.value
        raise FarmError(f"the job that telemetry's cost is measured with failed: {why}")
    return result, statistics.median(result.measurement.lap_seconds)
