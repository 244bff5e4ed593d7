"""Export and import: lossless, repeatable, and nothing of a wrong file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farm.output import opened
from farm.store.store import Store
from farm.suite.selector import Selector
from tests.conftest import make_result
from tests.unit.exchange_samples import bring, change, exported, make_run, problems, rich


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Store]:
    """A store with a run: a rich result, a failure, and a job that was cancelled."""
    run = make_run()
    first, second, third = run.jobs("p100")
    with Store(f"sqlite:///{tmp_path}/here.db") as store:
        store.add_run(run)
        store.add_jobs(run.id, [first, second, third])
        failure = {"kind": "exit", "message": "broke", "stderr_tail": "last\nwords", "exit_code": 1}
        failed = make_result(second, measurement=None, status="failed", error=failure)
        store.add_results(run.id, [rich(make_result(first)), failed])
        store.set_states(run.id, {third.id: "cancelled"})
        yield store


def test_a_file_names_its_format_and_version_and_holds_one_object_a_line(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0] == {"format": "farm-results", "version": 1, "benchfarm": lines[0]["benchfarm"]}
    assert [sorted(line) for line in lines[1:]] == [
        ["run"],
        ["job", "state"],
        ["result"],
        ["result"],
        ["end"],
    ]
    assert lines[-1]["end"] == {"runs": 1, "jobs": 1, "results": 2}


def test_nothing_is_lost_between_two_stores(here: Store, there: Store, file: Path) -> None:
    [done] = bring(there, file)
    assert (done.new, done.results, done.notes) == (2, 2, ())
    assert exported(there) == exported(here)
    assert there.job_rows("run-1") == here.job_rows("run-1")
    assert [str(r) for r in there.results("run-1")] == [str(r) for r in here.results("run-1")]
    assert there.entries(there.runs()) == here.entries(here.runs())


def test_importing_again_changes_nothing(there: Store, file: Path) -> None:
    bring(there, file)
    before = exported(there)
    again, and_again = bring(there, file, file)
    assert (again.new, and_again.new, again.results) == (0, 0, 2)
    assert (again.other_runs, again.other_results) == ((), ())
    assert exported(there) == before


def test_a_result_that_contradicts_is_named_and_the_first_is_kept(
    here: Store, there: Store, file: Path
) -> None:
    bring(there, file)
    before = exported(there)
    lines = file.read_text().splitlines()
    index = next(at for at, line in enumerate(lines) if '"lap_seconds":[' in line)
    result = json.loads(lines[index])["result"]
    result["measurement"]["lap_seconds"][0] *= 2
    change(file, index, result=result)
    [done] = bring(there, file)
    assert done.other_results == (make_run().jobs("p100")[0].id,)
    assert done.new == 0
    assert exported(there) == before


def test_another_run_of_the_same_name_is_named_and_the_first_is_kept(
    there: Store, file: Path
) -> None:
    tags = Selector(("gpu",))
    there.add_run(make_run(selector=tags))
    [done] = bring(there, file)
    assert done.other_runs == ("run-1",)
    assert [run.selector for run in there.runs()] == [tags]
    assert done.new == 2


def test_an_older_file_does_not_undo_what_became_of_a_job(there: Store, file: Path) -> None:
    run = make_run()
    third = run.jobs("p100")[2]
    change(file, 2, state="running")
    there.add_run(run)
    there.add_jobs(run.id, [third])
    there.set_states(run.id, {third.id: "cancelled"})
    bring(there, file)
    assert {row.id: row.state for row in there.job_rows(run.id)}[third.id] == "cancelled"


def test_files_can_be_put_one_after_the_other(there: Store, file: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.jsonl"
    other = file.read_bytes().replace(b"run-1", b"run-2")
    both.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + b"\n" + other.replace(b"\n", b"\r\n"))
    [done] = bring(there, both)
    assert done.runs == ("run-1", "run-2")
    assert (done.new, done.notes) == (4, ())


@pytest.mark.parametrize("lines", [-1, -2])
def test_a_copy_that_is_not_whole_is_noted(there: Store, file: Path, lines: int) -> None:
    file.write_text("\n".join(file.read_text().splitlines()[:lines]))
    [done] = bring(there, file)
    assert done.notes == ("its end is missing, so it may be an incomplete copy",)


def test_a_line_that_went_missing_is_noted(there: Store, file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:3], *lines[4:]]))
    [done] = bring(there, file)
    assert "1 of 2 results" in done.notes[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is not JSON: EOF"),
        ("[]", "received []"),
        ('{"result": {}}', "result.status: received a mapping; Field required"),
        ('{"results": 1}', "results: received 1; Extra inputs are not permitted"),
        ('{"state": "queued"}', "received the keys state; accepted: run, job and state, result"),
        ("{}", "received the keys none"),
        ('{"\\u001b[31mx": 1}', "'\\x1b[31mx': received 1"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_imported(
    there: Store, file: Path, tmp_path: Path, line: str, said: str
) -> None:
    wrong = tmp_path / "wrong.jsonl"
    lines = file.read_text().splitlines()
    wrong.write_text("\n".join([*lines[:3], line, *lines[3:]]))
    assert problems(there, file, wrong)[0].startswith(f"{wrong}:4: {said}")


def test_the_mistakes_of_all_files_and_lines_are_said_at_once(
    there: Store, file: Path, tmp_path: Path
) -> None:
    change(file, 2, state="lost")
    change(file, 3, result={"schema_version": 2})
    table = tmp_path / "table.csv"
    table.write_text("hardware,workload,batch_size,seconds\na,w,1,0\n")
    found = problems(there, file, table, tmp_path / "none.jsonl")
    assert found[0].startswith(f"{file}:3: state: received 'lost'; accepted: queued, running, ")
    assert any(each.startswith(f"{file}:4: result.schema_version: received 2") for each in found)
    assert any(each.startswith(f"{table}:2: seconds: received '0'") for each in found)
    assert found[-1] == f"{tmp_path / 'none.jsonl'}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"version": 3}, "received 3, of a newer farm; this one reads up to 2; upgrade it: pip"),
        ({"version": 0}, "version: received 0; accepted: 1"),
        ({"version": True}, "version: received True"),
        ({"version": None}, "version: received None"),
        ({"format": "other"}, "format: received 'other'"),
    ],
)
def test_another_format_or_version_is_refused_with_what_to_do(
    there: Store, file: Path, header: dict[str, Any], said: str
) -> None:
    change(file, 0, **header)
    [problem] = problems(there, file)
    assert problem.startswith(f"{file}:1: ")
    assert said in problem


def test_a_newer_farm_s_file_of_the_same_version_says_to_upgrade(there: Store, file: Path) -> None:
    change(file, 0, benchfarm="99.0")
    change(file, 3, new_field=1)
    assert "written by benchfarm 99.0" in problems(there, file)[0]


def test_a_result_needs_its_run_before_it(there: Store, file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], *lines[2:]]))
    found = problems(there, file)
    assert found[0].startswith(f"{file}:2: received a job of the run 'run-1', whose own line is")
    assert len(found) == 3


def test_output_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"before")

    def half() -> None:
        with opened(str(path)) as out:
            out.write(b"after")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        half()
    assert path.read_bytes() == b"before"
    with opened(str(path)) as out:
        out.write(b"after")
        assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert path.read_bytes() == b"after"
