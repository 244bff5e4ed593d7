"""`train` and `steady`: measure the training of a Keras network, on any Keras backend."""

from __future__ import annotations

import math
import time

from jobs.dataset import Dataset
from jobs.errors import UnsupportedError
from jobs.keras import device as keras_device
from jobs.keras import inference as keras_inference
from jobs.keras import network as keras_network
from jobs.keras import steady as keras_steady
from jobs.keras.network import Plan
from jobs.measure import Laps
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock


def measure(
    plan: Plan, dataset: Dataset, job: JobSpec, *, clock: Clock, learning_steps: int
) -> Measurement:
    """Measure by the mode and protocol of the cell; `learning_steps` are those of `steady`."""
    if job.cell.mode == "infer":
        return keras_inference.infer(plan, dataset, job, clock=clock)
    if job.cell.protocol == "steady":
        return keras_steady.steady(plan, dataset, job, clock=clock, learning_steps=learning_steps)
    return train(plan, dataset, job, clock=clock)


def train(plan: Plan, dataset: Dataset, job: JobSpec, *, clock: Clock) -> Measurement:
    """Build, compile, take a first step, train for the job's epochs with validation, and test.

    The data is in host memory before the clock starts. The first step runs apart, as the cold
    start, and is undone: training begins from the seeded initial weights. A lap is one epoch with
    its validation, as in the sources, whose published metric is the total training time.

    Raises UnsupportedError for data that is staged on the device: the sources' was not.
    """
    cell, batch_size = job.cell, job.cell.samples_per_step
    if cell.data_pipeline == "staged":
        raise UnsupportedError(
            "protocol train takes its data from the host, as the sources did; "
            "leave data_pipeline out, or set it to host, or take protocol: steady"
        )
    laps = Laps(clock, time.time)
    began = clock()
    model = keras_network.compiled(plan, job)

    def first_step() -> None:
        head = dataset.train.head(batch_size)
        model.fit(**keras_network.one_pass(head, batch_size), epochs=1, verbose=0, shuffle=False)
        head = (dataset.validation or dataset.test).head(batch_size)
        keras_network.evaluate(model, head, batch_size)

    keras_network.undone(model, first_step)
    cold_start_seconds = clock() - began

    keras_network.seed(job)  # the first step has moved the global state
    order = job.seed + job.repeat if plan.shuffle else None
    history = model.fit(
        **keras_network.epochs_of(dataset, batch_size, order),
        epochs=cell.epochs or 1,
        callbacks=[
            *(plan.callbacks() if plan.callbacks else ()),
            keras_network.timed(model, laps),
        ],
        verbose=0,
    )
    test = keras_network.evaluate(model, dataset.test, batch_size)
    keras_device.synchronise(model)
    total_seconds = clock() - began
    keras_device.observe(model)
    steps = math.ceil(len(dataset.train) / batch_size)
    return Measurement(
        lap_seconds=laps.measured,
        warmup_lap_seconds=laps.warmup,
        warmup_ended="fixed",
        stopped_by="epochs",
        laps_window=laps.window,
        discarded_laps=laps.discarded,
        cold_start_seconds=cold_start_seconds,
        total_seconds=total_seconds,
        samples_per_lap=len(dataset.train),
        steps_per_lap=steps,
        samples_per_epoch=len(dataset.train),
        history={name: tuple(map(float, values)) for name, values in history.history.items()},
        steps_per_history=steps,
        test=test,
        data_verified=dataset.verified,
        **keras_network.describe(plan, model, dataset.test, batch_size),
    )
