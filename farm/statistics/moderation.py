"""Moderation: what a machine's variances say together of each of its cells. Pure.

Three processes tell the variance of their cell badly, with two degrees of freedom. A machine's
cells vary by like amounts, though, so each cell's estimate is drawn towards the machine's usual
one: Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression
in microarray experiments", the `squeezeVar` of limma. There the variances s² of the cells, with d
degrees of freedom, scatter about a prior s0² that is worth d0 degrees of freedom, and a cell has

    s̃² = (d0·s0² + d·s²) / (d0 + d)    with d0 + d degrees of freedom.

s0² and d0 come from mean and variance of the log s² (digamma and trigamma, inverted). Three things
differ from limma, each because simulation showed the interval to cover too little without it:

- the mean of the logs is weighted by what a cell knows, and its variance between cells, v, is
  DerSimonian and Laird's (1986), so that cells of 2 and of 10 processes go together;
- the error of that mean is added to v, so that few cells make a weak prior;
- d0 is of twice the variance so found, plus a little: the prior is discounted, in the manner of
  Ibrahim and Chen's power prior (2000), since spreads need not scatter as the inverse chi-square
  that is assumed (half the cells with twice the spread of the rest do not), and d0 is a guess.

All arrays are [cell, machine]; what a cell does not have is 0 degrees of freedom.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

Array = NDArray[np.float64]

# A variance of logs under this is rounding, or a clock that is too coarse: it tells nothing.
NEGLIGIBLE = 1e-20
# The variance between cells of log σ² where half of them have twice the spread: (log 4)² / 4.
_TWOFOLD = 0.48
_DISCOUNT = 2.0
_NEVER_ALIKE = 0.05  # keeps d0 under about 40, however alike the cells look


class Prior(NamedTuple):
    """What is known of the variance of any cell of a machine; arrays by machine."""

    variance: Array  # s0², NaN without a prior
    df: Array  # d0, 0 without a prior
    cells: NDArray[np.int64]  # how many it comes from
    pooled: Array  # the mean variance of those cells, weighted by their degrees of freedom


def trigamma_inverse(x: Array) -> Array:
    """Return y with trigamma(y) = x, for 0 < x; Newton's method from below (Smyth 2004)."""
    y = 0.5 + 1 / x
    for _ in range(8):  # quadratic, and monotone from this start
        trigamma = polygamma(1, y)
        y = y + trigamma * (1 - trigamma / x) / polygamma(2, y)
    return np.asarray(y, dtype=np.float64)


def informs(variance: Array, df: Array) -> NDArray[np.bool_]:
    """Return which cells say something of their machine's variance."""
    return (df > 0) & (variance > NEGLIGIBLE)


def fit(variance: Array, df: Array) -> Prior:
    """Return the prior of each machine from the variances of its cells."""
    known = informs(variance, df)
    cells = known.sum(axis=0)
    d = np.where(known, df, 1.0)
    s2 = np.where(known, variance, 1.0)
    # Log s² is off by this much on average, and scatters with this variance, at d.
    log_variance = np.log(s2) - digamma(d / 2) + np.log(d / 2)
    noise = polygamma(1, d / 2)
    weight = np.where(known, 1 / (noise + _TWOFOLD), 0.0)
    total = np.where(cells > 0, weight.sum(axis=0), 1.0)
    centre = (weight * log_variance).sum(axis=0) / total
    scatter = (weight * (log_variance - centre) ** 2).sum(axis=0)
    expected = (weight * noise * (1 - weight / total)).sum(axis=0)
    freedom = total - (weight**2).sum(axis=0) / total
    several = cells > 1
    between = np.maximum((scatter - expected) / np.where(several, freedom, 1.0), 0.0)
    between = np.where(several, between, _TWOFOLD)  # one cell cannot tell

    pooled = np.where(known, d * s2, 0.0).sum(axis=0) / np.maximum(
        np.where(known, d, 0.0).sum(axis=0), 1.0
    )
    half = trigamma_inverse(np.maximum(between, 1e-6))
    usual = np.where(several & (between > 0), np.exp(centre + digamma(half) - np.log(half)), pooled)
    error = (weight**2 * (between + noise)).sum(axis=0) / total**2
    worth = 2 * trigamma_inverse(_DISCOUNT * (between + error) + _NEVER_ALIKE)
    return Prior(
        variance=np.where(cells > 0, usual, np.nan),
        df=np.where(cells > 0, worth, 0.0),
        cells=cells,
        pooled=pooled,
    )


def moderate(variance: Array, df: Array, prior: Prior) -> tuple[Array, Array]:
    """Return each cell's moderated variance and its degrees of freedom.

    A cell with no degrees of freedom has the prior's, and NaN with 0 where there is no prior. A
    prior from one cell is no news to that cell.
    """
    drawn = np.where(df > 0, prior.cells > 1, prior.cells > 0)
    d0 = np.where(drawn, prior.df, 0.0)
    s0 = np.where(drawn, prior.variance, 0.0)
    total = d0 + df
    blend = (d0 * s0 + df * variance) / np.where(total > 0, total, 1.0)
    # Under one degree of freedom Student's t has no sensible quantile.
    return np.where(total > 0, blend, np.nan), np.where(total > 0, np.maximum(total, 1.0), 0.0)
