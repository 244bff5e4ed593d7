"""`farm validate`, `farm schema` and `farm suites`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from farm.cli import schema, submit, suites, validate
from farm.suite.schema import json_schema
from farm.suite.suite import load
from farm.suites import SAME_AS, ready_suites
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


def test_a_dry_run_shows_what_the_jobs_differ_in(tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "defaults: {data: synthetic, repeats: 1}\njobs:\n"
        "  - {workload: mlp, batch_size: 8, jit: true}\n"
        "  - {workload: mlp, batch_size: 8, backend: jax, jit: false, precision: mixed_float16}\n"
        "  - {workload: mlp, batch_size: max, mode: infer}\n"
    )
    result = CliRunner().invoke(submit.command, [str(suite), "--dry-run"])
    assert result.exit_code == 0
    heading, _, *rows = result.output.splitlines()[:5]
    columns = ["batch", "jit", "mode", "precision"]

    def shown(row: str) -> list[str]:  # its columns are as wide as their headings or wider
        starts = {name: heading.index(name) for name in columns}
        return [row[start:].split(maxsplit=1)[0] for start in starts.values()]

    assert heading.split()[:8] == [
        *("workload", "batch", "repeat", "precision", "backend", "jit", "data", "mode"),
    ]
    assert sorted(shown(row) for row in rows) == [
        ["8", "off", "train", "mixed_float16"],
        ["8", "on", "train", "float32"],
        ["max", "usual", "infer", "float32"],
    ]
    assert result.output.splitlines()[-1] == "3 jobs on each of: all hardware; nothing was sent"


def test_a_second_name_is_listed_as_such_and_has_the_same_cells() -> None:
    same, first = load("fashion-mnist"), load(SAME_AS["fashion-mnist"])
    assert same == first
    assert "as m2-max-vs-nvidia" in CliRunner().invoke(suites.command).output
