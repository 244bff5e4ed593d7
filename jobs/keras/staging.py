"""Batches: endless streams of training data, all of one shape, as Keras's `fit` takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.dataset import Part, Samples, Stream
from jobs.keras import tf_pipeline
from jobs.spec import DataPipeline

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

STAGED_BYTES = 256 << 20  # of batches that lie on the device, at most; one batch in any case


@dataclass(frozen=True, kw_only=True)
class Batches:
    """A source of batches; `arguments` is called for each `fit`, and starts the stream anew."""

    arguments: Callable[[], dict[str, Any]]
    attach: Callable[[keras.Model], None]  # before the model's first `fit`
    staged: int | None = None  # batches that lie on the device; None: put together while it trains


def batches(part: Samples, batch_size: int, pipeline: DataPipeline, *, seed: int) -> Batches:
    """Return endless batches of the part, in a seeded order, every one with `batch_size` samples.

    A pass drops the samples that do not fill a batch; a part that is smaller than a batch fills
    one by being repeated.

    `staged`: as many batches as fit into 256 MiB lie on the device and are used in turn. `host`:
    each is gathered in host memory when its turn comes, and every pass has an order of its own.
    """
    import keras

    backend = keras.backend.backend()
    if isinstance(part, Stream):
        if pipeline == "host":
            if len(part) < batch_size:
                return batches(part.head(len(part)), batch_size, pipeline, seed=seed)
            full = part.batches(batch_size, seed).take(len(part) // batch_size).repeat()
            return Batches(arguments=lambda: {"x": full}, attach=_leave)
        part = part.head(max(batch_size, STAGED_BYTES // part.sample_bytes))
    if pipeline == "host":
        if backend == "tensorflow":
            dataset = tf_pipeline.batches(part, batch_size, shuffle_seed=seed, endless=True)
            return Batches(arguments=lambda: {"x": dataset}, attach=_leave)
        return Batches(arguments=lambda: {"x": _gathered(part, batch_size, seed)}, attach=_leave)
    rows = rows_of_batches(np.random.RandomState(seed).permutation(len(part)), batch_size)
    rows = rows[: max(1, STAGED_BYTES // (batch_size * part.sample_bytes))]
    if backend == "tensorflow":
        attach = tf_pipeline.stage(part, rows)
        indices = tf_pipeline.indices(len(rows))
        return Batches(arguments=lambda: {"x": indices}, attach=attach, staged=len(rows))
    convert = keras.ops.convert_to_tensor  # on the device
    lying = [(convert(part.inputs[row]), convert(part.targets[row])) for row in rows]
    take = _loader if backend == "torch" else _cycle
    return Batches(arguments=lambda: {"x": take(lying)}, attach=_leave, staged=len(rows))


def rows_of_batches(order: NDArray[np.integer], batch_size: int) -> NDArray[np.integer]:
    """Return the row numbers of a pass in that order: (batches, batch_size)."""
    if len(order) < batch_size:
        return np.resize(order, (1, batch_size))  # repeats them
    count = len(order) // batch_size
    return order[: count * batch_size].reshape(count, batch_size)


def _gathered(part: Part, batch_size: int, seed: int) -> Iterator[tuple[Any, Any]]:
    random = np.random.RandomState(seed)
    while True:
        for row in rows_of_batches(random.permutation(len(part)), batch_size):
            yield part.inputs[row], part.targets[row]


def _cycle(lying: list[Any]) -> Iterator[Any]:
    while True:
        yield from lying


def _loader(lying: list[Any]) -> Any:
    """Return a DataLoader that hands out the batches as they are: Keras takes no plain iterator."""
    from torch.utils.data import DataLoader, IterableDataset

    class Lying(IterableDataset[Any]):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Any]:
            return _cycle(lying)

    return DataLoader(Lying(), batch_size=None, collate_fn=lambda batch: batch)


def _leave(model: keras.Model) -> None:
    """Change nothing about the model."""
