"""The best rate of matrix products that a hardware has been measured at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from farm.matrix import peak
from farm.matrix.matrix import build
from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.render import render
from tests.unit.matrix_samples import cell


def products(
    hardware: str, *rates: float, size: int = 4096, invalid: str | None = None, **changes: Any
) -> list[Entry]:
    """Return jobs of one product, a rate in FLOP a second each."""
    work: dict[str, Any] = {
        "batch_size": None,
        "mode": "run",
        "optimizer": None,
        "protocol": "steady",
        "data": "generated",
        "epochs": None,
        "parameters": {"size": size},
    }
    of = cell("matmul", **work | changes)
    return [
        Entry(
            cell=of,
            hardware=hardware,
            repeat=repeat,
            state="succeeded",
            epoch_seconds=1.0,
            samples_per_epoch=1,
            reading=Reading(
                seconds=1.0,
                laps=3,
                samples=1,
                samples_per_second=1.0,
                item="products",
                items_per_sample=1,
                flops_per_second=rate,
                invalid=invalid,
            ),
        )
        for repeat, rate in enumerate(rates, 1)
    ]


def network(hardware: str, rate: float, **changes: Any) -> list[Entry]:
    """Return a job of a network with this rate of arithmetic."""
    reading = Reading(seconds=1.0, laps=3, samples=512, flops_per_second=rate)
    return [
        Entry(
            cell=cell(**changes),
            hardware=hardware,
            repeat=1,
            state="succeeded",
            epoch_seconds=1.0,
            samples_per_epoch=512,
            reading=reading,
        )
    ]


def test_the_peak_is_the_best_cell_and_not_its_luckiest_process() -> None:
    jobs = [
        *products("p100", 1e12, 9e12, 3e12, size=1024),  # its mean is 3 TFLOPS
        *products("p100", 4e12, 4e12, size=4096, backend="torch"),
        *products("p100", 8e12, invalid="its result falls short", size=8192),
        *products("p100", 7e12, precision="float16"),
        *products("m2", 2e12),
    ]
    found = peak.best(jobs, "peak-1")
    assert found.keys() == {("p100", "float32"), ("p100", "float16"), ("m2", "float32")}
    best = found["p100", "float32"]
    assert best.flops_per_second == pytest.approx(4e12)
    assert (best.run, best.size, best.backend) == ("peak-1", "4096", "torch")


def store(**runs: list[Entry]) -> Any:
    """Return a store of runs, the newest first, that tells which ones are read."""
    held = [
        SimpleNamespace(id=name, cells=[SimpleNamespace(cell=each.cell) for each in jobs])
        for name, jobs in runs.items()
    ]
    asked: list[str] = []

    def entries(of: Any) -> list[Entry]:
        asked.extend(run.id for run in of)
        return [job for run in of for job in runs[run.id]]

    return SimpleNamespace(runs=lambda: held, entries=entries, asked=asked, held=held)


def test_the_highest_peak_counts_whatever_run_it_is_of() -> None:
    there = store(
        mine=products("p100", 2e12),
        other=[*products("p100", 5e12), *products("m2", 3e12)],
        better=products("m2", 4e12),
        networks=network("p100", 1e12),
    )
    found = peak.measured(there, there.held[:1])
    assert found["p100", "float32"].run == "other"
    assert found["m2", "float32"].run == "better"
    assert "networks" not in there.asked  # what holds no products is not read


def test_each_share_says_which_product_it_is_of() -> None:
    jobs = [*network("p100", 1e12), *network("m2", 1e12)]
    peaks = peak.best([*products("p100", 4e12), *products("m2", 2e12)], "peak-1")
    built = build(jobs, baseline="p100", metric="measured-efficiency", peaks=peaks)
    text = render(built, "table", title="")
    assert "25.0 %" in text
    assert "50.0 %" in text
    said = "the peak: float32 products of size 4096 on tensorflow, run peak-1"
    assert f"reached on the same hardware, {said}; more is better." in text.replace("\n", " ")


def test_without_a_measured_peak_a_line_says_what_gives_it() -> None:
    jobs = [*network("p100", 1e12), *network("p100", 1e12, precision="mixed_float16")]
    peaks = peak.best(products("p100", 4e12), "peak-1")
    text = render(
        build(jobs, baseline="p100", metric="measured-efficiency", peaks=peaks), "table", title=""
    )
    line = "no measured peak: p100 in 1 cell (float16); `farm submit peak` measures it there"
    assert line in text
    assert "no measured peak" not in render(build(jobs, baseline="p100"), "table", title="")


def test_work_whose_arithmetic_is_unknown_asks_for_no_peak() -> None:
    jobs = network("p100", 0.0)
    text = render(build(jobs, baseline="p100", metric="measured-efficiency"), "table", title="")
    assert "no measured peak" not in text
