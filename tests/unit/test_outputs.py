"""Inference on two machines: of equal weights and input the outputs are equal."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from farm.matrix.matrix import MatrixCell, build
from farm.readings.entry import Entry
from farm.readings.reading import Reading
from jobs.keras.initial_weights import OWN, SAME
from tests.unit.matrix_samples import cell

START: dict[str, Any] = {"initial_weights": SAME, "data": "synthetic", "device": "cpu"}


def inference(
    hardware: str,
    *outputs: tuple[float, float],
    seed: int = 42,
    conditions: dict[str, Any] | None = None,
    invalid: str | None = None,
    **changes: Any,
) -> list[Entry]:
    """Return jobs of one cell, a repeat for each mean and spread of the outputs."""
    work: dict[str, Any] = {"mode": "infer", "optimizer": None, "protocol": "steady"}
    of = cell(**work | changes)
    under = {**START, **(conditions or {})}
    return [
        Entry(
            cell=of,
            hardware=hardware,
            repeat=repeat,
            state="succeeded",
            epoch_seconds=1.0,
            samples_per_epoch=512,
            reading=Reading(
                seconds=1.0,
                laps=3,
                seed=seed,
                output_mean=mean,
                output_spread=spread,
                invalid=invalid,
            ),
            conditions=under,
        )
        for repeat, (mean, spread) in enumerate(outputs, 1)
    ]


def judged(*jobs: list[Entry], across: tuple[str, ...] = ()) -> MatrixCell:
    """Return the cell of b, beside a."""
    (row,) = build(chain.from_iterable(jobs), baseline="a", across=across).rows
    return row.cells["b"]


BASE = inference("a", (0.1, 0.05), (0.2, 0.04))


def test_outputs_that_are_not_the_baseline_s_are_invalid() -> None:
    there = judged(BASE, inference("b", (0.1, 0.05), (0.21, 0.04)))
    assert there.status == "invalid"
    assert there.invalid == (
        "1 of 2 repeats: its outputs are not the baseline's: of the same weights and input their "
        "mean is 0.21 and their spread 0.04, the baseline's 0.2 and 0.04; 0.25 of the spread "
        "apart, 0.01 is tolerated"
    )


@pytest.mark.parametrize("outputs", [(0.1 + 0.0004, 0.05), (0.1, 0.05 - 0.0004), (0.1, 0.05)])
def test_what_rounding_moves_is_tolerated(outputs: tuple[float, float]) -> None:
    assert judged(BASE[:1], inference("b", outputs)).status == "succeeded"


@pytest.mark.parametrize("outputs", [(0.1 + 0.0006, 0.05), (0.1, 0.05 - 0.0006)])
@pytest.mark.parametrize(
    ("precision", "status"),
    [("float32", "invalid"), ("tf32", "invalid"), ("mixed_bfloat16", "succeeded")],
)
def test_halves_may_differ_by_more(
    outputs: tuple[float, float], precision: str, status: str
) -> None:
    base = inference("a", (0.1, 0.05), precision=precision)
    assert judged(base, inference("b", outputs, precision=precision)).status == status
    worse = inference("b", (0.1, 0.06), precision=precision)
    assert judged(base, worse).status == "invalid"


def test_halves_are_rounded_in_the_size_of_the_outputs_themselves() -> None:
    # Of a mean of 0.1 bfloat16 keeps 2e-4, which is a fifth of this spread
    work: dict[str, Any] = {"precision": "mixed_bfloat16"}
    base = inference("a", (0.1, 0.001), **work)
    assert judged(base, inference("b", (0.1002, 0.001), **work)).status == "succeeded"
    assert judged(base, inference("b", (0.1003, 0.001), **work)).status == "invalid"
    whole = inference("b", (0.1002, 0.001))
    assert judged(inference("a", (0.1, 0.001)), whole).status == "invalid"


def test_two_backends_are_held_to_the_same_outputs() -> None:
    other = inference("b", (0.3, 0.05), backend="torch", conditions={"backend": "torch"})
    base = inference("a", (0.1, 0.05), conditions={"backend": "tensorflow"})
    assert judged(base, other, across=("backend",)).status == "invalid"


@pytest.mark.parametrize(
    "other",
    [
        inference("b", (0.3, 0.05), conditions={"initial_weights": OWN}),
        inference("b", (0.3, 0.05), conditions={"initial_weights": None}),
        inference("b", (0.3, 0.05), seed=43),
        inference("b", (0.3, 0.05), conditions={"weights": "imagenet"}),
        inference("b", (0.3, 0.05), batch_size=64),
        inference("b", (float("nan"), 0.05)),
    ],
    ids=["own weights", "unknown weights", "another seed", "other weights", "another batch", "nan"],
)
def test_what_did_not_start_alike_is_not_compared(other: list[Entry]) -> None:
    base = inference("a", (0.1, 0.05), conditions={"weights": "random"})
    across = ("batch_size",) if other[0].cell.batch_size == 64 else ()
    assert judged(base, other, across=across).status == "succeeded"


@pytest.mark.parametrize(
    ("verified", "status"), [(True, "invalid"), (False, "succeeded"), (None, "succeeded")]
)
def test_real_data_has_to_be_the_published_files(verified: bool | None, status: str) -> None:
    under = {"data": "real", "data_verified": verified}
    base = inference("a", (0.1, 0.05), conditions=under, data="real")
    other = inference("b", (0.3, 0.05), conditions=under, data="real")
    assert judged(base, other).status == status


def test_training_is_not_judged_by_its_outputs() -> None:
    work: dict[str, Any] = {"mode": "train", "optimizer": "adam"}
    there = judged(inference("a", (0.1, 0.05), **work), inference("b", (0.3, 0.05), **work))
    assert there.status == "succeeded"
