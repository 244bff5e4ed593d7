"""JobSpec and Cell: identities."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.spec import Cell, JobSpec
from tests.conftest import make_cell, make_job

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
cells = st.builds(
    make_cell,
    workload=names,
    batch_size=st.integers(1, 4096),
    epochs=st.integers(1, 100),
    data=st.sampled_from(["real", "synthetic"]),
    parameters=st.dictionaries(names, scalars, max_size=4),
)


@given(cells, names, st.integers(1, 1000))
def test_a_job_survives_json_with_its_identity(cell: Cell, hardware: str, repeat: int) -> None:
    job = make_job(cell, hardware=hardware, repeat=repeat)
    again = JobSpec.model_validate(json.loads(job.model_dump_json()))
    assert again == job
    assert (again.id, again.cell.id) == (job.id, job.cell.id)


def test_ids_never_change_between_versions() -> None:
    # Stored results are found by these: a change here orphans them.
    assert make_cell().id == "1562695ba73d6403"
    assert make_job().id == "0c133d7063d81fba"


def test_hardware_repeat_and_run_make_other_jobs_of_the_same_cell() -> None:
    job = make_job()
    others = [make_job(hardware="t4"), make_job(repeat=2), make_job(run="run-2")]
    assert len({job.id, *(other.id for other in others)}) == 4
    assert {other.cell.id for other in others} == {job.cell.id}


def test_the_timeout_is_not_part_of_the_identity() -> None:
    assert make_job(timeout_seconds=1.0).id == make_job(timeout_seconds=2.0).id


@pytest.mark.parametrize("change", [{"data": "real"}, {"batch_size": 64}, {"workload_version": 2}])
def test_what_changes_the_work_changes_the_cell(change: dict[str, Any]) -> None:
    assert make_cell(**change).id != make_cell().id


@pytest.mark.parametrize(
    "change",
    [
        {"hardware": "a b"},
        {"hardware": "../x"},
        {"hardware": "a:b"},
        {"repeat": 0},
        {"timeout_seconds": 0},
        {"unknown": 1},
    ],
)
def test_a_malformed_job_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make_job(**change)
