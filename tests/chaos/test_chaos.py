"""A short campaign of faults; and that the count, on which all of it rests, finds what is wrong."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis

from farm.run import Run
from farm.store.store import Store
from farm.suite.selector import Selector
from jobs.result import JobFailure, Result, Status
from tests.chaos import campaign, table, tally
from tests.chaos.campaign import Plan
from tests.chaos.injection import Hit, Injection
from tests.chaos.tally import Books, Ending
from tests.conftest import make_job, make_result
from workers.ledger import Ledger

RUN = "run-1"


@pytest.mark.slow
def test_nothing_is_lost_or_counted_twice(tmp_path: Path) -> None:
    plan = Plan(
        jobs=40,
        seconds_between=0.5,
        workers=3,
        faults=("kill-worker", "kill-child", "kill-template", "kill-redis", "cut-connections"),
    )
    said: list[str] = []
    outcome = campaign.run(plan, tmp_path, said.append)
    print("\n".join([*said, *table.lines(outcome)]))
    assert outcome.complaints == ()
    assert outcome.total.jobs >= plan.jobs
    assert (outcome.total.lost, outcome.total.duplicates) == (0, 0)
    assert outcome.clean
    assert {each.fault for each in outcome.injections} == set(plan.faults)


def failure(message: str) -> JobFailure:
    return JobFailure(kind="signal", message=message)


def books_of(
    client: redis.Redis, folder: Path, logged: Sequence[Result], stored: Sequence[Result]
) -> Books:
    """Record three jobs, and the results as given, without asking whether there is one already."""
    jobs = [make_job(repeat=n) for n in (1, 2, 3)]
    Ledger(client).column(RUN, "p100").add(["p100"], jobs)
    for result in logged:
        client.xadd(f"farm:run:{RUN}:p100:results", {"result": result.model_dump_json()})
        client.hset(f"farm:run:{RUN}:p100:states", result.job.id, result.status.value)
    path = folder / "farm.db"
    with Store(f"sqlite:///{path}") as store:
        store.add_run(
            Run(id=RUN, suite="s", description="", created_at=1.0, seed=1, cells=(),
                selector=Selector("all"))
        )  # fmt: skip
        store.add_jobs(RUN, jobs)
        store.add_results(RUN, stored)
    return tally.read(client, [RUN], path)


def test_every_job_with_one_result_in_both_is_counted(client: redis.Redis, tmp_path: Path) -> None:
    results = [make_result(make_job(repeat=n)) for n in (1, 2, 3)]
    books = books_of(client, tmp_path, results, results)
    counted = tally.count(books, list(books.jobs))
    assert (counted.jobs, counted.results, counted.duplicates, counted.lost) == (3, 3, 0, 0)
    assert tally.contradictions(books) == []


def test_a_second_result_in_the_log_is_a_duplicate(client: redis.Redis, tmp_path: Path) -> None:
    results = [make_result(make_job(repeat=n)) for n in (1, 2, 3)]
    books = books_of(client, tmp_path, [*results, results[1]], results)
    assert tally.count(books, list(books.jobs)).duplicates == 1


def test_a_job_without_a_result_in_one_of_them_is_lost(client: redis.Redis, tmp_path: Path) -> None:
    results = [make_result(make_job(repeat=n)) for n in (1, 2, 3)]
    books = books_of(client, tmp_path, results, results[:1])
    assert tally.count(books, list(books.jobs)).lost == 2
    assert "succeeded in its log and nothing in the store" in tally.contradictions(books)[0]
    assert len(tally.contradictions(books)) == 2


def test_a_job_that_waits_for_ever_is_lost_and_named(client: redis.Redis, tmp_path: Path) -> None:
    results = [make_result(make_job(repeat=n)) for n in (1, 2)]
    books = books_of(client, tmp_path, results, results)
    assert tally.count(books, list(books.jobs)).lost == 1
    assert tally.contradictions(books) == ["1 jobs are queued in the end"]


def test_a_job_may_fail_when_it_was_killed_and_for_nothing_else(
    client: redis.Redis, tmp_path: Path
) -> None:
    said = ("the child process was killed by SIGKILL", "killed three times", "no such file")
    results = [
        make_result(
            make_job(repeat=n), status=Status.FAILED, measurement=None, error=failure(message)
        )
        for n, message in enumerate(said, start=1)
    ]
    books = books_of(client, tmp_path, results, results)
    assert tally.contradictions(books) == ["1 jobs ended as failed: no such file"]
    assert sum(tally.killed(books).values()) == 2


def test_the_recovery_is_the_interrupted_jobs_end_or_the_next_of_each_hardware() -> None:
    jobs = [make_job(repeat=n, hardware=name) for n, name in enumerate(("a", "a", "b"), start=1)]
    ids = [job.id for job in jobs]
    books = Books(
        jobs=dict(zip(ids, jobs, strict=True)),
        states={},
        log={
            job: (Ending(status="succeeded", message=None, at=at),)
            for job, at in zip(ids, (101.0, 109.0, 104.0), strict=True)
        },
        archive={},
    )

    def recovery(hit: Hit, at: float = 100.0) -> float | None:
        injection = Injection(fault="kill-worker", at=at, hit=hit, open_jobs=frozenset(ids))
        return injection.recovery(books)

    both = frozenset({"a", "b"})
    assert recovery(Hit(hardware=both)) == 4.0
    assert recovery(Hit(hardware=both, jobs=frozenset(ids[1:2]))) == 9.0
    assert recovery(Hit(hardware=frozenset({"a"}), jobs=frozenset(ids[:1])), at=102.0) == 7.0
    assert recovery(Hit(hardware=both), at=110.0) is None


def test_the_store_can_hold_a_job_once_only(client: redis.Redis, tmp_path: Path) -> None:
    results = [make_result(make_job(repeat=1))]
    books_of(client, tmp_path, results, [*results, *results])
    with sqlite3.connect(tmp_path / "farm.db") as connection:
        [body] = connection.execute("select body from results").fetchall()
    connection.close()
    assert json.loads(body[0])["job"]["repeat"] == 1
