"""Bench: a job whose process or worker dies is tried again, three times in all."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from jobs.result import Status
from tests import ledgers
from tests.integration.benches import Site, noop, templates, until
from workers.bench import HandedBackError, NotHereError

# A backend whose first import takes minutes, and whose second finds that it is not there.
SLOW_ONCE = """
import os, pathlib, time
flag = pathlib.Path(os.environ["FLAG"])
if flag.exists():
    raise ModuleNotFoundError("it is not there")
flag.touch()
time.sleep(300)
"""


@pytest.fixture
def site(client: redis.Redis, noop_workload: None, tmp_path: Path) -> Iterator[Site]:
    site = Site(client, tmp_path)
    yield site
    site.runner.close()


def test_a_job_that_is_killed_from_outside_is_tried_again_and_says_so(site: Site) -> None:
    # Given a job under way
    job = noop(seconds=1.0)
    site.queue(job)
    with site.serving(job) as errors:
        until(site.children)
        # When somebody kills its process
        site.children()[0].send_signal(signal.SIGTERM)
    # Then it was measured all the same
    assert not errors
    result = site.result(job)
    assert result.status is Status.SUCCEEDED
    assert result.environment["attempts"] == site.attempts(job) == 2


def test_the_death_of_the_template_is_one_more(site: Site) -> None:
    job = noop(seconds=1.0)
    site.queue(job)
    with site.serving(job):
        until(site.children)
        templates()[0].kill()
    result = site.result(job)
    assert (result.status, result.environment["attempts"]) == (Status.SUCCEEDED, 2)


def test_the_death_of_a_template_that_imports_its_backend_is_one_too(
    client: redis.Redis, noop_workload: None, tmp_path: Path
) -> None:
    (tmp_path / "jax.py").write_text(SLOW_ONCE)
    site = Site(client, tmp_path, PYTHONPATH=str(tmp_path), FLAG=str(tmp_path / "imported"))
    job = noop()
    job = job.model_copy(update={"cell": job.cell.model_copy(update={"backend": "jax"})})
    site.queue(job)
    with site.serving(job):
        until((tmp_path / "imported").exists)
        templates()[0].kill()
    site.runner.close()
    assert site.result(job).environment["attempts"] == 2


@pytest.mark.parametrize(
    ("act", "death"), [("SIGKILL", "SIGKILL"), ("kill-template", "its template died")]
)
def test_a_job_that_kills_its_process_three_times_has_failed(
    site: Site, act: str, death: str
) -> None:
    job, after = noop(act), noop(repeat=2)
    site.queue(job, after)
    site.serve(job)
    result = site.result(job)
    assert result.status is Status.FAILED
    assert result.error is not None
    assert f"given up after 3 attempts ({death}, {death}, {death})" in result.error.message
    assert "farm retry" in result.error.message
    assert "noop speaks" in result.error.stderr_tail
    assert result.environment["attempts"] == site.attempts(job) == 3
    # And the next job does not suffer for it
    site.serve(after)
    assert site.result(after).status is Status.SUCCEEDED
    assert "attempts" not in site.result(after).environment


def test_workers_that_died_count_as_well(site: Site) -> None:
    job = noop("SIGKILL")
    site.queue(job)
    assert [ledgers.begin(site.bench.ledger, job) for _ in range(2)] == [1, 2]
    site.serve(job)
    error = site.result(job).error
    assert error is not None
    assert "(its worker died, its worker died, SIGKILL)" in error.message
    assert site.attempts(job) == 3


def test_a_job_whose_workers_died_three_times_is_not_run_again(site: Site) -> None:
    job = noop()
    site.queue(job)
    for _ in range(3):
        ledgers.begin(site.bench.ledger, job)
    site.serve(job)
    result = site.result(job)
    assert result.status is Status.FAILED
    assert result.error is not None
    assert "begun 3 times and never ended" in result.error.message
    assert not templates()
    assert site.state(job) == "failed"


def test_a_job_that_another_worker_is_at_is_not_given_up(site: Site) -> None:
    # Given a job that was begun three times, by one worker that only lost its lease
    job = noop()
    site.queue(job)
    for _ in range(3):
        ledgers.begin(site.bench.ledger, job)
    record = site.bench.record
    alive = {"name": "p100@there-2", "state": "running", "job_id": job.id}
    site.bench.registry.beat(record.model_copy(update=alive))
    # Then it is left to that one, as long as it lives
    with pytest.raises(NotHereError, match="left to p100@there-2"):
        site.serve(job)
    assert (site.state(job), site.results(job)) == ("running", [])
    site.bench.registry.beat(record.model_copy(update={**alive, "state": "left", "job_id": None}))
    site.serve(job)
    assert site.state(job) == "failed"


@pytest.mark.parametrize("act", ["SIGSEGV", "vanish", "raise"])
def test_what_a_job_does_to_itself_is_its_result_at_once(site: Site, act: str) -> None:
    job = noop(act)
    site.queue(job)
    site.serve(job)
    assert site.result(job).status is Status.FAILED
    assert site.attempts(job) == 1


def test_a_job_that_has_ended_is_not_run_again(site: Site) -> None:
    job = noop()
    site.queue(job)
    site.serve(job)
    site.serve(job)
    assert site.result(job).status is Status.SUCCEEDED


def test_a_worker_that_stops_hands_its_job_back_when_the_grace_is_over(site: Site) -> None:
    # Given a worker whose jobs may go on for half a second when it is to stop
    job, late = noop(seconds=300.0), noop(repeat=2)
    site.queue(job, late)
    site.bench.hand.grace_seconds = 0.5
    with site.serving(job) as errors:
        until(site.children)
        # When it is told to
        assert site.bench.hand.stop_soon() == job.label
        assert site.children()
    # Then it is as if it had never begun
    assert [type(error) for error in errors] == [HandedBackError]
    assert (site.state(job), site.attempts(job)) == ("queued", 0)
    assert not site.results(job)
    assert not site.children()
    # And no other is begun
    with pytest.raises(HandedBackError):
        site.serve(late)
    assert site.state(late) == "queued"


def test_a_worker_that_stops_finishes_its_job_within_the_grace(site: Site) -> None:
    job = noop(seconds=0.5)
    site.queue(job)
    site.bench.hand.grace_seconds = 60.0
    with site.serving(job) as errors:
        until(site.children)
        site.bench.hand.stop_soon()
    assert not errors
    assert site.result(job).status is Status.SUCCEEDED
