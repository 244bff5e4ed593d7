"""Cancel, retry and resume, on a real Redis: each job has one message, whoever types what when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from farm.run import Run
from farm.runs.collector import collect_run
from farm.runs.coordinator import Coordinator
from farm.runs.enqueuer import LockLostError
from farm.runs.resumption import resume
from farm.runs.retrial import Wanted, choose, put_back
from farm.runs.withdrawal import withdraw
from farm.store.store import Store
from farm.suite.suite import Suite, load
from jobs.errors import BrokerDownError, UnknownNameError
from tests import ledgers
from tests.integration.run_samples import FAILURE, WORKER, failed, lost, messages, retried, taken
from workers import keys


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    return Coordinator(redis_url)


@pytest.fixture
def store(farm_home: Path) -> Iterator[Store]:
    with Store() as opened:
        yield opened


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "some.yaml"
    path.write_text("jobs: [{workload: mlp, batch_size: [32, 64], data: synthetic}]")
    return load(str(path))


@pytest.fixture
def run(coordinator: Coordinator, suite: Suite) -> Run:
    """A run of six jobs on each of p100 and t4, all of them in the queues."""
    run = coordinator.submit(suite)
    coordinator.enlist("p100", ["p100"])
    coordinator.enlist("t4", ["t4"])
    return run


def test_cancelling_empties_the_queues_of_this_run_alone(
    coordinator: Coordinator, suite: Suite, run: Run
) -> None:
    # Given another run in the same queues, a job that runs, and one that has ended
    other = coordinator.submit(suite)
    coordinator.enlist("p100", ["p100"])
    running, ended, *_ = run.jobs("p100")
    ledgers.begin(coordinator.ledger, running)
    failed(coordinator, ended)
    # When the run is cancelled
    assert withdraw(coordinator, run) == {"queued": 10, "running": 1}
    # Then its messages are gone, and the other's are all there, in their order
    assert set(messages(coordinator, "p100")) == {job.id for job in other.jobs("p100")}
    assert messages(coordinator, "t4") == {}
    states = Counter(ledgers.states(coordinator.ledger, run.id).values())
    assert states == {"cancelled": 11, "failed": 1}
    # And a second time there is nothing left, and nobody joins
    assert withdraw(coordinator, run) == {"queued": 0, "running": 0}
    assert withdraw(coordinator, other) == {"queued": 6, "running": 0}
    assert coordinator.enlist("m2", ["m2"]) == []
    assert coordinator.waits_for(other) is None


def test_a_column_is_cancelled_alone(coordinator: Coordinator, run: Run) -> None:
    assert withdraw(coordinator, run, ["p100"]) == {"queued": 6, "running": 0}
    assert messages(coordinator, "p100") == {}
    assert len(messages(coordinator, "t4")) == 6
    assert [each.id for each in coordinator.enlist("m2", ["m2"])] == [run.id]
    with pytest.raises(UnknownNameError, match="'p10' \\(did you mean 'p100'"):
        withdraw(coordinator, run, ["p10"])


def test_whoever_enqueues_while_a_run_is_cancelled_stops(
    coordinator: Coordinator, run: Run
) -> None:
    lock = coordinator.enqueue_lock(run.id, "p100")
    assert lock.acquire()
    withdraw(coordinator, run)
    with pytest.raises(LockLostError, match=f"`farm resume {run.id}` completes"):
        coordinator.enqueuer.send(lock, run.jobs("p100"), [])
    assert messages(coordinator, "p100") == {}
    assert not lock.release(all_enqueued=True)


def test_resuming_sends_what_is_missing_and_nothing_else(
    coordinator: Coordinator, run: Run
) -> None:
    # Given messages that Redis lost, one in the hands of a worker that died, and one job ended
    delivered = taken(coordinator, "p100")
    failed(coordinator, next(job for job in run.jobs("p100") if job.id != delivered))
    lost(coordinator, "p100", 2)
    lost(coordinator, "t4", 6)
    # When it is resumed by several at once, and once more
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: resume(Coordinator(coordinator.url), run), range(4)))
    assert sum(each.enqueued["p100"] for each in done) == 2
    assert sum(each.enqueued["t4"] for each in done) == 6
    assert resume(coordinator, run).enqueued == {"p100": 0, "t4": 0}
    # Then each open job has one message
    states = ledgers.states(coordinator.ledger, run.id)
    for hardware in ("p100", "t4"):
        still = {job.id for job in run.jobs(hardware) if states[job.id] == "queued"}
        held = {delivered} if hardware == "p100" else set()
        assert messages(coordinator, hardware) == dict.fromkeys(still | held, 1)
    assert Counter(states.values()) == {"queued": 11, "failed": 1}


def test_a_run_that_nobody_was_enlisted_in_is_completed(coordinator: Coordinator, run: Run) -> None:
    # Given a submitter that died after the run was recorded, and one after a column was
    hardware = WORKER.model_copy(update={"hardware": "m2", "tags": ("m2",)})
    coordinator.registry.beat(hardware)
    jobs = run.jobs("k80")
    assert coordinator.ledger.column(run.id, "k80").add(["k80"], jobs, open_only=True)
    # When it is resumed
    done = resume(coordinator, run)
    # Then who is here joins, and the column is enqueued
    assert done.joined == ("m2",)
    assert done.enqueued == {"k80": 6, "p100": 0, "t4": 0}
    for name in ("m2", "k80"):
        assert messages(coordinator, name) == dict.fromkeys((j.id for j in run.jobs(name)), 1)
    # But nobody joins a run that was closed
    coordinator.ledger.close(run.id)
    coordinator.registry.beat(hardware.model_copy(update={"hardware": "m3", "name": "m3@host-1"}))
    assert resume(coordinator, run).joined == ()


def test_a_redis_that_takes_no_messages_says_what_to_do_next(
    coordinator: Coordinator, run: Run
) -> None:
    lost(coordinator, "p100", 6)
    lock = coordinator.enqueue_lock(run.id, "p100")
    lock.acquire()
    coordinator.client.config_set("maxmemory", 1)
    with pytest.raises(BrokerDownError, match=f"maxmemory.*`farm resume {run.id}` sends those"):
        coordinator.enqueuer.send(lock, run.jobs("p100"), [])
    coordinator.client.config_set("maxmemory", 0)
    lock.release()
    assert resume(coordinator, run).enqueued == {"p100": 6, "t4": 0}


def test_a_submission_to_a_full_redis_records_nothing(
    coordinator: Coordinator, suite: Suite
) -> None:
    coordinator.client.config_set("maxmemory", 1)
    with pytest.raises(BrokerDownError, match="maxmemory"):
        coordinator.submit(suite)
    coordinator.client.config_set("maxmemory", 0)
    assert coordinator.ledger.runs() == []


def test_a_job_that_runs_nowhere_is_queued_again(coordinator: Coordinator, run: Run) -> None:
    delivered = taken(coordinator, "p100")
    [job] = (each for each in run.jobs("p100") if each.id == delivered)
    ledgers.begin(coordinator.ledger, job)
    assert resume(coordinator, run).enqueued["p100"] == 0
    coordinator.client.delete(keys.unacked("p100"), keys.unacked_index("p100"))
    assert resume(coordinator, run).enqueued["p100"] == 1
    assert ledgers.state(coordinator.ledger, job) == "queued"
    assert messages(coordinator, "p100")[job.id] == 1


def test_resuming_waits_for_whoever_is_at_it(coordinator: Coordinator, run: Run) -> None:
    lost(coordinator, "p100", 6)
    lock = coordinator.enqueue_lock(run.id, "p100")
    lock.seconds = 1.0  # whoever has it has died
    lock.acquire()
    assert resume(coordinator, run).enqueued["p100"] == 6
    assert not lock.extend()


def test_two_who_retry_at_once_put_each_job_back_once(
    coordinator: Coordinator, store: Store, run: Run
) -> None:
    # Given four jobs that failed
    jobs = run.jobs("p100")[:4]
    for job in jobs:
        failed(coordinator, job)
    collect_run(coordinator.ledger, store, run.id)
    ids = [entry.job for entry in choose(store.entries([run]), Wanted())]
    assert sorted(ids) == sorted(job.id for job in jobs)
    # When three people retry them
    with ThreadPoolExecutor(3) as pool:
        who = (Coordinator(coordinator.url) for _ in range(3))
        asked = pool.map(lambda each: put_back(each, run, {"p100": ids}), who)
        new = [job for done in asked for job in done]
    # Then there is one successor of each, with one message, in the order of the run
    assert len(new) == len({job.id for job in new}) == 4
    assert {job.retry for job in new} == {1}
    assert max(messages(coordinator, "p100").values()) == 1
    assert [job.model_copy(update={"retry": 0}) for job in new] == jobs
    # And a second retry of what failed again counts on
    failed(coordinator, new[0])
    [last] = retried(coordinator, store, run)
    assert last == jobs[0].model_copy(update={"retry": 2})
    collect_run(coordinator.ledger, store, run.id)
    rows = {row.id: row for row in store.job_rows(run.id)}
    assert len(rows) == 12
    assert rows[last.id].retry == 2
    assert {job.id for job in jobs}.isdisjoint(rows)
    assert [result.error for result in store.result(jobs[0].id)] == [FAILURE]


def test_a_retry_that_dies_before_it_has_sent_is_resumed(
    coordinator: Coordinator, store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(coordinator, run.jobs("p100")[0])

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("farm.runs.enqueuer.Enqueuer.send", die)
        with pytest.raises(KeyboardInterrupt):
            retried(coordinator, store, run)
    assert len(messages(coordinator, "p100")) == 5
    assert resume(coordinator, run).enqueued == {"p100": 1, "t4": 0}
    assert max(messages(coordinator, "p100").values()) == 1


def test_what_was_cancelled_is_put_back_and_the_run_stays_closed(
    coordinator: Coordinator, store: Store, run: Run
) -> None:
    withdraw(coordinator, run)
    assert len(retried(coordinator, store, run)) == 12
    counted = Counter(ledgers.states(coordinator.ledger, run.id).values())
    assert counted == {"superseded": 12, "queued": 12}
    assert coordinator.enlist("m2", ["m2"]) == []
    assert withdraw(coordinator, run) == {"queued": 12, "running": 0}
