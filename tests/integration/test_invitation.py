"""An invited machine, at a real Redis: it does its work, and can change nothing of others'."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from farm.doctor.jobs import checks
from farm.redis import broker, connection_file, invitation, passwords
from farm.redis.access import WORKER, users
from farm.redis.server import Server
from farm.run import Run
from farm.runs.collector import collect
from farm.runs.coordinator import Coordinator
from farm.runs.resumption import resume
from farm.runs.withdrawal import withdraw
from farm.store.store import Store
from farm.suite.suite import load
from jobs.errors import BrokerDownError, BrokerError, UnknownNameError
from tests import ledgers, ports
from tests.conftest import make_result
from tests.integration.run_samples import WORKER as RECORD
from workers import keys
from workers.client import connect, hardware_of
from workers.column import Taken
from workers.enqueue_lock import EnqueueLock
from workers.ledger import Ledger
from workers.messages import Messages
from workers.outbox import Outbox

Command = tuple[str | float, ...]
MINE, THEIRS = "t4", "p100"  # the other one is collected first, so that a lie would come last
# What would spoil another hardware's cells, or the runs as a whole; R stands for the run.
SPOILING: dict[str, Command] = {
    "ending its jobs": ("HSET", "farm:run:R:p100:states", "job", "failed"),
    "forgetting its states": ("DEL", "farm:run:R:p100:states"),
    "handing in its results": ("XADD", "farm:run:R:p100:results", "*", "job", "x", "result", "{}"),
    "forgetting its results": ("DEL", "farm:run:R:p100:results"),
    "overwriting its results": ("SET", "farm:run:R:p100:results", "x"),
    "changing its jobs": ("HSET", "farm:run:R:p100:jobs", "job", "{}"),
    "counting its attempts": ("HINCRBY", "farm:run:R:p100:attempts", "job", 3),
    "joining the run for it": ("SET", "farm:run:R:p100:tags", "[]"),
    "saying that its jobs are sent": ("SET", "farm:run:R:p100:enqueued", "1"),
    "taking its lock": ("SET", "farm:run:R:p100:lock", "me"),
    "taking its messages": ("RPOP", "farm:queue:hardware.p100"),
    "sending it messages": ("LPUSH", "farm:queue:hardware.p100", "{}"),
    "taking them out of its hands": ("DEL", "farm:queue:hardware.p100:unacked"),
    "prolonging its leases": ("ZADD", "farm:queue:hardware.p100:unacked_index", 9e9, "tag"),
    "speaking for its workers": ("HSET", "farm:workers:p100", "p100@host-1", "{}"),
    "forgetting its workers": ("HDEL", "farm:workers:p100", "p100@host-1"),
    "the name beside one's own": ("HSET", "farm:workers:t4x", "t4x@host-1", "{}"),
    "a queue that begins alike": ("LPUSH", "farm:queue:hardware.t4x", "{}"),
    "inventing hardware": ("SADD", "farm:hardware", "k80"),
    "forgetting hardware": ("SREM", "farm:hardware", "p100"),
    "changing the manifest": ("SET", "farm:run:R", "{}"),
    "deleting the run": ("DEL", "farm:run:R"),
    "recording a run": ("ZADD", "farm:runs", 1, "r"),
    "naming a suite's newest run": ("HSET", "farm:suites", "quick", "r"),
    "closing a run": ("SADD", "farm:closed", "R"),
    "telling workers of a cancellation": ("PUBLISH", "farm:cancelled", "job"),
    "reading what is not the farm's": ("GET", "elsewhere"),
    "listening elsewhere": ("SUBSCRIBE", "farm:elsewhere"),
    "letting somebody in": ("ACL", "SETUSER", "me", "on", "nopass", "~*", "+@all"),
    "emptying everything": ("FLUSHALL",),
}


@pytest.fixture
def server(farm_home: Path) -> Iterator[Server]:
    yield broker.start(port=ports.free())  # nobody takes it while Redis is away
    broker.stop()


@pytest.fixture
def coordinator(server: Server) -> Coordinator:
    return Coordinator(server.local_url)


@pytest.fixture
def run(coordinator: Coordinator, tmp_path: Path) -> Run:
    """A run of six jobs on each of t4, which is invited, and p100."""
    path = tmp_path / "some.yaml"
    path.write_text("jobs: [{workload: mlp, batch_size: [32, 64], data: synthetic}]")
    run = coordinator.submit(load(str(path)))
    for hardware in (MINE, THEIRS):
        coordinator.enlist(hardware, [hardware])
    return run


@pytest.fixture
def invited(server: Server) -> Iterator[redis.Redis]:
    """A client with the line of the invited t4."""
    file, remember = invitation.invite(MINE, server.local_url)
    assert remember is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    line = connection_file.read(f"@{file}")
    assert hardware_of(line) == MINE
    with connect(line) as client:
        yield client


@pytest.mark.parametrize("what", SPOILING)
def test_what_would_spoil_others_cells_is_refused(
    run: Run, invited: redis.Redis, what: str
) -> None:
    said = [run.id if part == "R" else str(part) for part in SPOILING[what]]
    command = [part.replace(":R", f":{run.id}") for part in said]
    with pytest.raises(NoPermissionError):
        invited.execute_command(*command)
    with pytest.raises(redis.ResponseError, match=r"(?i)permission|not allowed|can't (run|access)"):
        invited.eval("return redis.call(unpack(ARGV))", 0, *command)


def test_it_does_its_own_work(
    server: Server, coordinator: Coordinator, run: Run, invited: redis.Redis
) -> None:
    mine = Coordinator(connection_file.read(f"@{passwords.url_file(f'{WORKER}.{MINE}')}"))
    mine.enlist_present()  # as `farm watch` does
    # When a run is submitted that it joins by itself, and it measures and hands in
    second = coordinator.submit(load("quick"))
    assert [each.id for each in mine.enlist(MINE, [MINE])] == [second.id]
    job = second.jobs(MINE)[0]
    column = Ledger(invited).column_of(job)
    assert column.begin(job) == 1
    assert column.release(job)
    assert column.begin(job) == 1
    assert column.finish(make_result(job, worker=f"{MINE}@host")) is Taken.YES
    assert EnqueueLock(invited, second.id, MINE).done_before()
    assert Messages(invited, MINE).remove([job.id]) == 1
    with invited.pubsub() as channel:
        channel.subscribe(keys.CANCELLED_CHANNEL)
        assert channel.get_message(timeout=5)
    # Then the farm has it, and Redis has refused nothing
    assert ledgers.state(coordinator.ledger, job) == "succeeded"
    assert coordinator.client.execute_command("ACL", "LOG") == []


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


def test_results_of_other_hardware_wait_in_an_outbox_and_hold_up_none(
    coordinator: Coordinator, run: Run, invited: redis.Redis, tmp_path: Path
) -> None:
    # Given a folder in which a worker of another name, on the same machine, has left a result
    outbox = Outbox(tmp_path / "outbox")
    mine, theirs = run.jobs(MINE)[0], run.jobs(THEIRS)[0]
    outbox.keep(make_result(theirs, worker=f"{THEIRS}@host"))
    outbox.keep(make_result(mine, worker=f"{MINE}@host"))
    outbox.deliver_once(Ledger(invited))
    assert ledgers.state(coordinator.ledger, mine) == "succeeded"
    assert ledgers.state(coordinator.ledger, theirs) == "queued"
    outbox.deliver_once(coordinator.ledger)
    assert ledgers.state(coordinator.ledger, theirs) == "succeeded"


def test_an_invitation_outlives_redis_until_it_is_revoked(server: Server) -> None:
    file, _ = invitation.invite(MINE, server.local_url)
    text = file.read_text()
    assert invitation.invite(MINE, server.local_url)[0].read_text() == text
    broker.stop()
    again = broker.start(port=server.port)
    connect(connection_file.read(f"@{file}")).close()
    # When it is revoked, who is connected is thrown out, and nobody gets in by the old line
    line = connection_file.read(f"@{file}")
    connected = redis.Redis.from_url(line)
    assert connected.ping()
    with pytest.raises(UnknownNameError, match="there is no invited hardware 'p100'"):
        invitation.revoke([MINE, THEIRS], again.local_url)
    invitation.revoke([MINE], again.local_url)
    with pytest.raises(redis.ConnectionError):  # which says so, or that it is not let in again
        connected.ping()
    with pytest.raises(BrokerDownError, match="refuses the user or password"):
        connect(line)
    assert passwords.invited() == []
    assert not file.exists()


def test_a_redis_of_ones_own_is_told_what_to_remember(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a Redis that this FARM_HOME has not started, and that has no file for its users
    line = server.local_url
    with monkeypatch.context() as patch:
        patch.setenv("FARM_HOME", str(tmp_path / "elsewhere"))
        file, remember = invitation.invite(MINE, line)
        connect(connection_file.read(f"@{file}")).close()
    assert remember is not None
    assert remember.startswith(f"user {WORKER}.{MINE} on #")
    password = connection_file.read(f"@{file}").split(":")[2].split("@")[0]
    assert password not in remember


def test_who_was_not_let_in_after_all_is_not_invited(server: Server) -> None:
    broker.stop()
    with pytest.raises(BrokerDownError):
        invitation.invite(MINE, server.local_url)
    assert passwords.invited() == []
    broker.start()


def test_a_redis_that_cannot_keep_it_to_its_own_is_refused() -> None:
    with pytest.raises(BrokerError, match=r"Redis 6\.2\.14.*Redis 7 or later, or any Valkey"):
        users((6, 2, 14), {f"{WORKER}.{MINE}": "x" * 32})
