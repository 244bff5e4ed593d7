"""Network: a Keras model from its cold start to its test, whatever lies in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from jobs.dataset import Dataset, Part, Samples, Stream
from jobs.keras import device as keras_device
from jobs.keras import flops, initial_weights, tf_pipeline
from jobs.process import peak_memory_bytes
from jobs.spec import JobSpec

if TYPE_CHECKING:
    import keras

# Of the test set, that tell whether a network answers the same to all; as many as fit both.
SPREAD_SAMPLES, SPREAD_BYTES = 512, 16 << 20

Made: TypeAlias = str | Callable[[], Any]  # a Keras name, or what makes the thing in the child


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a workload gives its training: the network, uncompiled, and how it is judged."""

    build: Callable[[], keras.Model]
    loss: Made
    metrics: Sequence[Made]
    optimizer: Callable[[], keras.Optimizer] | None = None  # None: Keras's own of the cell's name
    callbacks: Callable[[], list[keras.callbacks.Callback]] | None = None  # of `train`; by epoch
    shuffle: bool = True  # before every epoch
    pretrained: bool = False  # `build` gives the weights itself, the same everywhere
    item: str | None = None  # what is counted, where not samples
    items_per_sample: float | None = None


class Timer(Protocol):
    """Whatever times the epochs of a `fit`."""

    @property
    def finished(self) -> bool:
        """Whether no further epoch is wanted."""

    def start(self) -> None:
        """Begin an epoch; the device has nothing left to do."""

    def stop(self) -> None:
        """End it; the device has finished."""


def built(plan: Plan, job: JobSpec) -> keras.Model:
    """Return the plan's network, its initial weights drawn from the job's seed by numpy.

    So they are the same on every backend and every machine, where the layers' initializers are
    known.
    """
    seed(job)
    model = plan.build()
    same = plan.pretrained or initial_weights.draw(model, job.seed + job.repeat)
    keras_device.note(initial_weights=initial_weights.SAME if same else initial_weights.OWN)
    return model


def compiled(plan: Plan, job: JobSpec) -> keras.Model:
    """Return the plan's network, `built` and compiled as the cell says."""
    import keras

    model = built(plan, job)
    model.compile(
        optimizer=plan.optimizer() if plan.optimizer else keras.optimizers.get(job.cell.optimizer),
        loss=_made(plan.loss),
        metrics=[_made(metric) for metric in plan.metrics],
        jit_compile=keras_device.jits(job.cell),
    )
    return model


def seed(job: JobSpec) -> None:
    """Seed whatever draws random numbers: shuffling, and some backends' dropout."""
    import keras

    keras.utils.set_random_seed(job.seed + job.repeat)


def undone(model: keras.Model, first_step: Callable[[], object]) -> None:
    """Trace and compile by a first step, then put the state of the network and optimizer back.

    Raises UnsupportedError when the weights are not on the worker's device.
    """
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [_copy(variable) for variable in variables]
    first_step()
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    keras_device.synchronise(model)
    keras_device.observe(model)


def timed(model: keras.Model, timer: Timer) -> keras.callbacks.Callback:
    """Return the callback that has the timer time each epoch, and end the `fit` when it is done.

    It has epoch hooks only: a batch hook would turn Keras's asynchronous dispatch off.
    """
    import keras

    class TimedEpochs(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            timer.start()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            keras_device.synchronise(model)
            timer.stop()
            model.stop_training = timer.finished

    return TimedEpochs()


def evaluate(model: keras.Model, part: Samples, batch_size: int) -> dict[str, float]:
    """Return loss and metrics on the part."""
    values = model.evaluate(**one_pass(part, batch_size), verbose=0, return_dict=True)
    return {name: float(value) for name, value in values.items()}


def one_pass(part: Samples, batch_size: int, shuffle_seed: int | None = None) -> dict[str, Any]:
    """Return the arguments by which `fit` and `evaluate` take the part, from host memory."""
    import keras

    if isinstance(part, Stream):
        return {"x": part.batches(batch_size, shuffle_seed)}
    if keras.backend.backend() == "tensorflow":
        return {"x": tf_pipeline.batches(part, batch_size, shuffle_seed=shuffle_seed)}
    return {"x": part.inputs, "y": part.targets, "batch_size": batch_size}


def epochs_of(dataset: Dataset, batch_size: int, shuffle_seed: int | None) -> dict[str, Any]:
    """Return the arguments by which `fit` takes training and validation data, epoch after epoch.

    Without a seed the samples keep their order.

    TensorFlow is given all passes as one stream, because Keras would start a pipeline anew for
    each, which takes milliseconds on the clock of an epoch.
    """
    train, validation = dataset.train, dataset.validation
    said: dict[str, Any] = one_pass(train, batch_size, shuffle_seed)
    if "y" in said:
        said["shuffle"] = shuffle_seed is not None
    else:
        said["x"] = said["x"].repeat()
        said["steps_per_epoch"] = math.ceil(len(train) / batch_size)
        said["shuffle"] = False  # the stream is shuffled already
    if validation is None:
        return said
    validating = one_pass(validation, batch_size)
    if "y" in validating:
        said["validation_data"] = (validating["x"], validating["y"])
        said["validation_batch_size"] = batch_size
    else:
        said["validation_data"] = validating["x"].repeat()
        said["validation_steps"] = math.ceil(len(validation) / batch_size)
    return said


def describe(plan: Plan, model: keras.Model, test: Samples, batch_size: int) -> dict[str, Any]:
    """Return the fields of a Measurement that a trained network tells, off the clock."""
    few = test.head(max(2, min(SPREAD_SAMPLES, SPREAD_BYTES // test.sample_bytes)))
    return {
        "output_spread": _output_spread(model, few, batch_size),
        "flops_per_sample": flops.of_training(model),
        "parameter_count": model.count_params(),
        "peak_memory_bytes": peak_memory_bytes(),
        "batch_size": batch_size,
        "item": plan.item,
        "items_per_sample": plan.items_per_sample,
    }


def _output_spread(model: keras.Model, part: Part, batch_size: int) -> float | None:
    import numpy as np

    if len(part) < 2:
        return None  # one answer is the same as itself

    starts = range(0, len(part), batch_size)
    outputs = [model.predict_on_batch(part.inputs[at : at + batch_size]) for at in starts]
    return float(np.concatenate(outputs).astype(np.float64).std(axis=0).mean())


def _made(said: Made) -> Any:
    return said() if callable(said) else said


def _copy(variable: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(variable.value).copy()
