"""Collector and store: incremental, idempotent, and enough by themselves once Redis is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from farm.run import Run
from farm.runs.collector import collect, collect_run
from farm.store.store import Store
from farm.store.unreadable import KEPT_CHARACTERS
from farm.suite.plan import PlannedCell
from farm.suite.selector import Selector
from jobs.errors import StoreError
from jobs.limits import MAX_RESULT_BYTES
from jobs.result import JobFailure
from jobs.spec import JobSpec
from tests import ledgers
from tests.conftest import make_cell, make_result
from workers.column import Column
from workers.ledger import Ledger

LOG = "farm:run:run-1:p100:results"
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
    ledger.column(RUN.id, "p100").add(["p100"], RUN.jobs("p100"))
    return ledger


def test_collecting_takes_what_is_new_and_nothing_twice(ledger: Ledger, store: Store) -> None:
    jobs = RUN.jobs("p100")
    assert collect(ledger, store) == 0
    ledgers.finish(ledger, make_result(jobs[0]))
    assert collect(ledger, store) == 1
    assert collect(ledger, store) == 0
    ledgers.finish(ledger, make_result(jobs[1]))
    ledgers.finish(ledger, make_result(jobs[2]))
    assert collect(ledger, store) == 2
    assert [result.job.id for result in store.results(RUN.id)] == sorted(job.id for job in jobs)


def test_two_collectors_at_once_count_a_result_once(ledger: Ledger, store: Store) -> None:
    job = RUN.jobs("p100")[0]
    result = make_result(job)
    ledgers.finish(ledger, result)
    collect(ledger, store)
    # When a second collector, which had read the log before, comes to write the same
    assert store.add_log(RUN.id, "p100", [result], [], "1-1") == 0
    assert len(list(store.results(RUN.id))) == 1


def test_states_follow_redis_and_a_result_overrules_them(ledger: Ledger, store: Store) -> None:
    jobs = RUN.jobs("p100")
    ledgers.begin(ledger, jobs[0])
    failure = JobFailure(kind="exception", message="it broke")
    ledgers.finish(ledger, make_result(jobs[1], status="failed", measurement=None, error=failure))
    collect(ledger, store)
    assert sorted(row.state for row in store.job_rows(RUN.id)) == ["failed", "queued", "running"]
    store.set_states(RUN.id, {jobs[1].id: "running"})
    assert sorted(row.state for row in store.job_rows(RUN.id)) == ["failed", "queued", "running"]
    by_state = {entry.state: entry for entry in store.entries([RUN])}
    assert by_state["failed"].reason == "it broke"


def test_a_column_that_joins_a_complete_run_is_collected(ledger: Ledger, store: Store) -> None:
    for job in RUN.jobs("p100"):
        ledgers.finish(ledger, make_result(job))
    collect(ledger, store)
    ledger.column(RUN.id, "t4").add(["t4"], RUN.jobs("t4"))
    ledgers.finish(ledger, make_result(RUN.jobs("t4")[0], worker="t4@host"))
    assert collect(ledger, store) == 1
    assert {row.hardware for row in store.job_rows(RUN.id)} == {"p100", "t4"}


def test_a_result_that_cannot_be_read_stops_nobody(ledger: Ledger, store: Store) -> None:
    jobs = RUN.jobs("p100")
    ledger.client.xadd(LOG, {"result": '{"schema_version": 99}'})
    ledgers.finish(ledger, make_result(jobs[0]))
    assert collect(ledger, store) == 1
    [kept] = store.unreadable(RUN.id)
    assert (kept.job, kept.text, kept.size) == (None, '{"schema_version": 99}', 22)


def handed_in(ledger: Ledger, job: JobSpec, text: bytes) -> None:
    """Hand in a text for a job, as a worker does a result."""
    ledgers.begin(ledger, job)
    ledger.client.xadd(LOG, {"job": job.id, "result": text})
    ledger.client.hset(f"farm:run:{RUN.id}:p100:states", job.id, "succeeded")


TOO_LARGE = MAX_RESULT_BYTES + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is not JSON"),
        (b'{"\xff": "\x1b[31m\0"}', "is not JSON"),
        (b"{}", "received a mapping; Field required"),
        (b"x" * TOO_LARGE, "it has 16,777,217 bytes; accepted: up to 16,777,216"),
    ],
    ids=["cut", "binary", "empty", "large"],
)
def test_a_job_whose_result_cannot_be_read_has_failed_and_says_why(
    ledger: Ledger, store: Store, text: bytes, said: str
) -> None:
    job, other, _ = RUN.jobs("p100")
    handed_in(ledger, job, text)
    ledgers.finish(ledger, make_result(other))
    assert collect(ledger, store) == 2
    # Then what came is kept, cut where it is long, and the job says why it failed
    [kept] = store.unreadable(RUN.id)
    assert (kept.job, kept.size) == (job.id, len(text))
    came = text.decode(errors="replace")
    assert kept.text == came[:KEPT_CHARACTERS].replace("\0", "\ufffd")
    [result] = store.result(job.id)
    assert (result.status.value, result.job) == ("failed", job)
    assert result.error is not None
    assert said in result.error.message
    assert sorted(row.state for row in store.job_rows(RUN.id)) == ["failed", "queued", "succeeded"]
    # And nothing of it is told twice
    assert collect(ledger, store) == 0
    assert collect_run(ledger, store, RUN.id, from_start=True) == 0
    assert store.unreadable(RUN.id) == [kept]


def test_what_others_write_for_a_job_that_runs_ends_it_not(ledger: Ledger, store: Store) -> None:
    job, other, third = RUN.jobs("p100")
    ledgers.begin(ledger, job)
    ledger.client.xadd(LOG, {"job": job.id, "result": "rubbish"})
    ledger.client.xadd(LOG, {"job": job.id, "result": make_result(other).model_dump_json()})
    ledger.client.hset(f"farm:run:{RUN.id}:p100:states", other.id, "paradise")
    ledger.client.hset(f"farm:run:{RUN.id}:p100:states", third.id, "succeeded")
    # What is said to have ended has no result, and will have none: so it has failed
    assert collect(ledger, store) == 1
    assert len(store.unreadable(RUN.id)) == 2
    ledgers.finish(ledger, make_result(job))
    assert collect(ledger, store) == 1
    states = {row.id: row.state for row in store.job_rows(RUN.id)}
    assert states == {job.id: "succeeded", other.id: "queued", third.id: "failed"}
    [gone] = store.result(third.id)
    assert gone.error is not None
    assert "it ended as 'succeeded', and has no result of it" in gone.error.message


def test_a_superseded_job_counts_no_more_and_keeps_its_result(ledger: Ledger, store: Store) -> None:
    # Given a job that was measured, collected, and asked for once more
    job = RUN.jobs("p100")[0]
    successor = job.model_copy(update={"retry": 1})
    ledgers.finish(ledger, make_result(job, lap_seconds=9.0))
    collect(ledger, store)
    ledger.column_of(successor).supersede(job.id, successor)
    ledgers.finish(ledger, make_result(successor, lap_seconds=2.0))
    # When somebody dies right after the results were collected
    with pytest.raises(KeyboardInterrupt):
        collect(ledger, dying_at(store, "set_states", at=2))
    store = Store()
    # Then there is one of the two all the same, and the other is kept
    states = {row.id: row.state for row in store.job_rows(RUN.id)}
    assert states.keys() == {each.id for each in RUN.jobs("p100")} - {job.id} | {successor.id}
    assert [e.epoch_seconds for e in store.entries([RUN]) if e.epoch_seconds] == [2.0]
    assert store.state(job.id) == "superseded"
    assert [result.job for result in store.result(job.id)] == [job]
    collect(ledger, store)
    assert {row.state for row in store.job_rows(RUN.id)} == {"succeeded", "queued"}


def dying_at(store: Store, method: str, at: int) -> Store:
    """Return the store, whose method is interrupted at its so-many-th call."""
    calls = 0
    original = getattr(store, method)

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        return original(*arguments)

    setattr(store, method, interrupted)
    return store


def test_the_epoch_is_the_median_lap_scaled(ledger: Ledger, store: Store) -> None:
    ledgers.finish(ledger, make_result(RUN.jobs("p100")[0], lap_seconds=2.5))
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


def test_a_damaged_run_keeps_no_other_from_being_collected(
    ledger: Ledger, store: Store, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    other = RUN.model_copy(update={"id": "run-2"})
    ledger.create(other.id, other.suite, 2.0, other.model_dump_json())
    ledger.column(other.id, "p100").add(["p100"], other.jobs("p100"))
    ledgers.finish(ledger, make_result(other.jobs("p100")[0]))
    client.set(LOG, "x")
    assert collect(ledger, store) == 1
    assert "what Redis has of run run-1 for p100 is damaged" in caplog.text


def test_a_log_that_has_lost_its_end_is_read_from_its_start(
    ledger: Ledger, store: Store, client: redis.Redis
) -> None:
    client.xadd(LOG, {"job": "", "result": "{}"}, id="99999999999999-1")
    collect(ledger, store)
    client.delete(LOG)
    ledgers.finish(ledger, make_result(RUN.jobs("p100")[0]))
    assert collect(ledger, store) == 1


def test_a_job_and_its_successor_never_both_count(
    ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job that is put back, and whose successor ends, while somebody reads its states
    job = RUN.jobs("p100")[0]
    successor = job.model_copy(update={"retry": 1})
    ledgers.finish(ledger, make_result(job))
    original = Column.states

    def states(column: Column) -> dict[str, str]:
        found = original(column)
        if column.supersede(job.id, successor):
            column.finish(make_result(successor))
        return found

    monkeypatch.setattr(Column, "states", states)
    for _ in range(2):
        collect(ledger, store)
        rows = {row.id: row.state for row in store.job_rows(RUN.id)}
        assert job.id not in rows
        assert rows[successor.id] == "succeeded"
    # And of two who collect at once, the one who knows less takes nothing back
    store.set_states(RUN.id, {job.id: "cancelled"})
    assert job.id not in {row.id for row in store.job_rows(RUN.id)}
