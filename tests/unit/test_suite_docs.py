"""docs/suites.md: its examples load, its transcript is true, and no key is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from farm.suite.schema import Job, SuiteFile
from tests.unit.suite_samples import problems_of, suite_of

TEXT = (Path(__file__).parents[2] / "docs" / "suites.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_suite(tmp_path: Path, example: str) -> None:
    assert suite_of(tmp_path, example).planned_cells()


def test_the_mistakes_shown_are_those_that_are_reported(tmp_path: Path) -> None:
    found = re.search(r"```yaml mistaken\n(.*?)```.*?```text\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    assert problems_of(tmp_path, found[1], "broken.yaml") == found[2].splitlines()


def test_the_cells_that_the_text_counts_are_there(tmp_path: Path) -> None:
    first = suite_of(tmp_path, EXAMPLES[0])
    assert (len(first.cells), first.jobs_per_hardware) == (6, 30)
    sweeps = suite_of(tmp_path, EXAMPLES[1])
    assert len(sweeps.cells) == 2 + 4
    extra = suite_of(tmp_path, next(each for each in EXAMPLES if "include:" in each))
    assert len(extra.cells) == 4 + 1 + 2
    assert [each.repeats for each in extra.cells] == [3, 3, 10, 10, 3, 3, 3]


def test_every_key_is_documented() -> None:
    for name in (*SuiteFile.model_fields, *Job.model_fields):
        assert f"`{name}`" in TEXT, name
