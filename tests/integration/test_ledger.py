"""Ledger, on a real Redis: a job ends once, whatever is delivered twice."""

from __future__ import annotations

import time

import pytest
import redis

from farm.cli.progress import REFRESH_SECONDS
from tests import ledgers
from tests.conftest import make_cell, make_job, make_result
from workers.client import connect
from workers.column import Taken
from workers.enqueue_lock import EnqueueLock
from workers.keys import CANCELLED_CHANNEL
from workers.ledger import Ledger
from workers.messages import Messages


@pytest.fixture
def ledger(client: redis.Redis) -> Ledger:
    return Ledger(client)


def test_a_job_ends_once(ledger: Ledger) -> None:
    # Given a queued job
    job = make_job()
    ledger.create("run-1", "quick", 1.0, "{}")
    assert ledger.column("run-1", "p100").add(["p100"], [job])
    # When two workers were given it, and both hand in a result
    assert ledgers.begin(ledger, job)
    assert ledgers.begin(ledger, job)
    assert ledgers.finish(ledger, make_result(job)) is Taken.YES
    assert ledgers.finish(ledger, make_result(job, lap_seconds=9.0)) is Taken.HAD_ONE
    # Then the first counts, and nobody begins it again
    assert len(ledgers.entries(ledger, "run-1", "0")) == 1
    assert ledgers.states(ledger, "run-1") == {job.id: "succeeded"}
    assert not ledgers.begin(ledger, job)


def test_a_job_that_nobody_recorded_is_neither_run_nor_counted(ledger: Ledger) -> None:
    job = make_job(run="never-submitted")
    assert not ledgers.begin(ledger, job)
    assert ledgers.finish(ledger, make_result(job)) is Taken.UNKNOWN
    assert ledgers.entries(ledger, "never-submitted", "0") == []


def test_a_column_is_added_once(ledger: Ledger) -> None:
    jobs = [make_job(repeat=repeat) for repeat in (1, 2)]
    assert ledger.column("run-1", "p100").add(["p100"], jobs)
    ledgers.begin(ledger, jobs[0])
    assert not ledger.column("run-1", "p100").add(["p100"], jobs)
    assert ledgers.states(ledger, "run-1") == {jobs[0].id: "running", jobs[1].id: "queued"}
    assert ledger.columns("run-1") == {"p100": {"p100"}}


def test_the_log_is_read_from_where_it_was_left(ledger: Ledger) -> None:
    jobs = [make_job(repeat=repeat) for repeat in range(1, 4)]
    ledger.column("run-1", "p100").add(["p100"], jobs)
    ledgers.finish(ledger, make_result(jobs[0]))
    [entry] = ledgers.entries(ledger, "run-1", "0")
    assert (entry.job, entry.text) == (jobs[0].id, make_result(jobs[0]).model_dump_json())
    assert ledger.column("run-1", "p100").log.last() == entry.cursor
    assert ledgers.entries(ledger, "run-1", entry.cursor) == []
    for job in jobs[1:]:
        ledgers.finish(ledger, make_result(job))
    assert len(ledgers.entries(ledger, "run-1", entry.cursor)) == 2


def test_more_jobs_than_one_batch_are_all_recorded(ledger: Ledger) -> None:
    jobs = [make_job(make_cell(batch_size=size)) for size in range(1, 1202)]
    ledger.column("run-1", "p100").add(["p100"], jobs)
    assert ledger.job_count("run-1") == len(ledgers.jobs(ledger, "run-1")) == 1201


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
    ledger.wait_for_result("run-1", {}, REFRESH_SECONDS + 2)
    assert time.monotonic() - began >= REFRESH_SECONDS


def test_waiting_for_a_result_ends_with_it_or_with_the_time(ledger: Ledger) -> None:
    ledger.wait_for_result("run-1", {}, 0.05)
    job = make_job()
    ledger.column("run-1", "p100").add(["p100"], [job])
    ledgers.finish(ledger, make_result(job))
    ledger.wait_for_result("run-1", {}, 60.0)
    # Also when what comes is no text
    last = ledger.column("run-1", "p100").log.last()
    assert last is not None
    ledger.client.xadd("farm:run:run-1:p100:results", {b"result": b"\xff"})
    ledger.wait_for_result("run-1", {"p100": last}, 60.0)


def test_a_job_is_cancelled_once_and_the_workers_hear_of_those_that_run(ledger: Ledger) -> None:
    # Given a job that waits, one that runs, and one that has ended
    waiting, running, ended = jobs = [make_job(repeat=repeat) for repeat in (1, 2, 3)]
    ledger.column("run-1", "p100").add(["p100"], jobs)
    for job in (running, ended):
        ledgers.begin(ledger, job)
    ledgers.finish(ledger, make_result(ended))
    listener = ledger.client.pubsub(  # type: ignore[no-untyped-call]
        ignore_subscribe_messages=True
    )
    listener.subscribe(CANCELLED_CHANNEL)
    listener.get_message(timeout=5)
    # When all are cancelled, twice
    ids = [job.id for job in jobs]
    assert ledger.column("run-1", "p100").cancel(ids) == {
        waiting.id: "queued",
        running.id: "running",
    }
    assert ledger.column("run-1", "p100").cancel(ids) == {}
    # Then the one that runs is told, and a result that arrives later is not taken
    said = listener.get_message(timeout=5)
    assert said is not None
    assert said["data"] == running.id
    assert ledgers.finish(ledger, make_result(running)) is Taken.HAD_ONE
    assert sorted(ledgers.states(ledger, "run-1").values()) == [
        "cancelled",
        "cancelled",
        "succeeded",
    ]
    listener.close()


