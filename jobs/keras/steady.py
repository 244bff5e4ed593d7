"""`steady`: blocks of training steps, timed once a Keras network trains at its usual speed."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field

from jobs import steady as rules
from jobs.dataset import Dataset
from jobs.keras import device as keras_device
from jobs.keras import network as keras_network
from jobs.keras import staging
from jobs.keras.network import Plan
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock

BLOCK = 8  # steps of the learning phase between two records of the loss
TESTED_BYTES = 32 << 20  # of the test set, at most
TRIALS = 3  # laps at most that are spent on finding the size of a lap


@dataclass
class Blocks:
    """Times epochs of a `fit` and leaves it to run to its end."""

    clock: Clock
    seconds: list[float] = field(default_factory=list)
    finished: bool = False
    _started: float = 0.0

    def start(self) -> None:
        """Begin an epoch; the device has nothing left to do."""
        self._started = self.clock()

    def stop(self) -> None:
        """End it; the device has finished."""
        self.seconds.append(self.clock() - self._started)


def steady(
    plan: Plan, dataset: Dataset, job: JobSpec, *, clock: Clock, learning_steps: int
) -> Measurement:
    """Build, compile, take a first step, learn a little, warm up, time laps of steps, and test.

    Batches are on the device, or on the host, before the clock starts (see `staging`). The first
    step runs apart, as the cold start, and is undone. Then come `learning_steps` steps, as many on
    every machine, so that their losses can be compared between machines; and with their time the
    size of a lap is set. What follows is `steady.SteadyLaps`. There is no validation; the test set,
    or the first 32 MiB of it, is evaluated once, after the laps.

    Everything runs through `fit`, in epochs of so many steps, so what is timed is what users of
    Keras run: its loop, its metrics, and its one synchronisation at the end of a block.
    """
    cell, effort, batch_size = job.cell, job.effort, job.cell.samples_per_step
    seed = job.seed + job.repeat
    keras_network.seed(job)
    batches = staging.batches(dataset.train, batch_size, cell.data_pipeline or "staged", seed=seed)
    began = clock()
    model = keras_network.compiled(plan, job)
    batches.attach(model)

    def fit(steps: int, timer: keras_network.Timer, epochs: int = 1) -> dict[str, list[float]]:
        history = model.fit(
            **batches.arguments(),
            steps_per_epoch=steps,
            epochs=epochs,
            callbacks=[keras_network.timed(model, timer)],
            verbose=0,
            shuffle=False,
        )
        return dict(history.history)

    keras_network.undone(model, lambda: fit(1, Blocks(clock)))
    cold_start_seconds = clock() - began

    keras_network.seed(job)  # the first step has moved the global state
    blocks = Blocks(clock)
    block = min(BLOCK, max(1, learning_steps // 2))  # two records at least: a loss can fall
    history = fit(block, blocks, epochs=learning_steps // block)
    later = blocks.seconds[len(blocks.seconds) // 2 :]
    step_seconds = statistics.median(later) / block
    steps = rules.steps_per_lap(effort.lap_seconds, step_seconds)
    for _ in range(TRIALS):
        trial = Blocks(clock)
        fit(steps, trial)
        step_seconds = trial.seconds[0] / steps
        better = rules.steps_per_lap(effort.lap_seconds, step_seconds)
        if better == steps or rules.fits(effort.lap_seconds, trial.seconds[0]):
            break
        steps = better
    learning_seconds = clock() - began - cold_start_seconds

    laps = rules.SteadyLaps(effort, steps * step_seconds, clock, time.time)
    fit(steps, laps, epochs=sys.maxsize)
    tested = dataset.test.head(max(batch_size, TESTED_BYTES // dataset.test.sample_bytes))
    test = keras_network.evaluate(model, tested, batch_size)
    keras_device.synchronise(model)
    total_seconds = clock() - began
    keras_device.observe(model, staged_batches=batches.staged)
    return Measurement(
        **laps.fields,
        cold_start_seconds=cold_start_seconds,
        learning_seconds=learning_seconds,
        total_seconds=total_seconds,
        samples_per_lap=steps * batch_size,
        steps_per_lap=steps,
        samples_per_epoch=len(dataset.train),
        history={name: tuple(map(float, values)) for name, values in history.items()},
        steps_per_history=block,
        test=test,
        data_verified=dataset.verified,
        **keras_network.describe(plan, model, tested, batch_size),
    )
