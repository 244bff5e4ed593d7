"""An invited machine that wants to harm others, at a real Redis: it harms its own cells alone."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from farm.doctor.jobs import checks
from farm.redis import invitation
from farm.run import Run
from farm.runs.collector import collect
from farm.runs.coordinator import Coordinator
from farm.runs.pruning import NotHeldError, prune
from farm.runs.resumption import resume
from farm.runs.retrial import put_back
from farm.runs.withdrawal import withdraw
from farm.store.store import Store
from farm.store.unreadable import MOST_UNREADABLE
from farm.suite.suite import load
from tests import ledgers
from tests.conftest import make_result
from tests.integration.invited import MINE, THEIRS
from tests.integration.run_samples import WORKER as RECORD
from tests.integration.run_samples import failed, lost
from workers import keys
from workers.column import Column
from workers.ledger import Ledger
from workers.messages import Messages
from workers.result_log import LogEntry, ResultLog


def test_lies_in_its_own_keys_change_no_other_cell(
    coordinator: Coordinator, run: Run, invited: redis.Redis
) -> None:
    # Given one result of each, and an invited worker that writes into its own keys all that it can
    mine, theirs = run.jobs(MINE), run.jobs(THEIRS)
    ledgers.finish(coordinator.ledger, make_result(mine[0], worker=f"{MINE}@host"))
    ledgers.finish(coordinator.ledger, make_result(theirs[0], worker=f"{THEIRS}@host"))
    own = coordinator.ledger.column(run.id, MINE)
    for job in theirs:
        invited.hset(own.key("jobs"), job.id, job.model_dump_json())
        invited.hset(own.key("states"), job.id, "cancelled")
        lie = make_result(job, lap_seconds=0.001, worker=f"{THEIRS}@host").model_dump_json()
        invited.xadd(own.key("results"), {"job": job.id, "result": lie})
    disguised = make_result(theirs[1], lap_seconds=0.001, worker=f"{MINE}@host").model_copy(
        update={"job": mine[1]}
    )
    invited.xadd(own.key("results"), {"job": theirs[1].id, "result": disguised.model_dump_json()})
    record = RECORD.model_copy(update={"name": "p100@host-1", "hardware": THEIRS, "seen_at": 9e9})
    invited.hset(keys.workers(MINE), record.name, record.model_dump_json())
    # When all is collected
    with Store() as store:
        collect(coordinator.ledger, store)
        rows = {row.id: row for row in store.job_rows(run.id)}
        results = {result.job.id: result for result in store.results(run.id)}
    # Then the other's cells are as its own workers left them
    assert {rows[job.id].state for job in theirs[1:]} == {"queued"}
    assert rows[theirs[0].id].state == "succeeded"
    assert {rows[job.id].hardware for job in theirs} == {THEIRS}
    assert set(results) & {job.id for job in theirs} == {theirs[0].id}
    assert results[theirs[0].id] == make_result(theirs[0], worker=f"{THEIRS}@host")
    assert [each for each in coordinator.registry.present() if each.hardware == THEIRS] == []


@pytest.mark.parametrize("part", ["jobs", "states", "results"])
def test_what_it_damages_of_its_own_stops_nobody(
    coordinator: Coordinator, run: Run, invited: redis.Redis, part: str
) -> None:
    theirs = run.jobs(THEIRS)[0]
    own = coordinator.ledger.column(run.id, MINE)
    invited.delete(own.key(part))
    invited.set(own.key(part), "x")
    ledgers.finish(coordinator.ledger, make_result(theirs, worker=f"{THEIRS}@host"))
    with Store() as store:
        assert collect(coordinator.ledger, store) == 1
    coordinator.ledger.wait_for_result(run.id, {}, 0.1)
    # And others' jobs can be resumed and cancelled, and doctor goes on
    assert resume(coordinator, run).enqueued[THEIRS] == 0
    assert withdraw(coordinator, run)["queued"] >= 5
    assert all(check.detail for check in checks(coordinator.url, coordinator.client))


def test_who_hinders_everybody_hinders_nobody_else(
    coordinator: Coordinator, run: Run, invited: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an invited worker that holds its own lock for good, and has other things for a queue,
    # for what its workers say, and for the jobs of a run that is submitted next
    monkeypatch.setattr("farm.runs.resumption.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("farm.runs.retrial.PATIENCE_SECONDS", 0.2)
    for hardware in (MINE, THEIRS):
        record = {"name": f"{hardware}@host-1", "hardware": hardware, "tags": (hardware,)}
        coordinator.registry.beat(RECORD.model_copy(update=record))
    own = coordinator.ledger.column(run.id, MINE)
    invited.set(own.key("lock"), "mine")
    failed(coordinator, run.jobs(THEIRS)[0])
    lost(coordinator, THEIRS, 2)
    # Then others' jobs are resumed and retried, and what was left is told
    done = resume(coordinator, run)
    assert done.enqueued == {THEIRS: 2}
    assert ["t4" in problem for problem in done.problems] == [True]
    ids = {MINE: [run.jobs(MINE)[0].id], THEIRS: [run.jobs(THEIRS)[0].id]}
    ledgers.finish(coordinator.ledger, make_result(run.jobs(MINE)[0], worker=f"{MINE}@host"))
    assert [job.hardware for job in put_back(coordinator, run, ids)] == [THEIRS]
    # And a run can be submitted, and is for whoever is here
    for key in (keys.queue(MINE), keys.workers(MINE)):
        invited.delete(key)
        invited.set(key, "x")
    assert [each.hardware for each in coordinator.registry.present()] == [THEIRS]
    assert coordinator.registry.unreadable() == [(MINE, f"{MINE}@unknown")]
    second = coordinator.submit(load("quick"))
    assert MINE not in coordinator.ledger.columns(second.id)
    coordinator.enlist(MINE, [MINE])
    assert coordinator.enlist(THEIRS, [THEIRS]) == []
    assert len(Messages(coordinator.client, THEIRS).jobs()) >= len(second.jobs(THEIRS))


def test_a_run_that_it_has_damaged_is_pruned_once_that_is_given_up(
    coordinator: Coordinator, run: Run, invited: redis.Redis
) -> None:
    column = coordinator.ledger.column(run.id, MINE)
    invited.delete(column.key("states"))
    invited.set(column.key("states"), "x")
    withdraw(coordinator, run)
    with Store() as store:
        with pytest.raises(NotHeldError, match=f"{MINE}: what Redis has of it is damaged") as told:
            prune(coordinator, store, run)
        command = str(told.value).split("`redis-cli ")[1].split("`")[0]
        coordinator.client.execute_command(*command.split())
        assert prune(coordinator, store, run) == 0
    assert coordinator.ledger.columns(run.id) == {}


def test_what_one_entry_says_of_its_time_ends_no_collecting(
    coordinator: Coordinator, run: Run, invited: redis.Redis
) -> None:
    own, mine = coordinator.ledger.column(run.id, MINE), run.jobs(MINE)[0]
    invited.hset(own.key("states"), mine.id, "failed")
    invited.xadd(own.key("results"), {"job": mine.id, "result": "x"}, id="1844674407370955161-0")
    with Store() as store:
        assert collect(coordinator.ledger, store) == 1
        assert len(store.unreadable(run.id)) == 1


def test_a_log_that_never_ends_is_read_as_far_as_it_went(
    coordinator: Coordinator, run: Run, invited: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a log that grows whenever it is read
    own, theirs = coordinator.ledger.column(run.id, MINE), run.jobs(THEIRS)[0]
    after = ResultLog.after

    def grows(log: ResultLog, cursor: str) -> list[LogEntry]:
        for _ in range(400):
            invited.xadd(own.key("results"), {"job": "x", "result": "y"}, maxlen=2_000)
        return after(log, cursor)

    monkeypatch.setattr(ResultLog, "after", grows)
    invited.xadd(own.key("results"), {"job": "x", "result": "y"})
    ledgers.finish(coordinator.ledger, make_result(theirs, worker=f"{THEIRS}@host"))
    with Store() as store:
        for _ in range(4):
            collect(coordinator.ledger, store)
        # Then others are collected, and no more of it is kept than anybody would read
        assert [result.job.id for result in store.results(run.id)] == [theirs.id]
        assert len(store.unreadable(run.id)) == MOST_UNREADABLE


@pytest.mark.parametrize("how", ["said to have ended", "no state", "no column"])
def test_nobody_waits_for_ever_for_a_job_that_it_hides(
    coordinator: Coordinator, run: Run, invited: redis.Redis, how: str
) -> None:
    own, mine = coordinator.ledger.column(run.id, MINE), run.jobs(MINE)
    with Store() as store:
        collect(coordinator.ledger, store)
        if how == "said to have ended":
            invited.hset(
                own.key("states"), mapping=dict.fromkeys((j.id for j in mine), "succeeded")
            )
        else:
            invited.delete(own.key("states" if how == "no state" else "tags"))
        withdraw(coordinator, run)
        collect(coordinator.ledger, store)
        states = {row.state for row in store.job_rows(run.id) if row.hardware == MINE}
        assert states == {"failed" if how == "said to have ended" else "cancelled"}


def test_a_cancellation_that_names_anothers_job_stops_it_not(
    coordinator: Coordinator, run: Run, invited: redis.Redis
) -> None:
    theirs = run.jobs(THEIRS)[0]
    ledgers.begin(coordinator.ledger, theirs)
    own = coordinator.ledger.column(run.id, MINE)
    invited.hset(own.key("states"), theirs.id, "running")
    withdraw(coordinator, run, [MINE])
    assert ledgers.state(coordinator.ledger, theirs) == "running"


def test_it_is_selected_by_the_tags_of_its_invitation_alone(
    coordinator: Coordinator, run: Run, invited: redis.Redis, tmp_path: Path
) -> None:
    # Given a suite for hardware that has not come, and an invited worker that says it is that
    path = tmp_path / "v100.yaml"
    job = "{workload: mlp, batch_size: [32], data: synthetic}"
    path.write_text(f"{{hardware: [v100, {THEIRS}], jobs: [{job}]}}")
    second = coordinator.submit(load(str(path)))
    coordinator.enlist(THEIRS, [THEIRS])
    assert coordinator.enlist(MINE, [MINE, "v100"]) == []
    # When it writes itself a column all the same
    own = Ledger(invited).column(second.id, MINE)
    assert own.add([MINE, "v100"], second.jobs(MINE))
    own.finish(make_result(second.jobs(MINE)[0], worker=f"{MINE}@host"))
    # Then it is not collected, and the other is waited for
    with Store() as store:
        collect(coordinator.ledger, store)
        assert {row.hardware for row in store.job_rows(second.id)} == {THEIRS}
    assert coordinator.waits_for(second) == "v100"
    # And where it was invited by that tag, it may join
    invitation.invite(MINE, coordinator.url, ["v100"])
    invited.delete(own.key("tags"))
    assert [each.id for each in coordinator.enlist(MINE, [MINE])] == [second.id]
    assert coordinator.waits_for(second) is None


def test_states_of_jobs_that_are_none_keep_no_run_from_being_pruned(
    coordinator: Coordinator, run: Run, invited: redis.Redis
) -> None:
    own = coordinator.ledger.column(run.id, MINE)
    invited.hset(own.key("states"), "zzz", "cancelled")
    for number in range(1_200):
        invited.set(own.key(f"junk-{number}"), "x")
    withdraw(coordinator, run)
    with Store() as store:
        assert prune(coordinator, store, run) == 0
    assert coordinator.client.keys(f"farm:run:{run.id}*") == []


def test_a_column_that_never_keeps_still_is_left_to_others(
    coordinator: Coordinator, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changes(*_: object, **__: object) -> bool:
        raise redis.WatchError

    monkeypatch.setattr(Column, "_add", changes)
    assert not coordinator.ledger.column(run.id, "k80").add(["k80"], run.jobs("k80"))


def test_a_column_that_nobody_asked_for_keeps_no_run_from_being_pruned(
    coordinator: Coordinator, run: Run, invited: redis.Redis, tmp_path: Path
) -> None:
    path = tmp_path / "others.yaml"
    job = "{workload: mlp, batch_size: [32], data: synthetic}"
    path.write_text(f"{{hardware: [{THEIRS}], jobs: [{job}]}}")
    second = coordinator.submit(load(str(path)))
    coordinator.enlist(THEIRS, [THEIRS])
    assert Ledger(invited).column(second.id, MINE).add([THEIRS], second.jobs(MINE))
    withdraw(coordinator, second, [THEIRS])
    with Store() as store:
        assert prune(coordinator, store, second) == 0


def test_whoever_is_invited_later_keeps_what_it_has_joined(
    coordinator: Coordinator, tmp_path: Path
) -> None:
    # Given hardware that joined by a tag that it said of itself, and has measured
    path = tmp_path / "tagged.yaml"
    job = "{workload: mlp, batch_size: [32], data: synthetic}"
    path.write_text(f"{{hardware: [nvidia], jobs: [{job}]}}")
    tagged = coordinator.submit(load(str(path)))
    coordinator.enlist("v100", ["v100", "nvidia"])
    ledgers.finish(coordinator.ledger, make_result(tagged.jobs("v100")[0], worker="v100@host"))
    # When it is invited, by another tag, and once more
    for tags in (["lab"], []):
        invitation.invite("v100", coordinator.url, tags)
    # Then its result is collected all the same
    assert coordinator.ledger.tags("v100", []) == {"v100", "nvidia", "lab"}
    with Store() as store:
        assert collect(coordinator.ledger, store) == 1
