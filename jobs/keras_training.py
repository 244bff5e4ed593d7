"""`train`: fit a Keras network the sources' way, a lap an epoch, on any Keras backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jobs import keras_device, tf_pipeline
from jobs.data import Dataset, Part
from jobs.measure import Laps
from jobs.process import peak_memory_bytes
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock

if TYPE_CHECKING:
    import keras


def train(
    build: Callable[[], keras.Model],
    dataset: Dataset,
    job: JobSpec,
    *,
    loss: str,
    metrics: Sequence[str],
    clock: Clock,
) -> Measurement:
    """Build, compile, take a first step, train for the job's epochs with validation, and test.

    The data is in host memory before the clock starts. The first step runs apart, as the cold
    start, and is undone: training begins from the seeded initial weights. A lap is one epoch with
    its validation, as in the sources, whose published metric is the total training time.
    """
    import keras

    cell = job.cell
    laps = Laps(clock)
    keras.utils.set_random_seed(job.seed + job.repeat)

    began = clock()
    model = build()
    model.compile(
        optimizer=keras.optimizers.get(cell.optimizer),
        loss=loss,
        metrics=list(metrics),
        jit_compile=keras_device.jit_compile(),
    )
    _first_step(model, dataset, cell.batch_size)
    keras_device.synchronise(model)
    cold_start_seconds = clock() - began

    # Shuffling and some backends' dropout draw from global state, which the first step moved.
    keras.utils.set_random_seed(job.seed + job.repeat)
    history = model.fit(
        **_batches(dataset.train, cell.batch_size, shuffle_seed=job.seed + job.repeat),
        epochs=cell.epochs,
        validation_data=_validation(dataset.validation, cell.batch_size),
        validation_batch_size=cell.batch_size,
        callbacks=[_lap_callback(laps, model)],
        verbose=0,
    )
    test = _evaluate(model, dataset.test, cell.batch_size)
    keras_device.synchronise(model)
    return Measurement(
        lap_seconds=laps.measured,
        warmup_lap_seconds=laps.warmup,
        cold_start_seconds=cold_start_seconds,
        total_seconds=clock() - began,
        samples_per_lap=len(dataset.train),
        steps_per_lap=math.ceil(len(dataset.train) / cell.batch_size),
        samples_per_epoch=len(dataset.train),
        history={name: tuple(map(float, values)) for name, values in history.history.items()},
        test=test,
        data_verified=dataset.verified,
        parameter_count=model.count_params(),
        peak_memory_bytes=peak_memory_bytes(),
    )


def _lap_callback(laps: Laps, model: keras.Model) -> keras.callbacks.Callback:
    import keras

    # Epoch hooks only: a batch hook would turn Keras's asynchronous dispatch off.
    class LapCallback(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            laps.start()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            keras_device.synchronise(model)
            laps.stop()

    return LapCallback()


def _first_step(model: keras.Model, dataset: Dataset, batch_size: int) -> None:
    """Trace and compile by one step of training and of evaluation, then put all state back."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [_copy(variable) for variable in variables]
    model.fit(**_batches(dataset.train.head(batch_size), batch_size), epochs=1, verbose=0)
    _evaluate(model, dataset.validation.head(batch_size), batch_size)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def _copy(variable: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(variable.value).copy()


def _evaluate(model: keras.Model, part: Part, batch_size: int) -> dict[str, float]:
    values = model.evaluate(**_batches(part, batch_size), verbose=0, return_dict=True)
    return {name: float(value) for name, value in values.items()}


def _batches(part: Part, batch_size: int, shuffle_seed: int | None = None) -> dict[str, Any]:
    """Return the arguments by which `fit` and `evaluate` take the part, from host memory."""
    import keras

    if keras.backend.backend() == "tensorflow":
        return {"x": tf_pipeline.batches(part, batch_size, shuffle_seed=shuffle_seed)}
    return {"x": part.images, "y": part.labels, "batch_size": batch_size}


def _validation(part: Part, batch_size: int) -> Any:
    """Return the part as `fit` takes validation data."""
    arguments = _batches(part, batch_size)
    return arguments["x"] if "y" not in arguments else (arguments["x"], arguments["y"])
