"""Suite: a right file becomes the cells that it means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.suite.suite import Suite, load, locate
from farm.suites import ready_suites
from jobs.catalogue import find
from jobs.errors import SuiteError
from jobs.spec import Effort
from tests.unit.suite_samples import cells_of, suite_of

MINIMAL = "jobs: [{workload: mlp, batch_size: 32}]"


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    # Given a suite that says only what must be said
    suite = suite_of(tmp_path, MINIMAL, "my-suite.yaml")
    # Then the rest is the farm's or the workload's own
    assert (suite.name, suite.description, suite.seed) == ("my-suite", "", 42)
    assert suite.hardware.is_all
    (planned,) = suite.planned_cells()
    assert (planned.repeats, planned.timeout_seconds) == (3, 3600.0)
    cell = planned.cell
    assert (cell.workload, cell.workload_version) == ("fashion_mnist_mlp", find("mlp").version)
    assert (cell.batch_size, cell.epochs, cell.optimizer) == (32, None, "adam")
    assert (cell.protocol, cell.data_pipeline) == ("steady", "staged")
    assert planned.effort == Effort()
    assert (cell.precision, cell.backend, cell.data) == ("float32", "tensorflow", "real")
    assert cell.mode == "train"
    assert cell.parameters["train_samples"] == 50_000


def test_lists_are_swept_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "jobs: [{workload: [lstm, mlp], batch_size: [512, 32], train_samples: [9, 8]}]"
    cells = [each.cell for each in cells_of(tmp_path, text)]
    assert [(c.workload[14:], c.batch_size, c.parameters["train_samples"]) for c in cells] == [
        (workload, batch_size, samples)
        for workload in ("lstm", "mlp")
        for batch_size in (512, 32)
        for samples in (9, 8)
    ]


def test_a_job_overrides_the_defaults(tmp_path: Path) -> None:
    text = """
defaults: {batch_size: [1, 2], repeats: 5, timeout: 90s, data: synthetic, test_samples: 7}
jobs:
  - workload: mlp
  - {workload: cnn, batch_size: 3, repeats: 1, timeout: 1.5h, data: real, test_samples: 8}
"""
    found = [
        (
            planned.cell.batch_size,
            planned.repeats,
            planned.timeout_seconds,
            planned.cell.data,
            planned.cell.parameters["test_samples"],
        )
        for planned in cells_of(tmp_path, text)
    ]
    assert found == [
        (1, 5, 90.0, "synthetic", 7),
        (2, 5, 90.0, "synthetic", 7),
        (3, 1, 5400.0, "real", 8),
    ]


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("90", 90.0), ("0.5", 0.5), ("90s", 90.0), ("15m", 900.0), ("2h", 7200.0), ("' 1 m '", 60.0)],
)
def test_timeouts_have_units(tmp_path: Path, timeout: str, seconds: float) -> None:
    text = f"jobs: [{{workload: mlp, batch_size: 1, timeout: {timeout}}}]"
    assert cells_of(tmp_path, text)[0].timeout_seconds == seconds


def test_exclude_drops_what_has_all_its_values(tmp_path: Path) -> None:
    text = """
jobs:
  - workload: [mlp, lstm]
    batch_size: [32, 128, 512]
    protocol: train
    exclude:
      - {workload: lstm, batch_size: [32, 128]}
      - {workload: mlp, batch_size: 512, epochs: 10}   # the workload's own epochs
"""
    found = [(each.cell.workload[14:], each.cell.batch_size) for each in cells_of(tmp_path, text)]
    assert found == [("mlp", 32), ("mlp", 128), ("lstm", 512)]


def test_include_expands_the_job_again_with_its_values(tmp_path: Path) -> None:
    text = """
jobs:
  - workload: [mlp, cnn]
    batch_size: [32, 128]
    optimizer: sgd
    exclude: [{workload: mlp}]
    include:
      - {workload: lstm, batch_size: 7, optimizer: adam}
      - {batch_size: 1024, epochs: 20}
"""
    found = [
        (
            each.cell.workload[14:],
            each.cell.batch_size,
            each.cell.epochs,
            each.cell.optimizer,
        )
        for each in cells_of(tmp_path, text)
    ]
    assert found == [
        ("cnn", 32, None, "sgd"),
        ("cnn", 128, None, "sgd"),
        ("lstm", 7, None, "adam"),
        ("mlp", 1024, 20, "sgd"),
        ("cnn", 1024, 20, "sgd"),
    ]


def test_the_same_work_is_planned_once_with_the_most_that_was_asked(tmp_path: Path) -> None:
    # Given a cell that comes out of three places, by name and by alias
    text = """
jobs:
  - {workload: mlp, batch_size: [32, 32, 64], repeats: 2, timeout: 2h, budget: 9s, cooldown: 1s}
  - {workload: fashion_mnist_mlp, batch_size: 32, repeats: 9, train_samples: 50000, budget: 1m}
  - {workload: mlp, batch_size: 64, lap_precision: 0.01, lap: 2s, warmup: 0}
