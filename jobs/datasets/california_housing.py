"""California Housing: scikit-learn's own copy of it, or synthetic data of the same shape."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.errors import DataMissingError
from jobs.spec import DataSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES, FEATURES = 20_640, 8
FILE = "cal_housing_py3.pkz"  # in scikit-learn's data folder
# Of the published data (R. K. Pace, R. Barry, 'Sparse spatial autoregressions', Statistics &
# Probability Letters 33, 1997), as scikit-learn derives its features: their means, then the
# target's, to the digits that pandas prints. The cached file itself is compressed on each machine,
# so it has no published checksum; scikit-learn checks the one of the archive that it downloads.
MEANS = (3.870671, 28.639486, 5.429000, 1.096675, 1425.476744, 3.070655, 35.631861, -119.569704)
TARGET_MEAN = 2.068558
NOISE = 1.0  # standard deviation, in the synthetic target, which has 4.9


@dataclass(frozen=True, kw_only=True)
class Housing:
    """Features (n, 8) and target (n,) of the block groups, float64: what scikit-learn works on."""

    features: NDArray[np.float64]
    target: NDArray[np.float64]
    verified: bool | None  # the published values; None: synthetic


def california_housing(source: DataSource, samples: int, seed: int) -> Housing:
    """Return so many block groups, or synthetic ones like them.

    Real data comes in the files' order, or as a random choice where fewer are asked for: the order
    is the map's. There are 20,640; whoever asks for more gets these.

    Raises DataMissingError when the real data is neither here nor to be had, or is damaged.
    """
    if source == "synthetic":
        return _synthetic(samples, seed)
    features, target = _load()
    verified = _is_published(features, target)
    if samples < len(target):
        chosen = np.sort(np.random.RandomState(seed).permutation(len(target))[:samples])
        features, target = features[chosen], target[chosen]
    return Housing(features=features, target=target, verified=verified)


def folder() -> Path:
    """Return where scikit-learn looks: $SCIKIT_LEARN_DATA, else ~/scikit_learn_data."""
    said = os.environ.get("SCIKIT_LEARN_DATA", os.path.join("~", "scikit_learn_data"))  # noqa: PTH118
    return Path(os.path.expanduser(said))  # noqa: PTH111 - leaves an unknown ~user


def _synthetic(samples: int, seed: int) -> Housing:
    """A sum of a sine of a product, a square and two lines, and noise; three features say nothing.

    It is 'Friedman 1' (J. H. Friedman, 'Multivariate adaptive regression splines', Annals of
    Statistics 19, 1991, section 4.3), with three idle features instead of five. Of the target's
    variance 96 % can be learnt, the rest is noise. numpy's legacy generator, whose stream is
    frozen.
    """
    random = np.random.RandomState(seed)
    features = random.random_sample((samples, FEATURES))
    first, second, third, fourth, fifth = features.T[:5]
    target = (
        10 * np.sin(np.pi * first * second)
        + 20 * (third - 0.5) ** 2
        + 10 * fourth
        + 5 * fifth
        + NOISE * random.standard_normal(samples)
    )
    return Housing(features=features, target=target, verified=None)


def _load() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.datasets import fetch_california_housing

    path = folder() / FILE
    there = path.is_file()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of every attempt to download; the last one raises
            features, target = fetch_california_housing(
                data_home=folder(), download_if_missing=not there, return_X_y=True
            )
    except Exception as error:
        if there:
            raise _damaged(path, f"it cannot be read ({' '.join(str(error).split())})") from error
        raise DataMissingError(
            f"California Housing is not on this machine: {FILE} is not in {path.parent} "
            f"(searched: that folder, which is where scikit-learn looks; $SCIKIT_LEARN_DATA moves "
            f"it), and it could not be downloaded ({' '.join(str(error).split())}). Copy the file "
            f"into that folder from a machine that has it, or set 'data: synthetic' in the suite."
        ) from error
    if features.shape != (len(target), FEATURES) or len(target) < 2:
        raise _damaged(path, f"it holds an array of {features.shape}, not of (n, {FEATURES})")
    if not (np.isfinite(features).all() and np.isfinite(target).all()):
        raise _damaged(path, "not all of its values are finite")
    return np.ascontiguousarray(features, np.float64), np.ascontiguousarray(target, np.float64)


def _is_published(features: NDArray[np.float64], target: NDArray[np.float64]) -> bool:
    if features.shape != (SAMPLES, FEATURES):
        return False
    means = np.append(features.mean(axis=0), target.mean())
    return bool(np.abs(means - np.array([*MEANS, TARGET_MEAN])).max() < 1e-6)


def _damaged(path: Path, why: str) -> DataMissingError:
    return DataMissingError(
        f"{path} is damaged: {why}. Delete it to have it downloaded again, or replace it."
    )
