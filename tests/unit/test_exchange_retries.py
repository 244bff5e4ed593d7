"""Export and import of what was measured more than once: nothing lost, and the same one counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.run import Run
from farm.store.store import Store
from jobs.spec import JobSpec
from tests.conftest import make_result
from tests.unit.exchange_samples import bring, change, exported, make_run, problems

RUN = make_run()
FIRST, SECOND, THIRD = RUN.jobs("p100")


def again(job: JobSpec) -> JobSpec:
    """Return the job that stands in place of another."""
    return job.model_copy(update={"retry": job.retry + 1})


def filled(store: Store, run: Run = RUN) -> None:
    """Put a run into the store: one job measured three times, one cancelled and then queued."""
    store.add_run(run)
    store.add_jobs(run.id, [FIRST, SECOND, THIRD, again(FIRST), again(again(FIRST)), again(THIRD)])
    results = [make_result(FIRST, 9.0), make_result(again(FIRST), 8.0), make_result(SECOND, 2.0)]
    store.add_results(run.id, [*results, make_result(again(again(FIRST)), 1.0)])
    store.set_states(run.id, dict.fromkeys((FIRST.id, again(FIRST).id, THIRD.id), "superseded"))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/here.db") as store:
        filled(store)
        yield store


def counted(store: Store) -> dict[str, float | None]:
    """Return the jobs that count, with the seconds that each came to."""
    return {entry.job: entry.epoch_seconds for entry in store.entries([RUN])}


def test_a_round_trip_keeps_every_result_and_which_one_counts(
    here: Store, there: Store, file: Path
) -> None:
    [imported] = bring(there, file)
    assert (imported.results, imported.new) == (4, 4)
    assert exported(there) == exported(here)
    last = again(again(FIRST))
    assert counted(there) == counted(here) == {last.id: 1.0, SECOND.id: 2.0, again(THIRD).id: None}
    assert {*there.job_rows(RUN.id)} == {*here.job_rows(RUN.id)}
    [kept] = there.result(FIRST.id)
    assert kept == make_result(FIRST, 9.0)
    assert there.state(FIRST.id) == "superseded"
    # And again does no harm
    assert [each.new for each in bring(there, file)] == [0]
    assert exported(there) == exported(here)


def test_only_a_file_with_something_superseded_needs_a_newer_reader(
    there: Store, file: Path
) -> None:
    assert json.loads(file.read_text().splitlines()[0])["version"] == 2
    there.add_run(RUN)
    there.add_results(RUN.id, [make_result(FIRST)])
    assert json.loads(exported(there).splitlines()[0])["version"] == 1


def test_what_was_retried_elsewhere_counts_here_no_more(there: Store, file: Path) -> None:
    there.add_run(RUN)
    there.add_jobs(RUN.id, [FIRST, SECOND, THIRD])
    there.add_results(RUN.id, [make_result(FIRST, 9.0)])
    bring(there, file)
    assert counted(there)[again(again(FIRST)).id] == 1.0
    assert FIRST.id not in counted(there)


def test_what_was_retried_here_is_not_undone_by_an_older_file(there: Store, tmp_path: Path) -> None:
    # Given a file from before a retry
    there.add_run(RUN)
    there.add_results(RUN.id, [make_result(FIRST, 9.0)])
    older = tmp_path / "older.jsonl"
    older.write_bytes(exported(there))
    # When the job was retried and the file comes back
    there.add_jobs(RUN.id, [again(FIRST)])
    there.set_states(RUN.id, {FIRST.id: "superseded"})
    bring(there, older)
    # Then the new job counts
    assert counted(there) == {again(FIRST).id: None}


def test_a_result_has_no_other_state_of_its_own(there: Store, file: Path) -> None:
    at = next(i for i, line in enumerate(file.read_text().splitlines()) if '"result"' in line)
    change(file, at, state="queued")
    [problem] = [each for each in problems(there, file) if "state" in each]
    assert problem.endswith("state: received 'queued'; accepted: superseded, or none")