def test_a_job_is_superseded_once_and_only_when_it_has_ended(ledger: Ledger) -> None:
    job = make_job()
    successor = job.model_copy(update={"retry": 1})
    ledger.column("run-1", "p100").add(["p100"], [job])
    assert not ledger.column_of(successor).supersede(job.id, successor)
    ledgers.finish(ledger, make_result(job))
    assert ledger.column_of(successor).supersede(job.id, successor)
    assert not ledger.column_of(successor).supersede(job.id, successor)
    assert ledgers.states(ledger, "run-1") == {job.id: "superseded", successor.id: "queued"}
    assert (
        ledger.column("run-1", "p100").specs([job.id, successor.id, "nope"])[successor.id]
        == successor
    )
    assert not ledgers.begin(ledger, job)
    assert ledgers.begin(ledger, successor)


def test_nobody_joins_a_run_that_is_closed_or_forgotten(ledger: Ledger) -> None:
    job = make_job()
    assert not ledger.column("run-1", "p100").add(["p100"], [job], open_only=True)
    ledger.create("run-1", "quick", 1.0, "{}")
    assert ledger.close("run-1")
    assert not ledger.close("run-1")
    assert not ledger.column("run-1", "p100").add(["p100"], [job], open_only=True)
    assert ledger.open_runs() == []
    assert ledger.columns("run-1") == {}


def test_a_run_is_forgotten_whole_or_not_at_all(ledger: Ledger) -> None:
    job = make_job()
    ledger.create("run-1", "quick", 1.0, "{}")
    ledger.create("run-10", "other", 1.0, "{}")
    ledger.column("run-1", "p100").add(["p100"], [job])
    ledgers.begin(ledger, job)
    ledger.close("run-1")

    # Given a result that arrives while somebody looks whether the run can go
    def arrives() -> None:
        ledgers.finish(ledger, make_result(job))

    with pytest.raises(redis.WatchError):
        ledger.forget("run-1", "quick", arrives)
    assert len(ledgers.entries(ledger, "run-1", "0")) == 1
    # When nothing changes
    ledger.forget("run-1", "quick")
    # Then nothing of it is left, and everything of the others
    assert sorted(ledger.client.keys("*")) == [
        "farm:hardware",
        "farm:run:run-10",
        "farm:runs",
        "farm:suites",
    ]
    assert (ledger.runs(), ledger.newest("quick")) == (["run-10"], None)


def test_what_is_no_job_keeps_nobody_from_the_others(ledger: Ledger) -> None:
    job = make_job()
    ledger.column("run-1", "p100").add(["p100"], [job])
    ledger.client.hset("farm:run:run-1:p100:jobs", "0" * 16, "{}")
    assert ledgers.jobs(ledger, "run-1") == [job]
    assert ledger.column("run-1", "p100").specs(["0" * 16, job.id]) == {job.id: job}


def test_bytes_that_are_no_text_stop_no_command(ledger: Ledger, redis_url: str) -> None:
    ledger.column("run-1", "p100").add(["p100"], [make_job()])
    with redis.Redis.from_url(redis_url) as raw:
        raw.hset("farm:run:run-1:p100:states", b"\xff\xfe", b"\x80")
    with connect(redis_url) as client:
        assert "\ufffd" in ledgers.states(Ledger(client), "run-1").values()


def test_nobody_supersedes_who_has_lost_the_lock(ledger: Ledger, client: redis.Redis) -> None:
    job = make_job()
    ledger.column("run-1", "p100").add(["p100"], [job])
    ledgers.finish(ledger, make_result(job))
    successor = job.model_copy(update={"retry": 1})
    first, second = (EnqueueLock(client, "run-1", "p100") for _ in range(2))
    assert first.acquire()
    second.take_over()
    assert not ledger.column_of(successor).supersede(job.id, successor, first.token)
    assert ledgers.states(ledger, "run-1") == {job.id: "succeeded"}
    assert ledger.column_of(successor).supersede(job.id, successor, second.token)
    assert ledgers.states(ledger, "run-1") == {job.id: "superseded", successor.id: "queued"}


def test_an_odd_entry_among_the_deliveries_stops_nobody(client: redis.Redis) -> None:
    client.hset("farm:queue:unacked", mapping={"a": "5", "b": "{}", "c": "[]", "d": "no JSON"})
    assert Messages(client, "p100").jobs() == set()
