"""An invited machine, at a real Redis: it does its work, and can change nothing of others'."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from farm.redis import connection_file, passwords
from farm.redis.access import WORKER
from farm.redis.server import Server
from farm.run import Run
from farm.runs.coordinator import Coordinator
from farm.suite.suite import load
from tests import ledgers
from tests.conftest import make_result
from tests.integration.invited import MINE, THEIRS
from workers import keys
from workers.column import Taken
from workers.enqueue_lock import EnqueueLock
from workers.ledger import Ledger
from workers.messages import Messages
from workers.outbox import Outbox

Command = tuple[str | float, ...]
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
