"""Results: taken and shown, or refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.choices import METRICS
from farm.render import FORMATS
from farm.run import Run
from farm.runs.result_check import check
from farm.store.store import Store
from farm.suite.plan import PlannedCell
from jobs.errors import ResultError
from jobs.result import Result
from jobs.spec import Cell
from tests.conftest import make_cell, make_job, make_result
from tests.fuzz.effort import fuzzing, in_time, note
from tests.fuzz.extremes import measurements, outcomes
from tests.fuzz.inputs import HOSTILE, as_json, changed, damaged
from tests.fuzz.shown import check_message, check_shown
from tests.unit.exchange_samples import make_run, rich

CELL = make_cell(workload="fashion_mnist_mlp", parameters={"train_samples": 512})
OTHER = make_cell(mode="infer", protocol="steady", epochs=None, optimizer=None, batch_size="max")
RUN: Run = make_run(
    cells=tuple(PlannedCell(cell=each, repeats=3, timeout_seconds=30.0) for each in (CELL, OTHER))
)
RIGHT: list[dict[str, Any]] = [
    json.loads(rich(make_result(make_job(cell))).model_dump_json()) for cell in (CELL, OTHER)
]
for right in RIGHT:
    right["measurement"]["latency_seconds"] = [0.1, 0.2]
FAILED = json.loads(
    make_result(
        make_job(CELL),
        status="failed",
        measurement=None,
        error={"kind": "exception", "message": "\n".join(HOSTILE[:20]), "traceback": "a\n b"},
    ).model_dump_json()
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store that has been opened once."""
    path = tmp_path_factory.mktemp("empty") / "farm.db"
    with Store(f"sqlite:///{path}"):
        pass
    return path


def shown(empty: Path, folder: Path, results: list[Result], metric: str, style: str) -> None:
    """Keep the results in a store, print them, and read them again."""
    copy = shutil.copy(empty, folder / "farm.db")
    run = RUN.model_copy(update={"id": results[0].job.run})
    with Store(f"sqlite:///{copy}") as store:
        store.add_run(run)
        store.add_results(run.id, results)
        check_shown(store, run, metric, style)
        again = {each.job.id: each.model_dump_json() for each in store.results(run.id)}
    assert again == {each.job.id: each.model_dump_json() for each in results}


def tried(empty: Path, folder: Path, content: bytes, metric: str, style: str) -> Result | None:
    with in_time():
        try:
            result = check(content.decode("utf-8", "replace"))
        except ResultError as error:
            note("refused")
            check_message(str(error))
            return None
        note("taken")
        others = [make_result(make_job(CELL, hardware="t4", repeat=n), 2.0) for n in (1, 2, 3)]
        shown(empty, folder, [result, *others], metric, style)
    return result


def test_right_results_are_taken(empty: Path, tmp_path: Path) -> None:
    for right in (*RIGHT, FAILED):
        for style in FORMATS:
            assert tried(empty, tmp_path, as_json(right), "speedup", style)


@fuzzing(60)
@given(
    content=st.sampled_from((*RIGHT, FAILED)).flatmap(changed),
    metric=st.sampled_from(METRICS),
    style=st.sampled_from(FORMATS),
)
def test_changed_values(empty: Path, tmp_path: Path, content: Any, metric: str, style: str) -> None:
    tried(empty, tmp_path, as_json(content), metric, style)


@fuzzing(60)
@given(
    said=st.lists(st.tuples(measurements, outcomes), min_size=2, max_size=3),
    cell=st.sampled_from((CELL, OTHER)),
    metric=st.sampled_from(METRICS),
    style=st.sampled_from(FORMATS),
)
def test_right_results_of_extreme_values(
    empty: Path, tmp_path: Path, said: list[tuple[Any, Any]], cell: Cell, metric: str, style: str
) -> None:
    results = []
    for hardware in ("p100", "t4"):
        for repeat, (measurement, outcome) in enumerate(said, 1):
            job = make_job(cell, hardware=hardware, repeat=repeat).model_dump(mode="json")
            known = {"job": job, "status": "succeeded", "worker": f"{hardware}@h"}
            text = as_json({**outcome, **known, "measurement": measurement}).decode()
            results.append(check(text, make_job(cell, hardware=hardware, repeat=repeat)))
        said = [*said[1:], said[0]]
    with in_time():
        shown(empty, tmp_path, results, metric, style)


@fuzzing(30)
@given(content=damaged(as_json(RIGHT[0])) | st.binary(max_size=60))
def test_damaged_texts(empty: Path, tmp_path: Path, content: bytes) -> None:
    tried(empty, tmp_path, content, "speedup", "table")
