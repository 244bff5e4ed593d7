"""The jobs of a run, listed."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.cells import cell_len

from farm.render import jobs
from farm.run import Run
from farm.store.store import JobRow
from farm.suite.plan import PlannedCell
from farm.suite.selector import Selector
from tests.conftest import make_cell


def test_jobs_are_listed_by_hardware_work_and_repeat() -> None:
    # Given a run whose jobs are shuffled, and one job that its manifest does not explain
    cells = [make_cell(batch_size=size, epochs=epochs) for size, epochs in ((10, 2), (20, 3))]
    planned = tuple(PlannedCell(cell=cell, repeats=2, timeout_seconds=1.0) for cell in cells)
    run = Run(
        id="run-1", suite="s", description="", created_at=0.0, selector=Selector(("all",)), seed=3,
        cells=planned,
    )  # fmt: skip
    specs = {job.id: job for name in ("b", "a") for job in run.jobs(name)}
    rows = [
        JobRow(id=id_, hardware=spec.hardware, state="timed_out", started_at=None, finished_at=None)
        for id_, spec in specs.items()
    ]
    rows.insert(
        0, JobRow(id="f" * 16, hardware="a", state="queued", started_at=None, finished_at=None)
    )
    # When they are listed
    alike, *table = jobs.table(run, rows, specs)
    header, *body = (each.split() for each in table)
    # Then what differs between them tells them apart, and the rest is said once
    assert header == ["job", "hardware", "workload", "batch", "epochs", "repeat", "state"]
    assert alike.startswith("float32, tensorflow, ")
    assert [each[1:6] for each in body[:-1]] == [
        [name, "noop", batch, epochs, repeat]
        for name in "ab"
        for batch, epochs in (("10", "2"), ("20", "3"))
        for repeat in "12"
    ]
    assert body[-1] == ["f" * 16, "a", "?", "?", "?", "?", "queued"]


@pytest.mark.parametrize("width", [60, 80, 100, None])
def test_a_list_of_jobs_keeps_to_the_width_and_loses_nothing(width: int | None) -> None:
    names = ("a" * 30, "fashion_mnist_lstm-with-a-long-name", "日本語" * 6)
    cells = [make_cell(workload="noop", parameters={"note": name}) for name in names]
    planned = tuple(PlannedCell(cell=cell, repeats=1, timeout_seconds=1.0) for cell in cells)
    run = Run(
        id="run-1", suite="s", description="", created_at=0.0, selector=Selector(("all",)), seed=3,
        cells=planned,
    )  # fmt: skip
    specs = {job.id: job for job in run.jobs("geforce-rtx-4090-laptop-gpu")}
    rows = [
        JobRow(id=id_, hardware=spec.hardware, state="running", started_at=None, finished_at=None)
        for id_, spec in specs.items()
    ]
    printed = jobs.table(run, rows, specs, width)
    assert max(map(cell_len, printed)) <= (width or 1000)
    assert [each for each in specs if not any(each in line for line in printed)] == []
    letters = Counter("".join(printed).replace(" ", ""))
    assert letters == Counter("".join(jobs.table(run, rows, specs)).replace(" ", ""))
    assert (len(printed) == len(rows) + 2) == (width is None)
    assert sum("running" in line for line in printed) == len(rows)


def test_a_narrower_gap_is_taken_before_a_job_takes_two_lines() -> None:
    cell = make_cell()
    planned = PlannedCell(cell=cell, repeats=3, timeout_seconds=1.0)
    run = Run(
        id="run-1", suite="s", description="", created_at=0.0, selector=Selector(("all",)), seed=3,
        cells=(planned,),
    )  # fmt: skip
    specs = {job.id: job for job in run.jobs("p100")}
    rows = [
        JobRow(id=id_, hardware="p100", state="running", started_at=None, finished_at=None)
        for id_ in specs
    ]
    alike, *wide = jobs.table(run, rows, specs)
    assert alike.startswith("hardware p100, workload noop, batch 128, float32, ")
    assert wide[0].split() == ["job", "repeat", "state"]
    narrow = jobs.table(run, rows, specs, max(map(cell_len, wide)) - 2)[-4:]
    assert [each.split() for each in narrow] == [each.split() for each in wide]


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_the_word_of_a_state_is_never_broken(width: int) -> None:
    cells = [
        make_cell(workload=f"{name}_of_a_{'long' * 6}_name", parameters={"note": "x" * 60 + name})
        for name in "ab"
    ]
    planned = tuple(PlannedCell(cell=cell, repeats=2, timeout_seconds=1.0) for cell in cells)
    run = Run(
        id="run-1", suite="s", description="", created_at=0.0, selector=Selector(("all",)), seed=3,
        cells=planned,
    )  # fmt: skip
    specs = {job.id: job for name in ("m2-max-38c", "t4") for job in run.jobs(name)}
    states = ("succeeded", "unsupported", "out_of_memory", "timed_out") * 2
    rows = [
        JobRow(id=id_, hardware=spec.hardware, state=state, started_at=None, finished_at=None)
        for (id_, spec), state in zip(specs.items(), states, strict=True)
    ]
    printed = "\n".join(jobs.table(run, rows, specs, width))
    for word in ("succeeded", "unsupported", "memory", "timed"):
        assert printed.count(word) == 2


def test_what_one_workload_does_otherwise_is_said_above_the_list() -> None:
    cells = [
        make_cell(),
        make_cell(workload="fashion_mnist_cnn"),
        make_cell(workload="matmul", data="generated", batch_size=None, mode="run"),
    ]
    planned = tuple(PlannedCell(cell=cell, repeats=1, timeout_seconds=1.0) for cell in cells)
    run = Run(
        id="run-1", suite="s", description="", created_at=0.0, selector=Selector(("all",)), seed=3,
        cells=planned,
    )  # fmt: skip
    specs = {job.id: job for job in run.jobs("p100")}
    rows = [
        JobRow(id=id_, hardware="p100", state="queued", started_at=None, finished_at=None)
        for id_ in specs
    ]
    alike, other, header, *_ = jobs.table(run, rows, specs)
    assert "synthetic data" in alike
    assert alike.endswith(", unless a line below says otherwise")
    assert other.startswith("matmul: generated data")
    assert header.startswith("job ")
