"""`farm validate`, `farm schema` and `farm suites`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from farm.cli import schema, suites, validate
from farm.suite_schema import json_schema
from farm.suites import ready_suites
from jobs.errors import SuiteError


def test_validate_says_how_large_a_right_suite_is(tmp_path: Path) -> None:
    # Given a suite whose cells differ in their repeats, and one with a single cell
    odd, one = tmp_path / "odd.yaml", tmp_path / "one.yaml"
    odd.write_text(
        "hardware: [p100, gpu&linux]\n"
        "jobs: [{workload: mlp, batch_size: [1, 2], include: [{batch_size: 2, repeats: 5}]}]"
    )
    one.write_text("jobs: [{workload: mlp, batch_size: 1, repeats: 1}]")
    # When they are validated together with a ready one
    result = CliRunner().invoke(validate.command, ["quick", str(odd), str(one)])
    # Then each has its line
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "quick: ok, 6 cells × 3 repeats = 18 jobs per hardware, on all hardware",
        f"{odd}: ok, 2 cells, 8 jobs per hardware, on p100 or gpu & linux",
        f"{one}: ok, 1 cell × 1 repeat = 1 job per hardware, on all hardware",
    ]


def test_validate_raises_the_mistakes_of_all_files(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("jobs: 3")
    result = CliRunner().invoke(validate.command, [str(bad), "quick", "no-such-suite"])
    assert result.output.startswith("quick: ok")
    assert isinstance(result.exception, SuiteError)
    first, second = result.exception.problems
    assert first.startswith(f"{bad}:1: jobs: received 3")
    assert second.startswith("'no-such-suite': there is no file")


def test_validate_needs_a_suite() -> None:
    assert CliRunner().invoke(validate.command, []).exit_code == 2


def test_schema_prints_the_schema() -> None:
    result = CliRunner().invoke(schema.command)
    assert json.loads(result.output) == json_schema()


@pytest.mark.parametrize("name", sorted(ready_suites()))
def test_suites_lists_the_ready_ones(name: str) -> None:
    result = CliRunner().invoke(suites.command)
    assert name in result.output
    listed = json.loads(CliRunner().invoke(suites.command, ["--json"]).output)
    (found,) = [each for each in listed if each["name"] == name]
    assert set(found) == {"name", "description", "hardware", "cells", "jobs_per_hardware"}
    repeats = {"all-quick": 1, "fashion-mnist-steady": 5, "monterey-segmentation": 5}.get(name, 3)
    assert found["jobs_per_hardware"] == repeats * found["cells"]
