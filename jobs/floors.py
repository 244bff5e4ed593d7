"""Floors: what the training of a classifier has to reach, and from when on that can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from jobs.spec import Cell, DataSource

Pace: TypeAlias = Literal["fast", "slow"]  # slow: plain SGD

IMAGES = 256  # different ones, below which a network learns them by heart
TESTED_IMAGES = 32  # on fewer, chance decides about an accuracy
LONGEST_EPOCH = 2_000  # steps; the mean loss of a longer first epoch holds little of the fall


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Minima by name, and after how much training at least they can be asked for."""

    minima: Mapping[str, float]
    steps: int
    samples: int = 2_048  # seen in those steps: with small batches the first ones show nothing


def floors(
    by_pace: Mapping[tuple[DataSource, Pace], Floor],
    cell: Cell,
    steps: int,
    *,
    train_samples: int,
    test_samples: int,
) -> dict[str, float]:
    """Return what a cell's training has to reach in so many steps, by name of a value of its test.

    Nothing where the table has no floor for the data and optimizer, or too little was trained to
    tell. `loss_drop` (1 - last ÷ first training loss) is left out where the first loss is the mean
    over an epoch so long that it holds most of the learning, `accuracy` where few images test it.
    """
    pace: Pace = "slow" if cell.optimizer == "sgd" else "fast"
    floor = by_pace.get((cell.data or "real", pace))
    if floor is None or steps < floor.steps or train_samples < IMAGES:
        return {}
    if steps * cell.samples_per_step < floor.samples:
        return {}
    minima = dict(floor.minima)
    if test_samples < TESTED_IMAGES:
        minima.pop("accuracy", None)
    if cell.protocol == "train" and train_samples > LONGEST_EPOCH * cell.samples_per_step:
        minima.pop("loss_drop", None)
    return minima
