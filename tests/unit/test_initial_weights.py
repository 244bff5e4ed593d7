"""Initial weights: the distributions' formulas, without Keras."""

from __future__ import annotations

import hashlib
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jobs.keras import initial_weights
from jobs.keras.initial_weights import fans, orthogonal, variance_scaling


def drawn(initial: initial_weights.Draw, *shape: int, seed: int = 7) -> Any:
    return initial(np.random.RandomState([seed, 0]), shape)


def scaled(mode: str, distribution: str, scale: float = 2.0) -> initial_weights.Draw:
    return variance_scaling(SimpleNamespace(scale=scale, mode=mode, distribution=distribution))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), (1, 1)),
        ((7,), (7, 7)),
        ((3, 5), (3, 5)),
        ((3, 3, 4, 8), (36, 72)),  # 3 × 3 places of 4 channels in, 8 out
    ],
)
def test_fans_are_as_by_hand(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected


def test_fans_are_those_of_the_axes_that_are_given() -> None:
    assert fans((12, 3, 4), [0], [1, 2]) == (12, 12)
    assert fans((3, 4, 12), [0, 1], [2]) == (12, 12)


@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 200), ("fan_out", 400), ("fan_avg", 300)])
def test_the_variance_is_scale_over_fan(mode: str, fan: int, distribution: str) -> None:
    values = drawn(scaled(mode, distribution), 200, 400)  # the deviation of 80,000 errs by 0.3 %
    assert values.std() == pytest.approx(math.sqrt(2 / fan), rel=0.015)
    assert abs(values.mean()) < 0.02 * values.std()


def test_uniform_and_truncated_draws_end_where_they_should() -> None:
    uniform = np.abs(drawn(scaled("fan_in", "uniform"), 200, 400))
    assert 0.999 < uniform.max() / math.sqrt(6 / 200) <= 1
    cut = np.abs(drawn(scaled("fan_in", "truncated_normal"), 200, 400))
    assert 0.99 < cut.max() / (2 * math.sqrt(2 / 200) / 0.87962566103423978) <= 1


@pytest.mark.parametrize("shape", [(24, 24), (24, 10), (10, 24), (3, 2, 4, 10)])
def test_orthogonal_draws_have_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    values = drawn(orthogonal(SimpleNamespace(gain=1.5)), *shape)
    assert values.shape == shape
    flat = values.reshape(-1, shape[-1])
    rows, columns = flat.shape
    product = flat @ flat.T if rows < columns else flat.T @ flat
    assert np.allclose(product, 1.5**2 * np.eye(min(rows, columns)), atol=1e-12)


def test_orthogonal_draws_favour_no_sign() -> None:
    # LAPACK's own Q has a corner of one sign.
    matrices = [drawn(orthogonal(SimpleNamespace(gain=1.0)), 8, 8, seed=n) for n in range(200)]
    assert 70 < sum(matrix[0, 0] > 0 for matrix in matrices) < 130


def test_the_stream_is_frozen() -> None:
    values = drawn(scaled("fan_avg", "uniform", 1.0), 64, 32).astype(np.float32)
    assert hashlib.sha256(values.tobytes()).hexdigest().startswith("82837352efa9137f")
