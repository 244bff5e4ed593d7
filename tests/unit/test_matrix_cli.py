"""`farm matrix`: what its options do to what is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from farm.cli import session
from farm.cli.matrix import command
from farm.readings.entry import Entry
from tests.unit.matrix_samples import cell, measured, unmeasured


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Return a runner of the command over two hardware: one has a cell in tf32, and faster."""
    entries: list[Entry] = []
    for batch_size in (32, 64):
        of = cell(batch_size=batch_size)
        entries += measured("p100", 4.0, 4.2, 3.9, of=of)
        entries += measured("t4", 2.0, 2.1, 1.9, of=of)
    entries += measured("t4", 1.0, 1.1, 0.9, of=cell(batch_size=32, precision="tf32"))
    entries += unmeasured("t4", "failed", of=cell(batch_size=128), reason="killed by SIGSEGV")
    run: Any = SimpleNamespace(id="quick-1", suite="quick", cells=())
    store = SimpleNamespace(
        entries=lambda runs: entries,
        runs=lambda suite=None: [run],
        run=lambda name: run if name == run.id else None,
    )

    @contextmanager
    def collected(redis_url: str | None) -> Iterator[SimpleNamespace]:
        yield store

    monkeypatch.setattr(session, "collected", collected)
    monkeypatch.setenv("COLUMNS", "80")
    return CliRunner()


def printed(farm: CliRunner, *arguments: str) -> str:
    done = farm.invoke(command, ["--baseline", "p100", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("mlp")]


def test_intervals_are_there_by_default_and_not_when_refused(farm: CliRunner) -> None:
    interval = re.compile(r"\d\.\d+×\S* \d\.\d+–\d\.\d+")
    assert interval.search(printed(farm))
    assert not interval.search(printed(farm, "--no-ci"))


def test_json_has_the_intervals_even_where_the_table_would_not(farm: CliRunner) -> None:
    document = json.loads(printed(farm, "--no-ci", "--format", "json"))
    there = document["rows"][0]["cells"]["t4"]
    assert there["low"] < there["speedup"] < there["high"]


def test_a_metric_takes_the_place_of_the_speed_up(farm: CliRunner) -> None:
    text = printed(farm, "--metric", "seconds")
    assert text.splitlines()[1] == "time per epoch; less is better."
    assert rows(text)[0].split()[-2:] == ["2.00", "s"]


def test_rows_are_summed_up_by_workload(farm: CliRunner) -> None:
    (row,) = rows(printed(farm, "--by", "workload"))
    assert row.split()[:2] == ["mlp", "4"]


def test_cells_are_matched_across_precision(farm: CliRunner) -> None:
    assert len(rows(printed(farm))) == 4
    matched = rows(printed(farm, "--across", "precision"))
    assert len(matched) == 3
    assert "4.0" in matched[0]  # t4 at its fastest, in tf32
    assert "2.0" in matched[1]


def test_each_hardware_stands_with_its_fastest_batch(farm: CliRunner) -> None:
    text = printed(farm, "--best-batch", "--across", "precision")
    (row,) = rows(text)
    assert "at 32" in row
    assert "4.0" in row
    document = json.loads(printed(farm, "--best-batch", "--format", "json"))
    assert document["across"] == ["batch_size"]


def test_best_batches_cannot_be_summed_up_by_batch_size(farm: CliRunner) -> None:
    done = farm.invoke(command, ["--best-batch", "--by", "batch_size"])
    assert done.exit_code == 2
    assert "--best-batch leaves no batch sizes to sum up by" in done.output


def test_a_measured_efficiency_says_what_gives_its_peak(farm: CliRunner) -> None:
    text = printed(farm, "--metric", "measured-efficiency")
    assert "`farm submit peak`" not in text  # nothing is known of this work's arithmetic


def test_warnings_name_the_run_that_was_asked_for(farm: CliRunner) -> None:
    assert "`farm show`" in printed(farm)
    assert "`farm show --run quick-1`" in printed(farm, "--run", "quick-1")
