"""docs/workloads.md: generated from what the workloads say, with an example that works."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.spec import Scalar

DOCS = Path(__file__).parents[2] / "docs"
PAGE = runpy.run_path(str(DOCS / "workloads_page.py"))
OWN = [name for name in catalogue.names() if type(catalogue.find(name)).__module__[:5] == "jobs."]


def test_the_page_is_what_the_workloads_say() -> None:
    written = (DOCS / "workloads.md").read_text()
    assert written == PAGE["text"](), "run: python docs/workloads_page.py"


def test_the_example_is_complete_in_forty_lines() -> None:
    lines = PAGE["EXAMPLE"].read_text().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 108


@pytest.mark.parametrize("name", OWN)
def test_a_workload_says_what_it_is(name: str) -> None:
    workload = catalogue.find(name)
    assert "\n" not in workload.summary
    assert len(workload.summary) < 90
    assert len(workload.source) > 20
    for key, field in workload.parameters.model_fields.items():
        assert field.description, key
    cell = workload.default_cell()
    smallest: dict[str, Scalar] = {**cell.parameters, **workload.smallest}
    workload.parameters.model_validate(smallest)


def test_an_alias_stands_for_one_workload() -> None:
    aliases = [alias for each in catalogue.every() for alias in each.aliases]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & set(catalogue.names())


def test_every_workload_is_in_the_suite_of_all() -> None:
    from farm.suite.suite import load

    cells = [planned.cell for planned in load("all-quick").planned_cells()]
    assert {cell.workload for cell in cells} == set(OWN)
    for name in OWN:
        backends = {cell.backend for cell in cells if cell.workload == name}
        assert backends == set(catalogue.find(name).backends), name
