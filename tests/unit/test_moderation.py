"""A machine's variances tell of each of its cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from farm.statistics.moderation import fit, moderate, trigamma_inverse
from tests.unit.test_statistics import both, processes


def test_an_unusually_calm_cell_is_not_believed() -> None:
    usual = [{"base": processes(1, 1.1, 1.2), "here": processes(1, 1.1, 1.2)} for _ in range(20)]
    calm = {"base": processes(1, 1.1, 1.2), "here": processes(1, 1.0001, 1.0002)}
    found = both([*usual, calm])
    # Alone it would be 0.0001 wide on its side; here it is told as if it spread like the others
    assert found[20].high / found[20].low > 1.15
    assert found[20].high / found[20].low < found[0].high / found[0].low


def test_the_interval_of_a_cell_narrows_with_like_cells_beside_it() -> None:
    rng = np.random.default_rng(1)
    rows = [
        {name: processes(*np.exp(0.1 * rng.normal(size=3)).tolist()) for name in ("base", "here")}
        for _ in range(24)
    ]
    together = [each.high / each.low for each in both(rows)[:-1]]
    alone = [each.high / each.low for row in rows for each in both([row])[:1]]
    assert np.median(np.log(together)) < 0.8 * np.median(np.log(alone))


@given(st.floats(0.01, 1e3))
def test_the_inverse_of_trigamma_is_its_inverse(x: float) -> None:
    assert polygamma(1, trigamma_inverse(np.array([x])))[0] == pytest.approx(x, rel=1e-6)


def test_a_prior_finds_the_spread_that_the_cells_were_drawn_from() -> None:
    # Given many cells whose variance is 0.04 exactly, told by 2 or by 9 degrees of freedom
    rng = np.random.default_rng(1)
    df = rng.choice([2.0, 9.0], size=(4000, 1))
    variance = 0.04 * rng.chisquare(df) / df
    prior = fit(variance, df)
    assert prior.variance[0] == pytest.approx(0.04, rel=0.03)
    assert prior.df[0] > 15
    # And when half of them spread twice as much, it is worth less and draws less
    uneven = fit(variance * rng.choice([1.0, 4.0], size=variance.shape), df)
    assert 1 < uneven.df[0] < 4
    moderated, freedom = moderate(variance, df, prior)
    assert moderated.std() < 0.3 * variance.std()
    assert freedom == pytest.approx(df + prior.df)


def test_a_few_cells_make_a_weaker_prior_than_many() -> None:
    rng = np.random.default_rng(1)
    variance = rng.chisquare(2, size=(100, 400)) / 2
    few, many = (fit(variance[:rows], np.full((rows, 400), 2.0)) for rows in (4, 100))
    assert np.median(few.df) < 0.5 * np.median(many.df)


def test_a_variance_that_is_rounding_says_nothing_of_the_machine() -> None:
    usual = np.array([[0.01], [0.012], [0.008], [0.011]])
    without = fit(usual, np.full((4, 1), 2.0))
    rounding = fit(np.vstack([usual, [[1e-33]]]), np.full((5, 1), 2.0))
    assert (rounding.variance, rounding.df) == (without.variance, without.df)
