"""Pruning, on a real Redis: it forgets what the store holds, and never more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.run import Run
from farm.runs.collector import collect, collect_run
from farm.runs.coordinator import Coordinator
from farm.runs.pruning import NotHeldError, done_with, prune, sweep
from farm.runs.retrial import put_back
from farm.runs.withdrawal import withdraw
from farm.store.store import Store
from farm.suite.suite import load
from jobs.spec import JobSpec
from tests import ledgers
from tests.conftest import make_result
from workers.messages import Messages


@pytest.fixture
def coordinator(redis_url: str) -> Coordinator:
    return Coordinator(redis_url)


@pytest.fixture
def store(farm_home: Path) -> Iterator[Store]:
    with Store() as opened:
        yield opened


def submitted(coordinator: Coordinator, folder: Path, hardware: str = "all", jobs: int = 2) -> Run:
    """Submit a suite of so many cells and enlist a p100."""
    sizes = list(range(1, jobs + 1))
    text = f"{{hardware: {hardware}, defaults: {{data: synthetic, repeats: 1}}, "
    (folder / "some.yaml").write_text(f"{text}jobs: [{{workload: mlp, batch_size: {sizes}}}]}}")
    run = coordinator.submit(load(str(folder / "some.yaml")))
    coordinator.enlist("p100", ["p100"])
    return run


def measured(coordinator: Coordinator, *jobs: JobSpec, laps: float = 1.0) -> None:
    """Measure the jobs, as a worker does."""
    for job in jobs:
        ledgers.begin(coordinator.ledger, job)
        ledgers.finish(coordinator.ledger, make_result(job, laps, worker=f"{job.hardware}@host"))
    Messages(coordinator.client, "p100").remove([job.id for job in jobs])


def keys(coordinator: Coordinator) -> list[str]:
    """Return the keys of runs that Redis has."""
    return sorted(coordinator.client.scan_iter("farm:run*"))


def test_a_run_is_forgotten_when_all_of_it_is_held(
    coordinator: Coordinator, store: Store, tmp_path: Path
) -> None:
    run = submitted(coordinator, tmp_path)
    first, second = run.jobs("p100")
    measured(coordinator, first)
    with pytest.raises(NotHeldError, match="1 of its 2 jobs have not ended"):
        prune(coordinator, store, run)
    assert not coordinator.ledger.closed(run.id)
    # Given a job that was measured twice, and one that was cancelled
    [again] = put_back(coordinator, run, {"p100": [first.id]})
    measured(coordinator, again, laps=2.0)
    withdraw(coordinator, run)
    # When it is pruned, with nothing collected before
    assert prune(coordinator, store, run) == 2
    # Then Redis has nothing of it, and the store everything
    assert keys(coordinator) == []
    assert not coordinator.client.exists("farm:suites", "farm:closed")
    assert {result.job.id for result in store.results(run.id)} == {first.id, again.id}
    entries = {entry.job: entry.state for entry in store.entries([run])}
    assert entries == {again.id: "succeeded", second.id: "cancelled"}
    assert coordinator.waits_for(run) is None
    assert collect(coordinator.ledger, store) == 0
    assert collect_run(coordinator.ledger, store, run.id) == 0
    # And whoever enlists late joins nothing, nor does a late result count
    assert coordinator.enlist("t4", ["t4"]) == []
    assert not ledgers.begin(coordinator.ledger, first)
    assert keys(coordinator) == []


def test_what_the_store_lacks_is_read_again_or_stays(
    coordinator: Coordinator, store: Store, tmp_path: Path
) -> None:
    import sqlalchemy as sql

    run = submitted(coordinator, tmp_path)
    measured(coordinator, *run.jobs("p100"))
    collect_run(coordinator.ledger, store, run.id)
    # Given a store that was put back from a copy, and knows of less than it believes
    with store.engine.begin() as connection:
        connection.execute(sql.text("DELETE FROM results"))
    assert list(store.results(run.id)) == []
    # When Redis itself lacks a result that it says it has
    first, _ = ledgers.entries(coordinator.ledger, run.id, "0")
    coordinator.client.xdel(f"farm:run:{run.id}:p100:results", first.cursor)
    # Then the run stays, whole and open
    with pytest.raises(NotHeldError, match="the store lacks the results of 1 jobs"):
        prune(coordinator, store, run)
    assert len(list(store.results(run.id))) == 1
    assert len(ledgers.states(coordinator.ledger, run.id)) == 2
    assert coordinator.ledger.open_runs() == [run.id]


def test_a_retry_at_the_same_moment_keeps_the_run(
    coordinator: Coordinator, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submitted(coordinator, tmp_path)
    jobs = run.jobs("p100")
    measured(coordinator, *jobs)
    original = Store.holding

    def holding(self: Store, name: str, hardware: str) -> object:
        put_back(Coordinator(coordinator.url), run, {"p100": [jobs[0].id]})
        return original(self, name, hardware)

    monkeypatch.setattr(Store, "holding", holding)
    with pytest.raises(NotHeldError):
        prune(coordinator, store, run)
    assert sorted(ledgers.states(coordinator.ledger, run.id).values()) == [
        "queued",
        "succeeded",
        "superseded",
    ]


def test_which_runs_are_done_with(coordinator: Coordinator, store: Store, tmp_path: Path) -> None:
    first = submitted(coordinator, tmp_path)
    assert not done_with(coordinator, first)
    measured(coordinator, *first.jobs("p100"))
    assert not done_with(coordinator, first)  # any hardware may still join it
    named = submitted(coordinator, tmp_path, "[p100, t4]")
    assert done_with(coordinator, first)  # its suite was submitted again
    measured(coordinator, *named.jobs("p100"))
    assert not done_with(coordinator, named)  # a t4 is waited for
    coordinator.ledger.close(named.id)
    assert done_with(coordinator, named)
    alone = submitted(coordinator, tmp_path, "p100")
    measured(coordinator, *alone.jobs("p100"))
    assert done_with(coordinator, alone)  # all that it names is there


def test_a_result_that_could_not_be_read_is_held_as_it_came(
    coordinator: Coordinator, store: Store, tmp_path: Path
) -> None:
    run = submitted(coordinator, tmp_path)
    first, second = run.jobs("p100")
    measured(coordinator, second)
    coordinator.client.xadd(
        f"farm:run:{run.id}:p100:results", {"job": first.id, "result": "rubbish"}
    )
    coordinator.client.hset(f"farm:run:{run.id}:p100:states", first.id, "succeeded")
    assert prune(coordinator, store, run) == 2
    assert [each.text for each in store.unreadable(run.id)] == ["rubbish"]
    assert store.state(first.id) == "failed"


def test_the_memory_returns_to_its_start(
    coordinator: Coordinator, store: Store, tmp_path: Path
) -> None:
    def used() -> int:
        coordinator.client.memory_purge()
        return int(coordinator.client.info("memory")["used_memory"])

    # Given a Redis that has done all of it once, so that its scripts are there
    warm = submitted(coordinator, tmp_path)
    measured(coordinator, *warm.jobs("p100"))
    prune(coordinator, store, warm)
    before = used()
    # When a run of some hundred jobs was measured
    run = submitted(coordinator, tmp_path, jobs=400)
    measured(coordinator, *run.jobs("p100"))
    full = used()
    assert full - before > 400_000
    assert prune(coordinator, store, run) == 400
    # Then nothing of it is left
    assert used() - before < (full - before) / 20


def test_what_nobody_needs_is_swept(coordinator: Coordinator, tmp_path: Path) -> None:
    run = submitted(coordinator, tmp_path)
    client = coordinator.client
    client.set("farm:run:gone-1:p100:lock", "1")
    client.set("farm:run:gone-1:p100:enqueued", "1")
    coordinator.enqueue_lock(run.id, "t4").acquire()
    assert sweep(coordinator) == 0
    assert client.exists("farm:run:gone-1:p100:lock", "farm:run:gone-1:p100:enqueued") == 0
    assert client.exists(f"farm:run:{run.id}:t4:lock", f"farm:run:{run.id}:p100:enqueued") == 2


def test_whoever_is_interrupted_leaves_the_run_open(
    coordinator: Coordinator, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submitted(coordinator, tmp_path)
    measured(coordinator, *run.jobs("p100"))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "holding", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prune(coordinator, store, run)
    assert not coordinator.ledger.closed(run.id)
