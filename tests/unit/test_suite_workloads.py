"""Suite: what it says of the workloads' own parameters, and of what each of them can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from farm.suite.parameters import all_workloads
from farm.suite.schema import Job, SuiteFile, json_schema
from tests.unit.suite_samples import cells_of, problems_of, sorter

__all__ = ["sorter"]  # a fixture is used by its name alone


@pytest.mark.usefixtures("sorter")
def test_a_default_parameter_concerns_the_workloads_that_have_it(tmp_path: Path) -> None:
    # Given defaults of two workloads with nothing in common
    text = """
defaults: {train_samples: 7, length: [3, 4], batch_size: 1, data: synthetic}
jobs: [{workload: [mlp, sorter]}]
"""
    # Then each takes its own, and is swept over nothing else
    found = [(each.cell.workload, each.cell.parameters) for each in cells_of(tmp_path, text)]
    samples = {"train_samples": 7, "validation_samples": 10_000, "test_samples": 10_000}
    assert found == [
        ("fashion_mnist_mlp", samples),
        ("sorter", {"length": 3, "sorted": 0, "ratio": 0.5}),
        ("sorter", {"length": 4, "sorted": 0, "ratio": 0.5}),
    ]


@pytest.mark.usefixtures("sorter")
def test_what_is_not_said_is_something_the_workload_can_do(tmp_path: Path) -> None:
    (planned,) = cells_of(tmp_path, "jobs: [{workload: sorter, batch_size: 1, ratio: 1}]")
    cell = planned.cell
    assert (cell.backend, cell.data, cell.optimizer, cell.epochs) == (
        "torch",
        "synthetic",
        "sgd",
        None,
    )
    assert isinstance(cell.parameters["ratio"], float)


@pytest.mark.usefixtures("sorter")
def test_include_may_name_a_workload_with_other_parameters(tmp_path: Path) -> None:
    text = """
jobs:
  - workload: mlp
    batch_size: 1
    train_samples: [1, 2]
    exclude: [{train_samples: 2}]
    include: [{workload: sorter, length: 5}]
"""
    cells = [each.cell for each in cells_of(tmp_path, text)]
    assert [(cell.workload, cell.parameters.get("length")) for cell in cells] == [
        ("fashion_mnist_mlp", None),
        ("sorter", 5),
    ]


@pytest.mark.usefixtures("sorter")
@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("length: 0", "jobs[0].length: received 0; accepted: a whole number from 1, or a list of"),
        ("ratio: x", "jobs[0].ratio: received text 'x'; accepted: a number, or a list of them"),
        ("ratio: true", "jobs[0].ratio: received true; accepted: a number, or a list of them"),
        ("length: [1.5]", "jobs[0].length[0]: received 1.5; accepted: a whole number from 1"),
        ("sorted: 11", "jobs[0]: sorter: more are sorted than there are"),
        ("lenght: 3", "jobs[0].lenght: unknown key (did you mean 'length'?); accepted: batch_size"),
        (
            "train_samples: 3",
            "jobs[0].train_samples: sorter has no such parameter; it has: length, sorted, ratio",
        ),
        (
            "backend: tensorflow",
            "jobs[0].backend: received text 'tensorflow', which sorter does not support; "
            "accepted: torch, jax",
        ),
        (
            "include: [{data: [synthetic, real]}]",
            "jobs[0].include[0].data: received text 'real', which sorter does not support; "
            "accepted: synthetic",
        ),
        (
            "include: [{workload: [mlp, sorter], length: 2}]",
            "jobs[0].include[0].length: fashion_mnist_mlp has no such parameter; it has: train_sam",
        ),
    ],
)
def test_what_the_workload_refuses_is_a_mistake(tmp_path: Path, more: str, problem: str) -> None:
    (line,) = problems_of(tmp_path, f"jobs: [{{workload: sorter, batch_size: 1, {more}}}]")
    assert line.startswith(f"test.yaml:1: {problem}"), line


@pytest.mark.usefixtures("sorter")
def test_an_unsupported_default_is_reported_where_it_stands(tmp_path: Path) -> None:
    text = "defaults:\n  backend: tensorflow\njobs: [{workload: sorter, batch_size: [1, 2]}]"
    (line,) = problems_of(tmp_path, text)
    assert line.startswith(
        "test.yaml:2: defaults.backend: received text 'tensorflow', which sorter"
    )
    # And beside one that it does support, the default is heeded as far as it can be
    listed = text.replace("[1, 2]", "1").replace("tensorflow", "[jax, tensorflow]")
    (planned,) = cells_of(tmp_path, listed + "\n")
    assert planned.cell.backend == "jax"


@pytest.mark.usefixtures("sorter")
def test_a_default_is_no_concern_of_a_workload_that_has_no_choice(tmp_path: Path) -> None:
    text = "defaults: {data: real}\njobs: [{workload: sorter, batch_size: 1}]"
    (planned,) = cells_of(tmp_path, text)
    assert planned.cell.data == "synthetic"
    # In a job every value is meant
    (line,) = problems_of(tmp_path, "jobs: [{workload: sorter, batch_size: 1, data: real}]")
    assert "received text 'real', which sorter does not support; accepted: synthetic" in line


@pytest.mark.usefixtures("sorter")
def test_a_wrong_default_of_an_unused_workload_is_a_mistake_too(tmp_path: Path) -> None:
    text = "defaults: {length: 0, widths: 1}\njobs: [{workload: mlp, batch_size: 1}]"
    length, widths = problems_of(tmp_path, text)
    assert length.startswith("test.yaml:1: defaults.length: received 0; accepted: a whole number")
    assert widths.startswith("test.yaml:1: defaults.widths: unknown key")


@pytest.mark.usefixtures("sorter")
def test_the_schema_knows_every_workloads_parameters() -> None:
    properties = json_schema()["$defs"]["Job"]["properties"]
    assert properties["length"]["description"] == "Numbers to sort. A parameter of sorter."
    assert properties["length"]["default"] == 10
    assert "sorter" in properties["workload"]["anyOf"][0]["enum"]


def test_no_parameter_of_a_workload_hides_behind_a_key_of_the_file() -> None:
    keys = {*Job.model_fields, *SuiteFile.model_fields}
    for workload in all_workloads():
        assert keys.isdisjoint(workload.parameters.model_fields), workload.name
