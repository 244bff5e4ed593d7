"""The intervals hold the truth as often as they say: simulated, with known spreads."""

from __future__ import annotations

import pytest

from tests.benchmarks.calibration import Setting, farm, matrices, units

CELLS = 1000
SEED = 1  # the first; not chosen

PROCESSES = pytest.mark.parametrize("processes", [3, 5, 10])
SPREAD = pytest.mark.parametrize("spread", ["equal", "twofold"])


@PROCESSES
@SPREAD
@pytest.mark.parametrize("rows", [20, 1000])
def test_the_interval_of_a_cell_covers_the_truth(rows: int, spread: str, processes: int) -> None:
    setting = Setting(rows, (processes, processes), spread)
    cells, _ = farm(list(matrices(setting, CELLS, SEED)))
    print(
        f"{setting}: {100 * cells.coverage:.1f} % of {CELLS} cells, median width {cells.width:.3f}"
    )
    assert 0.93 <= cells.coverage <= 0.97


@PROCESSES
@SPREAD
def test_the_interval_of_a_geometric_mean_covers_the_truth(spread: str, processes: int) -> None:
    setting = Setting(10, (processes, processes), spread)
    _, means = farm(list(matrices(setting, 10 * CELLS, SEED)))
    print(
        f"{setting}: {100 * means.coverage:.1f} % of {CELLS} means, median width {means.width:.3f}"
    )
    assert 0.93 <= means.coverage <= 0.97


@pytest.mark.parametrize(
    "setting",
    [
        Setting(6, (3, 3), "twofold", (1, 5)),
        Setting(12, (3, 10), "equal", (5, 1)),
        Setting(12, (10, 3), "twofold"),
        Setting(24, (3, 3), "scattered"),
    ],
    ids=str,
)
def test_unlike_machines_and_unequal_processes_are_covered_too(setting: Setting) -> None:
    cells, _ = farm(list(matrices(setting, 4 * CELLS, SEED)))
    print(f"{setting}: {100 * cells.coverage:.1f} % of {4 * CELLS} cells")
    assert 0.93 <= cells.coverage <= 0.97


def test_moderation_makes_the_interval_a_quarter_narrower_than_welch_at_three_processes() -> None:
    alone, _ = farm(list(matrices(Setting(1, (3, 3)), CELLS, SEED)))  # of one cell: Welch's
    together, _ = farm(list(matrices(Setting(20, (3, 3)), CELLS, SEED)))
    print(f"median width {together.width:.3f}, {alone.width:.3f} without moderation")
    assert together.width < 0.75 * alone.width


@pytest.mark.parametrize("spread", [0.0, 0.08])
def test_several_units_are_covered_and_their_mean_at_least_so(spread: float) -> None:
    cells, means = units(rows=4, count=3, processes=1, spread=spread, cells=4 * CELLS, seed=SEED)
    print(f"units {spread:.0%} apart: {100 * cells.coverage:.1f} %, {100 * means.coverage:.1f} %")
    assert 0.93 <= cells.coverage <= 0.97
    assert means.coverage >= 0.93
