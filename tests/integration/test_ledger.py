"""Ledger, on a real Redis: a job ends once, whatever is delivered twice."""

from __future__ import annotations

import time

import pytest
import redis

from farm.cli.progress import REFRESH_SECONDS
from tests.conftest import make_cell, make_job, make_result
from workers.client import connect
from workers.ledger import Ledger, Taken


@pytest.fixture
def ledger(client: redis.Redis) -> Ledger:
    return Ledger(client)


def test_a_job_ends_once(ledger: Ledger) -> None:
    # Given a queued job
    job = make_job()
    ledger.create("run-1", "quick", 1.0, "{}")
    assert ledger.add_column("run-1", "p100", ["p100"], [job])
    # When two workers were given it, and both hand in a result
    assert ledger.begin(job)
    assert ledger.begin(job)
    assert ledger.finish(make_result(job)) is Taken.YES
    assert ledger.finish(make_result(job, lap_seconds=9.0)) is Taken.HAD_ONE
    # Then the first counts, and nobody begins it again
    assert len(ledger.results_after("run-1", "0")) == 1
    assert ledger.states("run-1") == {job.id: "succeeded"}
    assert not ledger.begin(job)


def test_a_job_that_nobody_recorded_is_neither_run_nor_counted(ledger: Ledger) -> None:
    job = make_job(run="never-submitted")
    assert not ledger.begin(job)
    assert ledger.finish(make_result(job)) is Taken.UNKNOWN
    assert ledger.results_after("never-submitted", "0") == []


def test_a_column_is_added_once(ledger: Ledger) -> None:
    jobs = [make_job(repeat=repeat) for repeat in (1, 2)]
    assert ledger.add_column("run-1", "p100", ["p100"], jobs)
    ledger.begin(jobs[0])
    assert not ledger.add_column("run-1", "p100", ["p100"], jobs)
    assert ledger.states("run-1") == {jobs[0].id: "running", jobs[1].id: "queued"}
    assert ledger.columns("run-1") == {"p100": {"p100"}}


def test_the_log_is_read_from_where_it_was_left(ledger: Ledger) -> None:
    jobs = [make_job(repeat=repeat) for repeat in range(1, 4)]
    ledger.add_column("run-1", "p100", ["p100"], jobs)
    ledger.finish(make_result(jobs[0]))
    [(cursor, _)] = ledger.results_after("run-1", "0")
    assert ledger.results_after("run-1", cursor) == []
    for job in jobs[1:]:
        ledger.finish(make_result(job))
    assert len(ledger.results_after("run-1", cursor)) == 2


def test_more_jobs_than_one_batch_are_all_recorded(ledger: Ledger) -> None:
    jobs = [make_job(make_cell(batch_size=size)) for size in range(1, 1202)]
    ledger.add_column("run-1", "p100", ["p100"], jobs)
    assert ledger.job_count("run-1") == len(list(ledger.jobs("run-1"))) == 1201


def test_the_newest_run_of_each_suite_is_open(ledger: Ledger) -> None:
    ledger.create("quick-1", "quick", 1.0, "{}")
    ledger.create("quick-2", "quick", 2.0, "{}")
    ledger.create("other-1", "other", 3.0, "{}")
    assert sorted(ledger.open_runs()) == ["other-1", "quick-2"]
    assert ledger.runs() == ["quick-1", "quick-2", "other-1"]


def test_a_long_silence_is_not_an_error(redis_url: str) -> None:
    # Longer than redis-py's own limit for a reply, through the farm's own connection.
    ledger = Ledger(connect(redis_url))
    began = time.monotonic()
    ledger.wait_for_result("run-1", "0", REFRESH_SECONDS + 2)
    assert time.monotonic() - began >= REFRESH_SECONDS


def test_a_column_is_enqueued_by_one_until_it_is_done_or_has_given_up(ledger: Ledger) -> None:
    assert ledger.may_enqueue("run-1", "p100")
    assert not ledger.may_enqueue("run-1", "p100")  # somebody is at it
    ledger.client.delete("farm:run:run-1:enqueuing:p100")  # and died: the minute is over
    assert ledger.may_enqueue("run-1", "p100")
    ledger.enqueued("run-1", "p100")
    ledger.client.delete("farm:run:run-1:enqueuing:p100")
    assert not ledger.may_enqueue("run-1", "p100")


def test_waiting_for_a_result_ends_with_it_or_with_the_time(ledger: Ledger) -> None:
    ledger.wait_for_result("run-1", "0", 0.05)
    job = make_job()
    ledger.add_column("run-1", "p100", ["p100"], [job])
    ledger.finish(make_result(job))
    ledger.wait_for_result("run-1", "0", 60.0)
