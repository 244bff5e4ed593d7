"""The interval covers the truth as often as it says, by the public way in: CSV and matrix."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.live_farm import Farm

CELLS = 1_000  # 50 workloads × 20 batch sizes
LAPS = 10
BETWEEN, WITHIN = 0.07, 0.13  # relative spread of processes, and of laps within one
TRUE_SPEEDUP = 1.3


def simulate(path: Path, processes: int, spreads: tuple[float, float], seed: int) -> None:
    """Write lognormal laps of two machines, one truly 1.3 times as fast as the other.

    The spread between processes is drawn for each cell from `spreads`, a factor of 7 %.
    """
    random = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("hardware", "workload", "batch_size", "repeat", "lap", "seconds", "samples")
        )
        for cell in range(CELLS):
            typical = random.uniform(0.5, 2.0)
            between = BETWEEN * random.uniform(*spreads)
            for hardware, truth in (("slow", typical), ("fast", typical / TRUE_SPEEDUP)):
                for repeat in range(1, processes + 1):
                    process = truth * np.exp(between * random.standard_normal())
                    laps = process * np.exp(WITHIN * random.standard_normal(LAPS))
                    for lap, seconds in enumerate(laps, 1):
                        name, size = f"w{cell // 20}", 2 ** (cell % 20)
                        writer.writerow(
                            (hardware, name, size, repeat, lap, repr(float(seconds)), 64)
                        )


@pytest.mark.parametrize(
    ("processes", "spreads"),
    [(3, (1.0, 1.0)), (5, (1.0, 1.0)), (10, (1.0, 1.0)), (3, (0.7, 1.4))],
    ids=["3 processes", "5 processes", "10 processes", "3 processes, twofold spreads"],
)
def test_the_interval_covers_the_truth(
    farm: Farm, tmp_path: Path, processes: int, spreads: tuple[float, float]
) -> None:
    # Given 1,000 cells measured elsewhere, whose true speed-up is known
    path = tmp_path / "simulated.csv"
    simulate(path, processes, spreads, seed=processes)
    # When they are imported and read back
    farm("import", str(path))
    matrix = farm.json("matrix", "--baseline", "slow", "--format", "json")
    # Then the intervals hold the truth in 93 to 97 % of the cells
    cells = [row["cells"]["fast"] for row in matrix["rows"]]
    covered = sum(cell["low"] <= TRUE_SPEEDUP <= cell["high"] for cell in cells) / len(cells)
    width = sorted((cell["high"] - cell["low"]) / cell["speedup"] for cell in cells)[CELLS // 2]
    print(f"\n{processes} processes: {covered:.1%} of {len(cells)} cells, median width {width:.0%}")
    assert len(cells) == CELLS
    assert 0.93 <= covered <= 0.97
    summary = matrix["summary"]["fast"]
    assert summary["low"] <= summary["geomean"] <= summary["high"]
    assert summary["high"] - summary["low"] < 0.03
    assert summary["geomean"] == pytest.approx(TRUE_SPEEDUP, rel=0.02)