"""
    # Then it keeps its first place, and has the most effort that was asked for anywhere
    found = [
        (each.cell.batch_size, each.repeats, each.timeout_seconds)
        for each in cells_of(tmp_path, text)
    ]
    assert found == [(32, 9, 7200.0), (64, 3, 7200.0)]
    efforts = [each.effort for each in cells_of(tmp_path, text)]
    assert [(each.budget_seconds, each.lap_precision) for each in efforts] == [
        (60, 0.02),
        (20, 0.01),
    ]
    assert [(each.cooldown_seconds, each.lap_seconds) for each in efforts] == [(1, 1), (1, 2)]


def test_epochs_ask_for_the_protocol_that_has_them(tmp_path: Path) -> None:
    text = """
jobs:
  - {workload: mlp, batch_size: 1, epochs: 3}
  - {workload: mlp, batch_size: 2}
  - {workload: mlp, batch_size: 3, protocol: [train, steady], epochs: 4}
  - {workload: mlp, batch_size: 4, data_pipeline: host}
"""
    found = [
        (each.cell.batch_size, each.cell.protocol, each.cell.epochs, each.cell.data_pipeline)
        for each in cells_of(tmp_path, text)
    ]
    assert found == [
        (1, "train", 3, "host"),
        (2, "steady", None, "staged"),
        (3, "train", 4, "host"),
        (3, "steady", None, "staged"),
        (4, "steady", None, "host"),
    ]


def test_aliases_and_merge_keys_of_yaml_work(tmp_path: Path) -> None:
    text = """
jobs:
  - &first {workload: mlp, batch_size: &sizes [1, 2], data: synthetic}
  - {<<: *first, workload: cnn}
  - {<<: [{epochs: 3}, *first], workload: lstm, batch_size: *sizes}
"""
    found = [
        (each.cell.workload[14:], each.cell.epochs, each.cell.data)
        for each in cells_of(tmp_path, text)
    ]
    assert found[::2] == [
        ("mlp", None, "synthetic"),
        ("cnn", None, "synthetic"),
        ("lstm", 3, "synthetic"),
    ]


def test_plain_words_follow_yaml_1_2(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, f"name: on\ndescription: 2026-01-01\nseed: 010\n{MINIMAL}")
    assert (suite.name, suite.description, suite.seed) == ("on", "2026-01-01", 10)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load(str(tmp_path / "x.yml")).name == "x"


batch_sizes = st.lists(st.integers(1, 1 << 24), min_size=1, max_size=4)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["mlp", "cnn", "lstm"]), min_size=1),
    batch_sizes,
    st.integers(1, 1000),
    st.sampled_from(["real", "synthetic"]),
)
def test_a_suite_survives_json(
    tmp_path: Path, workloads: list[str], sizes: list[int], repeats: int, data: str
) -> None:
    job = f"{{workload: {workloads}, batch_size: {sizes}, repeats: {repeats}, data: {data}}}"
    suite = suite_of(tmp_path, f"jobs: [{job}]")
    assert Suite.model_validate_json(suite.model_dump_json()) == suite
    assert len(suite.planned_cells()) == len(set(workloads)) * len(set(sizes))
    assert suite.jobs_per_hardware == repeats * len(suite.planned_cells())


def test_the_ready_suites_are_the_published_ones() -> None:
    assert list(ready_suites()) == [
        *("all-quick", "fashion-mnist", "fashion-mnist-steady", "m1-max-vs-colab"),
        *("m1-vs-2080ti", "m2-max-vs-nvidia", "monterey-segmentation", "peak", "quick"),
        "video-export",
    ]
    quick, full = load("quick"), load("m2-max-vs-nvidia")
    assert (len(quick.cells), quick.jobs_per_hardware) == (6, 18)
    assert {each.cell.data for each in quick.cells} == {"synthetic"}
    assert (len(full.cells), full.jobs_per_hardware) == (12, 36)
    assert {each.cell.batch_size for each in full.cells} == {32, 128, 512, 1024}
    assert {(each.cell.data, each.cell.epochs) for each in full.cells} == {("real", 10)}
    assert {each.cell.parameters["validation_samples"] for each in full.cells} == {10_000}


def test_a_word_is_a_ready_suite_before_it_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given files whose names could be either
    monkeypatch.chdir(tmp_path)
    for name in ("quick", "other", "quick.yaml"):
        Path(name).write_text(MINIMAL)
    # Then a bare name is the ready suite, and what looks like a path is the file
    assert locate("quick") == ready_suites()["quick"]
    for name in ("./quick", "quick.yaml", "other"):
        assert locate(name).resolve().parent == tmp_path


@pytest.mark.parametrize("name", ["quik", "quik.yaml", "no/quik.yml"])
def test_a_missing_suite_is_named_with_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError) as caught:
        load(name)
    (problem,) = caught.value.problems
    assert f"no file {tmp_path / name}" in problem
    assert "(did you mean 'quick'?)" in problem
    assert problem.endswith("monterey-segmentation, peak, quick, video-export")
