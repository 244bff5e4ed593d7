"""What the intervals cost: a large matrix, timed.

    python -m tests.benchmarks.interval_cost [ROWS HARDWARE PROCESSES]

Prints the seconds that `speedups` and `geometric_means` take on 160 rows, 50 hardware and 3
processes unless told otherwise, and those of the matrix with intervals and without.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from farm.matrix.matrix import build
from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.statistics.process import Process
from farm.statistics.statistics import geometric_means, speedups
from jobs.spec import Cell
from tests.conftest import make_cell


def random_rows(rows: int, hardware: int, processes: int) -> list[dict[str, list[Process]]]:
    """Return the processes of a matrix of this size."""
    rng = np.random.default_rng(1)
    seconds = np.exp(0.1 * rng.normal(size=(rows, hardware, processes)))
    return [
        {
            f"h{column}": [Process(each, None, 0.02) for each in cell]
            for column, cell in enumerate(row)
        }
        for row in seconds.tolist()
    ]


def entries(rows: list[dict[str, list[Process]]]) -> list[Entry]:
    """Return the jobs that these processes are of."""
    cells: list[Cell] = [make_cell(batch_size=index + 1) for index in range(len(rows))]
    return [
        Entry(
            cell=cell,
            hardware=name,
            repeat=repeat,
            state="succeeded",
            epoch_seconds=process.seconds,
            reading=Reading(process.seconds, laps=10, log_se=process.log_se),
        )
        for cell, row in zip(cells, rows, strict=True)
        for name, processes in row.items()
        for repeat, process in enumerate(processes)
    ]


def seconds(work: Callable[[], object], times: int = 7) -> float:
    """Return the median of so many calls, after one that imports and warms up."""
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main(argv: list[str]) -> None:
    """Print the figures."""
    shape = tuple(int(each) for each in argv) or (160, 50, 3)
    rows = random_rows(*shape)
    print(f"{shape[0]} rows, {shape[1]} hardware, {shape[2]} processes")
    print(f"speedups         {seconds(lambda: speedups(rows, 'h0')):.3f} s")
    print(f"geometric_means  {seconds(lambda: geometric_means(rows, 'h0')):.3f} s")
    jobs = entries(rows)
    without = seconds(lambda: build(jobs, baseline="h0", intervals=False))
    with_them = seconds(lambda: build(jobs, baseline="h0", intervals=True))
    print(f"matrix           {without:.3f} s without intervals, {with_them:.3f} s with them")


if __name__ == "__main__":
    main(sys.argv[1:])
