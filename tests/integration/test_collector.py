"""Collector and store: incremental, idempotent, and enough by themselves once Redis is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from farm.collector import collect
from farm.plan import PlannedCell
from farm.run import Run
from farm.selector import Selector
from farm.store import Store
from jobs.errors import StoreError
from jobs.result import JobFailure
from tests.conftest import make_cell, make_result
from workers.ledger import Ledger

CELL = PlannedCell(cell=make_cell(), repeats=3, timeout_seconds=60.0)
RUN = Run(
    id="run-1",
    suite="quick",
    description="",
    created_at=1.0,
    selector=Selector.model_validate("all"),
    seed=42,
    cells=(CELL,),
)


@pytest.fixture
def store(farm_home: object) -> Iterator[Store]:
    with Store() as opened:
        yield opened


@pytest.fixture
def ledger(client: redis.Redis) -> Ledger:
    ledger = Ledger(client)
    ledger.create(RUN.id, RUN.suite, RUN.created_at, RUN.model_dump_json())
    ledger.add_column(RUN.id, "p100", ["p100"], RUN.jobs("p100"))
    return ledger


def test_collecting_takes_what_is_new_and_nothing_twice(ledger: Ledger, store: Store) -> None:
    jobs = RUN.jobs("p100")
    assert collect(ledger, store) == 0
    ledger.finish(make_result(jobs[0]))
    assert collect(ledger, store) == 1
    assert collect(ledger, store) == 0
    ledger.finish(make_result(jobs[1]))
    ledger.finish(make_result(jobs[2]))
    assert collect(ledger, store) == 2
    assert [result.job.id for result in store.results(RUN.id)] == sorted(job.id for job in jobs)


def test_two_collectors_at_once_count_a_result_once(ledger: Ledger, store: Store) -> None:
    job = RUN.jobs("p100")[0]
    result = make_result(job)
    ledger.finish(result)
    collect(ledger, store)
    # When a second collector, which had read the log before, comes to write the same
    assert store.add_results(RUN.id, [result], "1-1") == 0
    assert len(list(store.results(RUN.id))) == 1


def test_states_follow_redis_and_a_result_overrules_them(ledger: Ledger, store: Store) -> None:
    jobs = RUN.jobs("p100")
    ledger.begin(jobs[0])
    failure = JobFailure(kind="exception", message="it broke")
    ledger.finish(make_result(jobs[1], status="failed", measurement=None, error=failure))
    collect(ledger, store)
    assert sorted(row.state for row in store.job_rows(RUN.id)) == ["failed", "queued", "running"]
    store.set_states(RUN.id, {jobs[1].id: "running"})
    assert sorted(row.state for row in store.job_rows(RUN.id)) == ["failed", "queued", "running"]
    by_state = {entry.state: entry for entry in store.entries([RUN])}
    assert by_state["failed"].reason == "it broke"


def test_a_column_that_joins_a_complete_run_is_collected(ledger: Ledger, store: Store) -> None:
    for job in RUN.jobs("p100"):
        ledger.finish(make_result(job))
    collect(ledger, store)
    ledger.add_column(RUN.id, "t4", ["t4"], RUN.jobs("t4"))
    ledger.finish(make_result(RUN.jobs("t4")[0]))
    assert collect(ledger, store) == 1
    assert {row.hardware for row in store.job_rows(RUN.id)} == {"p100", "t4"}


def test_a_result_that_cannot_be_read_stops_nobody(ledger: Ledger, store: Store) -> None:
    jobs = RUN.jobs("p100")
    ledger.client.xadd(f"farm:run:{RUN.id}:results", {"result": '{"schema_version": 99}'})
    ledger.finish(make_result(jobs[0]))
    assert collect(ledger, store) == 1


def test_the_epoch_is_the_median_lap_scaled(ledger: Ledger, store: Store) -> None:
    ledger.finish(make_result(RUN.jobs("p100")[0], lap_seconds=2.5))
    collect(ledger, store)
    measured = [entry for entry in store.entries([RUN]) if entry.state == "succeeded"]
    assert [(entry.epoch_seconds, entry.samples_per_epoch) for entry in measured] == [(2.5, 100)]


def test_a_store_of_a_newer_farm_is_left_alone(farm_home: object) -> None:
    import sqlalchemy as sql

    with Store() as store, store.engine.begin() as connection:
        connection.execute(sql.text("insert into schema_versions values (99)"))
    with pytest.raises(StoreError, match="schema version 99"):
        Store()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "accepted: a SQLAlchemy URL"),
        ("mydb://x/y", "accepted: a SQLAlchemy URL"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ],
)
def test_a_store_that_cannot_be_used_says_so(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("FARM_STORE", url)
    with pytest.raises(StoreError, match=said):
        Store()
