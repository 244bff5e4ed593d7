"""`infer`: forward passes of a Keras network, timed in blocks, and one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs import steady as rules
from jobs.dataset import Dataset
from jobs.errors import UnsupportedError
from jobs.keras import device as keras_device
from jobs.keras import flops, staging, tf_pipeline
from jobs.keras import network as keras_network
from jobs.keras.network import Plan
from jobs.process import peak_memory_bytes
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

TRIAL_PASSES = 4  # by which a lap is sized
LATENCIES, LATENCY_SECONDS = 200, 5.0  # single passes: so many, or as many as take so long
LEAST_LATENCIES = 10


def infer(plan: Plan, dataset: Dataset, job: JobSpec, *, clock: Clock) -> Measurement:
    """Build the network, take a first pass, warm up, time laps of passes, and single ones.

    Test samples lie on the device in batches before the clock starts; outputs stay there. A lap is
    a block of passes, one after the other, waited for at its end: throughput. Then single passes
    are timed, each waited for: latency. Nothing is trained; `test` holds a mean, with signs, and
    the spread of the outputs of one batch: equal weights and input make them equal everywhere.

    Raises UnsupportedError for another protocol or pipeline than steady and staged.
    """
    cell, effort, batch_size = job.cell, job.effort, job.cell.samples_per_step
    if cell.protocol != "steady" or cell.data_pipeline != "staged":
        raise UnsupportedError(
            "mode infer is measured by protocol: steady, with data_pipeline: staged; leave both out"
        )
    batches = _inputs(dataset, batch_size)
    began = clock()
    model = keras_network.built(plan, job)
    forward = _forward(model, jit=keras_device.jits(cell))
    first = forward(batches[0])
    keras_device.wait_for(first)
    cold_start_seconds = clock() - began
    keras_device.observe(model, staged_batches=len(batches))

    def lap(passes: int) -> None:
        outputs = first
        for number in range(passes):
            outputs = forward(batches[number % len(batches)])
        keras_device.wait_for(outputs)

    lap(TRIAL_PASSES)
    started = clock()
    lap(TRIAL_PASSES)
    passes = rules.steps_per_lap(effort.lap_seconds, (clock() - started) / TRIAL_PASSES)
    started = clock()
    lap(passes)
    laps = rules.SteadyLaps(effort, clock() - started, clock, time.time)
    while not laps.finished:
        laps.start()
        lap(passes)
        laps.stop()
    latencies = _latencies(
        lambda number: keras_device.wait_for(forward(batches[number % len(batches)])), clock
    )
    total_seconds = clock() - began

    outputs = _numpy(first)
    return Measurement(
        **laps.fields,
        cold_start_seconds=cold_start_seconds,
        total_seconds=total_seconds,
        samples_per_lap=passes * batch_size,
        steps_per_lap=passes,
        samples_per_epoch=len(dataset.test),
        history={},
        test={"output_mean": _signed_mean(outputs), "output_spread": float(outputs.std())},
        latency_seconds=latencies,
        data_verified=dataset.verified,
        output_spread=float(outputs.std(axis=0).mean()) if batch_size > 1 else None,
        flops_per_sample=flops.of_inference(model),
        parameter_count=model.count_params(),
        peak_memory_bytes=peak_memory_bytes(),
        batch_size=batch_size,
        item=plan.item,
        items_per_sample=plan.items_per_sample,
    )


def _latencies(single: Callable[[int], None], clock: Clock) -> tuple[float, ...]:
    seconds: list[float] = []
    while len(seconds) < LATENCIES:
        started = clock()
        single(len(seconds))
        seconds.append(clock() - started)
        if len(seconds) >= LEAST_LATENCIES and sum(seconds) > LATENCY_SECONDS:
            break
    return tuple(seconds)


def _inputs(dataset: Dataset, batch_size: int) -> list[Any]:
    """Return batches of test samples on the device, in the files' order; 256 MiB at most."""
    import keras

    few = dataset.test.head(max(batch_size, staging.STAGED_BYTES // dataset.test.sample_bytes))
    rows = staging.rows_of_batches(np.arange(len(few)), batch_size)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_logical_devices("GPU")
        with tf.device(gpus[0].name if gpus else "CPU:0"):
            return [tf.identity(tf_pipeline.placeable(few.inputs[row])) for row in rows]
    return [keras.ops.convert_to_tensor(few.inputs[row]) for row in rows]


def _forward(model: keras.Model, *, jit: bool) -> Callable[[Any], Any]:
    """Return what computes the network's outputs of a batch, without training's behaviour."""
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        traced: Callable[[Any], Any] = tf.function(
            lambda batch: model(batch, training=False), jit_compile=jit
        )
        return traced
    if name == "torch":
        import torch

        called = torch.compile(model) if jit else model

        def in_inference_mode(batch: Any) -> Any:
            with torch.inference_mode():
                return called(batch, training=False)

        return in_inference_mode
    import jax

    trained = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def stateless(trained: Any, others: Any, batch: Any) -> Any:
        return model.stateless_call(trained, others, batch, training=False)[0]

    compiled = jax.jit(stateless) if jit else stateless
    return lambda batch: compiled(trained, others, batch)


def _signed_mean(outputs: NDArray[np.float64]) -> float:
    """Return the mean of all outputs, those of a sample each with a sign that is always its own.

    Without the signs that of a softmax would be the same whatever the weights.
    """
    signs = np.random.RandomState(0).choice((-1.0, 1.0), size=outputs.shape[1:])
    return float((outputs * signs).mean())


def _numpy(outputs: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")).astype(np.float64)
