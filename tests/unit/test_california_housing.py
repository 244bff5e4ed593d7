"""California Housing without scikit-learn: the synthetic data, where the real is looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs import catalogue
from jobs.capabilities import Capabilities
from jobs.datasets import california_housing as housing
from jobs.workloads.random_forest import COMBINATIONS, GRID
from tests.conftest import make_cell


def test_synthetic_data_has_the_shape_of_the_real_and_is_frozen() -> None:
    made = housing.california_housing("synthetic", housing.SAMPLES, 42)
    assert made.features.shape == (20_640, 8)
    assert made.target.shape == (20_640,)
    assert made.verified is None
    assert made.features[0, :2].tolist() == [0.3745401188473625, 0.9507143064099162]
    again = housing.california_housing("synthetic", housing.SAMPLES, 42)
    assert (made.target == again.target).all()
    assert (made.target != housing.california_housing("synthetic", 20_640, 43).target).any()


def test_most_of_the_synthetic_target_can_be_learnt() -> None:
    made = housing.california_housing("synthetic", housing.SAMPLES, 42)
    x = made.features.T
    known = 10 * np.sin(np.pi * x[0] * x[1]) + 20 * (x[2] - 0.5) ** 2 + 10 * x[3] + 5 * x[4]
    assert 1 - np.var(made.target - known) / np.var(made.target) == pytest.approx(0.96, abs=0.005)


def test_the_published_values_are_known_by_their_means() -> None:
    features = np.zeros((housing.SAMPLES, housing.FEATURES)) + housing.MEANS
    target = np.full(housing.SAMPLES, housing.TARGET_MEAN)
    assert housing._is_published(features, target)
    assert not housing._is_published(features[:-1], target[:-1])
    target[0] += 0.1
    assert not housing._is_published(features, target)


def test_it_is_looked_for_where_scikit_learn_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    assert housing.folder() == tmp_path
    monkeypatch.delenv("SCIKIT_LEARN_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert housing.folder() == tmp_path / "scikit_learn_data"


def test_the_grid_has_as_many_combinations_as_can_be_tried() -> None:
    assert np.prod([len(values) for values in GRID.values()]) == COMBINATIONS


def test_a_worker_that_measures_a_gpu_is_given_no_forest() -> None:
    subject = catalogue.find("random_forest")
    cell = make_cell("random_forest", backend="sklearn", batch_size=None, protocol="once")
    known = {"random_forest": subject.version}
    for device, lacks in (("gpu", "start a worker with --device cpu"), ("cpu", None)):
        has = Capabilities.model_validate(
            {"os": "linux", "device": device, "backends": {"sklearn": "1.9"}, "workloads": known}
        )
        reason = subject.lacking(cell, has)
        assert reason is None if lacks is None else reason is not None and lacks in reason
    without = Capabilities(os="linux", device="cpu", workloads=known)
    assert "sklearn is not installed" in (subject.lacking(cell, without) or "")


def test_little_data_is_asked_for_nothing() -> None:
    subject = catalogue.find("random_forest")
    for samples, floors in ((499, {}), (500, {"r2": 0.5})):
        cell = make_cell("random_forest", parameters={"samples": samples})
        assert subject.floors(cell, 0) == floors
