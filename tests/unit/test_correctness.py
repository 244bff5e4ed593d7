"""Correctness: what makes a fast result worthless, and what does not."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.readings.correctness import deviates, invalid, trajectory
from jobs.result import Measurement

FALLING = (2.3, 1.4, 0.9, 0.6, 0.45, 0.4)


def measurement(loss: tuple[float, ...] | None = FALLING, **changes: Any) -> Measurement:
    fields: dict[str, Any] = {
        "lap_seconds": (1.0,),
        "warmup_lap_seconds": (),
        "cold_start_seconds": None,
        "total_seconds": None,
        "samples_per_lap": None,
        "steps_per_lap": None,
        "samples_per_epoch": None,
        "history": {} if loss is None else {"loss": loss},
        "test": {},
    }
    return Measurement.model_validate(fields | changes)


def repeats(
    number: int, *, seed: int, spread: float = 0.05, drop: float = 1.0
) -> list[tuple[float, ...]]:
    """Return losses that fall from 2.3 towards 0.3, unlike only in their seed."""
    rng = random.Random(seed)
    made = []
    for _ in range(number):
        of_seed = rng.gauss(0, spread)
        curve = [
            2.3 * math.exp(-0.25 * step + of_seed + rng.gauss(0, spread / 3)) for step in range(9)
        ]
        made.append(tuple(2.3 - drop * (2.3 - loss) for loss in curve))
    return made


def test_a_network_that_learnt_is_valid() -> None:
    learnt = measurement(
        test={"loss": 0.5, "accuracy": 0.86},
        floors={"accuracy": 0.6, "loss_drop": 0.5},
        output_spread=0.2,
    )
    assert invalid(learnt) is None


def test_what_was_not_recorded_makes_nothing_invalid() -> None:
    assert invalid(measurement(None)) is None
    assert trajectory(measurement(None)) == ()


@pytest.mark.parametrize(
    ("loss", "steps", "said"),
    [
        ((2.3, 1.9, math.nan, math.nan), 100, "its loss became NaN after 200 steps"),
        ((2.3, 1.9, math.inf), 1_000, "its loss became infinite after 2,000 steps"),
        ((2.3, math.nan), None, "its loss became NaN after 1 of 2 recorded values"),
        ((math.nan,), 100, "its loss became NaN before it was first recorded"),
    ],
)
def test_a_loss_that_is_not_finite_is_named_with_when_it_became_so(
    loss: tuple[float, ...], steps: int | None, said: str
) -> None:
    assert invalid(measurement(loss, steps_per_history=steps)) == said


def test_a_test_value_that_is_not_finite_is_invalid() -> None:
    found = invalid(measurement(test={"loss": 0.3, "mean_iou": math.nan}))
    assert found == "its mean iou in the final test is NaN"


@pytest.mark.parametrize(
    "loss",
    [
        (2.3, 2.9, 3.6),
        (2.3, 2.5, 2.9, 3.4),
        (2.3, 50.0, 40.0, 45.0, 41.0, 44.0, 43.0),  # at once, and then no further
        (2.3, 4.5, 4.0, 4.2, 3.9, 4.3, 4.1),
        (2.30, 2.36, 2.41, 2.48, 2.57, 2.66, 2.74, 2.80),  # slowly, all the way
        (2.3, 0.9, 0.6, 5.0, 80.0, 900.0),  # learnt first, then blew up
        (-2.0, -1.0, -0.5),
    ],
)
def test_a_rising_loss_is_invalid(loss: tuple[float, ...]) -> None:
    found = invalid(measurement(loss))
    assert found is not None
    assert found.startswith("its loss rose in training, from ")


@pytest.mark.parametrize(
    "loss",
    [
        (2.3, 2.8),  # two values tell no trend
        (2.302, 2.309, 2.311),
        (2.30, 2.37, 2.21, 2.41),
        (2.3, 2.1, 2.4, 2.6),
        (0.02, 0.013, 0.03, 0.009, 0.011, 0.04, 0.012, 0.021, 0.010),
        (2.3, 0.4, 0.1, 0.05, 0.3, 0.06),  # one spike
        (0.020, 0.030, 0.026, 0.029, 0.025, 0.028, 0.026),  # a low first value, and no trend
        (2.3, 1.0, 0.5, 0.3, 0.2, 9.0),  # that the run happens to end with
    ],
)
def test_noise_is_no_rise(loss: tuple[float, ...]) -> None:
    assert invalid(measurement(loss)) is None


@given(st.lists(st.floats(0.01, 10), min_size=3, max_size=40))
def test_a_falling_loss_never_counts_as_rising(values: list[float]) -> None:
    falling = tuple(sorted(values, reverse=True))
    found = invalid(measurement(falling))
    assert (found is None) == (falling[0] > falling[-1])


def test_flat_noisy_losses_are_hardly_ever_flagged() -> None:
    rng = random.Random(3)
    for count, most in ((3, 0.005), (6, 0.005), (12, 0.005)):
        flat = [tuple(math.exp(rng.gauss(0, 0.05)) for _ in range(count)) for _ in range(2_000)]
        flagged = sum(invalid(measurement(loss)) is not None for loss in flat)
        assert flagged / len(flat) < most


def test_a_loss_that_never_moves_is_invalid() -> None:
    found = invalid(measurement((2.303, 2.303, 2.303)))
    assert found == "its loss did not change in training: it stayed at 2.3"
    assert invalid(measurement((2.303, 2.303))) is None


@pytest.mark.parametrize(
    ("spread", "said"),
    [
        (0.0, "its network answers the same to every sample"),
        (9e-7, "its network answers the same to every sample"),
        (math.nan, "its network answers NaN"),
        (math.inf, "its network answers infinity"),
        (2e-6, None),
        (None, None),
    ],
)
def test_a_network_that_answers_the_same_to_everything_is_invalid(
    spread: float | None, said: str | None
) -> None:
    assert invalid(measurement(output_spread=spread)) == said


def test_a_missed_floor_says_what_was_reached_and_what_is_demanded() -> None:
    missed = measurement(test={"accuracy": 0.11}, floors={"accuracy": 0.6})
    assert invalid(missed) == "it did not learn: accuracy 0.11, at least 0.60 is demanded"


def test_a_floor_that_is_just_reached_is_reached() -> None:
    assert invalid(measurement(test={"accuracy": 0.6}, floors={"accuracy": 0.6})) is None


def test_a_narrow_miss_is_written_with_the_digits_that_show_it() -> None:
    missed = measurement(test={"accuracy": 0.5996}, floors={"accuracy": 0.6})
    assert invalid(missed) == "it did not learn: accuracy 0.5996, at least 0.6000 is demanded"


def test_every_missed_floor_is_named() -> None:
    missed = measurement(
        (2.0, 1.9), test={"accuracy": 0.1}, floors={"accuracy": 0.6, "loss_drop": 0.5}
    )
    assert invalid(missed) == (
        "it did not learn: accuracy 0.10, at least 0.60 is demanded; "
        "loss drop 0.05, at least 0.50 is demanded"
    )


@pytest.mark.parametrize("loss", [None, (2.0,), (0.0, 0.0)])
def test_a_floor_whose_value_is_not_known_is_missed(loss: tuple[float, ...] | None) -> None:
    found = invalid(measurement(loss, floors={"loss_drop": 0.5}))
    assert found == "it did not learn: loss drop is not known, at least 0.50 is demanded"
    found = invalid(measurement(loss, floors={"accuracy": 0.5}))
    assert found == "it did not learn: accuracy is not known, at least 0.50 is demanded"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    missed = measurement(None, test={"r2": -0.004}, floors={"r2": 0.5})
    assert invalid(missed) == "it did not learn: r2 0.00, at least 0.50 is demanded"
    near = measurement(None, test={"r2": -0.004}, floors={"r2": 0.0})
    assert invalid(near) == "it did not learn: r2 -0.004, at least 0.000 is demanded"


def test_counts_have_no_decimals_and_other_work_than_learning_falls_short() -> None:
    export = measurement(None, test={"frames": 299.0}, floors={"frames": 300.0})
    export = export.model_copy(update={"item": "video seconds"})
    assert invalid(export) == "its result falls short: frames 299, at least 300 is demanded"
    product = measurement(None, test={"correct": 0.0}, floors={"correct": 1.0})
    product = product.model_copy(update={"item": "products"})
    assert invalid(product) == "its result falls short: correct 0.00, at least 1.00 is demanded"


def test_floors_that_are_waived_demand_nothing() -> None:
    waived = measurement(
        test={"accuracy": 0.1}, floors={"accuracy": 0.6}, floors_waived="too few steps to learn"
    )
    assert invalid(waived) is None


@given(st.integers(0, 10**6), st.floats(0.2, 1.0))
def test_the_baseline_against_itself_never_deviates(seed: int, drop: float) -> None:
    losses = repeats(3, seed=seed, drop=drop)
    assert deviates(losses, losses) is None


@pytest.mark.parametrize("spread", [0.01, 0.1, 0.4])
def test_a_machine_against_its_like_is_flagged_in_less_than_one_cell_of_a_hundred(
    spread: float,
) -> None:
    cells = 2_000
    flagged = sum(
        deviates(
            repeats(3, seed=2 * cell, spread=spread), repeats(3, seed=2 * cell + 1, spread=spread)
        )
        is not None
        for cell in range(cells)
    )
    assert flagged / cells < 0.01


@pytest.mark.parametrize("spread", [0.01, 0.05, 0.1])
def test_a_machine_that_learns_half_as_well_is_flagged(spread: float) -> None:
    cells = 200
    flagged = sum(
        deviates(
            repeats(3, seed=2 * cell, spread=spread, drop=0.5),
            repeats(3, seed=2 * cell + 1, spread=spread),
        )
        is not None
        for cell in range(cells)
    )
    assert flagged >= 0.97 * cells


def test_the_reason_gives_both_losses_and_what_would_be_within_the_spread() -> None:
    flat = [(2.0, 1.0, 1.0), (2.0, 1.0, 1.0)]
    assert deviates([(2.0, 1.5, 1.5)], flat) == (
        "it learnt less than the baseline: its later training loss is 1.5, the baseline's 1, "
        "and up to 1.1 is within the spread of the repeats"
    )


def test_one_repeat_that_did_not_learn_is_enough_against_a_steady_baseline() -> None:
    here = [*repeats(2, seed=1, spread=0.02), (2.3,) * 9]
    assert deviates(here, repeats(3, seed=2, spread=0.02)) is not None


def test_learning_more_than_the_baseline_is_no_deviation() -> None:
    assert deviates(repeats(3, seed=1), repeats(3, seed=2, drop=0.5)) is None


def test_an_excess_below_a_tenth_is_none_however_alike_the_repeats_are() -> None:
    baseline = [(2.0, 1.0), (2.0, 1.0), (2.0, 1.0)]
    assert deviates([(2.0, 1.09)] * 3, baseline) is None
    assert deviates([(2.0, 1.15)] * 3, baseline) is not None


def test_losses_that_are_negligible_on_both_sides_are_alike() -> None:
    assert deviates([(2.3, 1e-4)] * 3, [(2.3, 1e-7)] * 3) is None


def test_without_two_repeats_of_the_baseline_nothing_can_be_told() -> None:
    broken = repeats(3, seed=1, drop=0.1)
    assert deviates(broken, repeats(1, seed=2)) is None
    assert deviates(broken, [*repeats(1, seed=2), (), (math.nan,)]) is None
    assert deviates([], repeats(3, seed=2)) is None


def test_of_unequal_lengths_the_common_beginning_is_compared() -> None:
    baseline = [(2.0, loss, 0.1, 0.01) for loss in (1.0, 1.02, 0.99)]
    assert deviates([(2.0, 1.0)], baseline) is None
    assert deviates([(2.0, 2.0)], baseline) is not None


def test_losses_without_a_logarithm_are_not_compared() -> None:
    assert deviates([(-1.0, -2.0)], [(-1.0, -5.0), (-1.0, -5.1)]) is None
    assert deviates([(1.0, 0.5)], [(1.0, -5.0), (1.0, -5.1)]) is None
