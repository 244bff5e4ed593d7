"""PlannedCell and jobs_for: the jobs of one piece of hardware."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.suite.plan import PlannedCell, jobs_for
from tests.conftest import make_cell


def planned(batch_size: int, repeats: int = 3, timeout_seconds: float = 60.0) -> PlannedCell:
    cell = make_cell(batch_size=batch_size)
    return PlannedCell(cell=cell, repeats=repeats, timeout_seconds=timeout_seconds)


plans = st.dictionaries(st.integers(1, 4096), st.integers(1, 6), max_size=6).map(
    lambda repeats: [planned(batch_size, number) for batch_size, number in repeats.items()]
)


def test_jobs_go_round_by_round() -> None:
    # Given a cell with three repeats before one with two
    cells = [planned(512, repeats=3), planned(32, repeats=2)]
    # When the jobs of one hardware are made
    jobs = jobs_for("run-1", "p100", cells, 7)
    # Then each round goes through the cells, and the second drops out of the last
    assert [job.repeat for job in jobs] == [1, 1, 2, 2, 3]
    rounds = [{job.cell.batch_size for job in jobs if job.repeat == n} for n in (1, 2, 3)]
    assert rounds == [{512, 32}, {512, 32}, {512}]
    assert {(job.run, job.hardware, job.seed) for job in jobs} == {("run-1", "p100", 7)}


def test_a_round_is_shuffled_by_the_seed_alike_on_all_hardware() -> None:
    cells = [planned(size, repeats=30) for size in (1, 2, 3)]

    def orders(hardware: str, seed: int) -> list[tuple[int, ...]]:
        jobs = jobs_for("run-1", hardware, cells, seed)
        return [
            tuple(job.cell.samples_per_step for job in jobs if job.repeat == n)
            for n in range(1, 31)
        ]

    assert orders("p100", 7) == orders("t4", 7) != orders("p100", 8)
    # All six orders turn up in thirty rounds, so no cell always runs after the same other
    assert len(set(orders("p100", 7))) == 6


def test_each_job_has_the_timeout_of_its_cell() -> None:
    jobs = jobs_for("r", "h", [planned(1, 1, 10.0), planned(2, 1, 20.0)], 0)
    assert {job.cell.batch_size: job.timeout_seconds for job in jobs} == {1: 10.0, 2: 20.0}


@given(plans)
def test_every_repeat_of_every_cell_is_there_once(cells: list[PlannedCell]) -> None:
    jobs = jobs_for("r", "h", cells, 42)
    expected = {(each.cell.id, n) for each in cells for n in range(1, each.repeats + 1)}
    assert {(job.cell.id, job.repeat) for job in jobs} == expected
    assert len({job.id for job in jobs}) == len(jobs) == sum(each.repeats for each in cells)
    assert [job.repeat for job in jobs] == sorted(job.repeat for job in jobs)


@given(plans)
def test_planned_cells_survive_json(cells: list[PlannedCell]) -> None:
    for each in cells:
        assert PlannedCell.model_validate_json(each.model_dump_json()) == each


def test_nothing_planned_is_nothing_to_do() -> None:
    assert jobs_for("r", "h", [], 42) == []


@pytest.mark.parametrize(("repeats", "timeout"), [(0, 1.0), (1001, 1.0), (1, 0.0), (1, 1e9)])
def test_limits_hold(repeats: int, timeout: float) -> None:
    with pytest.raises(ValidationError):
        planned(1, repeats, timeout)
