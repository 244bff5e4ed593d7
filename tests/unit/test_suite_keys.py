"""What suites can say of backends, modes, compilation and batches, and what goes together."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.spec import Cell
from tests.unit.suite_samples import cells_of, problems_of


def cells(tmp_path: Path, *jobs: str, defaults: str = "{}") -> list[Cell]:
    text = "\n".join(["jobs:", *(f"  - {{{job}}}" for job in jobs), f"defaults: {defaults}"])
    return [planned.cell for planned in cells_of(tmp_path, text)]


def problem(tmp_path: Path, job: str) -> str:
    [line] = problems_of(tmp_path, f"jobs: [{{{job}}}]")
    return line


def test_compiling_as_the_backend_usually_does_makes_no_other_cell(tmp_path: Path) -> None:
    job = "workload: mlp, batch_size: 8, backend: [tensorflow, jax]"
    usual = cells(tmp_path, job)
    said = cells(tmp_path, f"{job}, jit: [true, false]")
    assert [(each.backend, each.jit) for each in said] == [
        ("tensorflow", True),
        ("tensorflow", None),
        ("jax", None),
        ("jax", False),
    ]
    assert {each.id for each in usual} < {each.id for each in said}
    assert len({each.id for each in said}) == 4


def test_inference_has_neither_optimizer_nor_epochs(tmp_path: Path) -> None:
    [cell] = cells(
        tmp_path, "workload: cnn, batch_size: 8, mode: infer", defaults="{optimizer: sgd}"
    )
    assert (cell.mode, cell.protocol, cell.optimizer, cell.epochs) == (
        "infer",
        "steady",
        None,
        None,
    )
    # Epochs among the defaults are for those that train
    trained, inferred = cells(
        tmp_path, "workload: cnn, batch_size: 8, mode: [train, infer]", defaults="{epochs: 3}"
    )
    assert (trained.epochs, trained.protocol) == (3, "train")
    assert (inferred.epochs, inferred.protocol) == (None, "steady")


def test_the_largest_batch_is_a_cell_of_its_own(tmp_path: Path) -> None:
    fixed, largest = cells(tmp_path, "workload: cnn, batch_size: [128, max]")
    assert (fixed.batch_size, largest.batch_size) == (128, "max")
    assert fixed.id != largest.id
    with pytest.raises(ValueError, match="no number yet"):
        _ = largest.samples_per_step


def test_work_without_batches_needs_none_said(tmp_path: Path) -> None:
    [cell] = cells(tmp_path, "workload: matmul")
    assert (cell.batch_size, cell.optimizer, cell.epochs) == (None, None, None)
    assert (cell.mode, cell.data, cell.protocol) == ("run", "generated", "steady")
    # A batch size among the defaults is no concern of it
    mlp, matmul = cells(
        tmp_path, "workload: mlp", "workload: matmul", defaults="{batch_size: [32, 32]}"
    )
    assert (mlp.batch_size, matmul.batch_size) == (32, None)


def test_a_list_of_backends_in_the_defaults_concerns_each_as_far_as_it_can(tmp_path: Path) -> None:
    found = cells(
        tmp_path,
        "workload: mlp, batch_size: 8",
        "workload: random_forest",
        defaults="{backend: [torch, jax], data: synthetic}",
    )
    assert [(each.workload, each.backend) for each in found] == [
        ("fashion_mnist_mlp", "torch"),
        ("fashion_mnist_mlp", "jax"),
        ("random_forest", "sklearn"),
    ]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("workload: matmul, batch_size: 8", "which matmul does not support; it has no batch size"),
        ("workload: matmul, optimizer: sgd", "it has no optimizer"),
        ("workload: matmul, jit: true", "it has no step that could be compiled"),
        ("workload: matmul, mode: train", "accepted: run"),
        ("workload: random_forest, epochs: 3", "random_forest has no epochs"),
        ("workload: random_forest, backend: torch", "accepted: sklearn"),
        ("workload: mlp, batch_size: 8, precision: float16", "accepted: float32, tf32, mixed_"),
        ("workload: mlp, batch_size: 8, mode: infer, protocol: train", "protocol: steady"),
        ("workload: mlp, batch_size: 8, mode: infer, data_pipeline: host", "accepted: staged"),
        ("workload: mlp, batch_size: 8, mode: infer, epochs: 3", "means nothing under the mode"),
        ("workload: mlp, batch_size: 8, mode: infer, optimizer: sgd", "or without it"),
        ("workload: mlp, batch_size: largest", "a whole number from 1 to 16777216, or max"),
        ("workload: mlp, batch_size: 8.5", "a whole number from 1 to 16777216, or max"),
        ("workload: mlp, batch_size: 8, jit: perhaps", "accepted: true or false"),
    ],
)
def test_what_does_not_go_together_is_one_plain_line(tmp_path: Path, job: str, said: str) -> None:
    assert said in problem(tmp_path, job)
