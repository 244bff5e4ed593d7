"""Ledger: what Redis knows of runs: their jobs, each job's state, and the log of results.

Keys, all below `farm:run:{run}`: the manifest (a string), `:jobs` (id → JobSpec), `:states`
(id → state), `:columns` (the hardware that has jobs → its tags), `:enqueued` (the hardware whose
jobs are all in its queue), `:attempts` (id → how often a worker has begun it) and `:results` (a
stream, one entry a result). `farm:runs` orders the runs by creation, `farm:suites` names the newest
run of each suite, `farm:closed` is the set of those that no hardware joins any more, and on the
channel `farm:cancelled` the ids of jobs are told that were cancelled while they ran.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jobs.result import Result
from jobs.spec import JobSpec

if TYPE_CHECKING:
    import redis

T = TypeVar("T")
QUEUED, RUNNING = "queued", "running"
OPEN = (QUEUED, RUNNING)  # the states of a job that has not ended
CANCELLED = "cancelled"
SUPERSEDED = "superseded"  # it had ended, and another job was asked for in its place
CANCELLED_CHANNEL = "farm:cancelled"
BATCH = 500
ENQUEUE_SECONDS = 60

# A job that has ended stays ended: a message delivered twice is neither run nor counted again.
_BEGIN = """
local state = redis.call('HGET', KEYS[1], ARGV[1])
if state ~= 'queued' and state ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'running')
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
"""
_RELEASE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'queued')
redis.call('HINCRBY', KEYS[2], ARGV[1], -1)
return 1
"""
_CANCEL = """
local cancelled = {}
for _, job in ipairs(ARGV) do
  local state = redis.call('HGET', KEYS[1], job)
  if state == 'queued' or state == 'running' then
    redis.call('HSET', KEYS[1], job, 'cancelled')
    cancelled[#cancelled + 1] = job
    if state == 'running' then redis.call('PUBLISH', KEYS[2], job) end
  end
end
return cancelled
"""
_SUPERSEDE = """
local state = redis.call('HGET', KEYS[1], ARGV[1])
if not state or state == 'queued' or state == 'running' or state == 'superseded' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'superseded', ARGV[2], 'queued')
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
"""
_FINISH = """
local state = redis.call('HGET', KEYS[1], ARGV[1])
if not state then return -1 end
if state ~= 'queued' and state ~= 'running' then return 0 end
redis.call('XADD', KEYS[2], '*', 'result', ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""


class Taken(Enum):
    """What Redis did with a result."""

    YES = 1
    HAD_ONE = 0  # the job has ended already
    UNKNOWN = -1  # no such job is recorded here: perhaps it belongs to another Redis


class Ledger:
    """The runs in one Redis; every method is atomic, or safe to repeat."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._begin = client.register_script(_BEGIN)
        self._finish = client.register_script(_FINISH)
        self._release = client.register_script(_RELEASE)
        self._cancel = client.register_script(_CANCEL)
        self._supersede = client.register_script(_SUPERSEDE)

    def create(self, run: str, suite: str, created_at: float, manifest: str) -> None:
        """Record a new run, and that it is its suite's newest."""
        with self.client.pipeline() as pipe:
            pipe.set(key(run), manifest)
            pipe.zadd("farm:runs", {run: created_at})
            pipe.hset("farm:suites", suite, run)
            pipe.execute()

    def add_column(
        self, run: str, hardware: str, tags: Collection[str], jobs: Sequence[JobSpec]
    ) -> bool:
        """Record a hardware's jobs as queued; return False when they were recorded before."""
        columns = key(run, "columns")
        with self.client.pipeline() as pipe:
            pipe.watch(columns)  # type: ignore[no-untyped-call]
            if pipe.hexists(columns, hardware):
                return False
            pipe.multi()
            pipe.hset(columns, hardware, json.dumps(sorted(tags)))
            for batch in _batches(jobs):
                pipe.hset(key(run, "jobs"), mapping={j.id: j.model_dump_json() for j in batch})
                pipe.hset(key(run, "states"), mapping=dict.fromkeys([j.id for j in batch], QUEUED))
            from redis import WatchError

            try:
                pipe.execute()
            except WatchError:
                return self.add_column(run, hardware, tags, jobs)
        return True

    def may_enqueue(self, run: str, hardware: str) -> bool:
        """Return whether the caller has to enqueue the column's jobs now.

        Nobody has to when they are enqueued, or when somebody is at it. Whoever was at it and died
        is given a minute; a job that is enqueued twice for it is skipped by `begin`.
        """
        if self.client.sismember(key(run, "enqueued"), hardware):
            return False
        turn = key(run, f"enqueuing:{hardware}")
        return bool(self.client.set(turn, "1", nx=True, ex=ENQUEUE_SECONDS))

    def enqueued(self, run: str, hardware: str) -> None:
        """Record that all the column's jobs are in its queue."""
        self.client.sadd(key(run, "enqueued"), hardware)

    def begin(self, job: JobSpec) -> int:
        """Mark a job as running and return how often it was begun now, this time included.

        0: it has ended already, or is not known, and is not to be run.
        """
        keys = [key(job.run, "states"), key(job.run, "attempts")]
        return cast(int, self._begin(keys=keys, args=[job.id]))

    def release(self, job: JobSpec) -> bool:
        """Mark a running job as queued again: its worker hands it back, and it is no attempt."""
        keys = [key(job.run, "states"), key(job.run, "attempts")]
        return bool(self._release(keys=keys, args=[job.id]))

    def cancel(self, run: str, jobs: Sequence[str]) -> list[str]:
        """End those of the jobs that have not ended as cancelled; return their ids.

        Workers hear of those that run. A result that arrives later is not taken.
        """
        cancelled: list[str] = []
        for batch in _batches(jobs):
            keys = [key(run, "states"), CANCELLED_CHANNEL]
            cancelled += cast("list[str]", self._cancel(keys=keys, args=list(batch)))
        return cancelled

    def supersede(self, job: str, successor: JobSpec) -> bool:
        """Put another job in the place of one that has ended; return False when it has not.

        The successor is recorded as queued, and not enqueued.
        """
        run = successor.run
        return bool(
            self._supersede(
                keys=[key(run, "states"), key(run, "jobs")],
                args=[job, successor.id, successor.model_dump_json()],
            )
        )

    def close(self, run: str) -> None:
        """Let no further hardware join the run."""
        self.client.sadd("farm:closed", run)

    def closed(self, run: str) -> bool:
        """Return whether the run was closed."""
        return bool(self.client.sismember("farm:closed", run))

    def forget(self, run: str, suite: str) -> None:
        """Remove everything of the run."""
        keys = [key(run), *self.client.scan_iter(f"{key(run)}:*", count=BATCH)]
        with self.client.pipeline() as pipe:
            if self.newest(suite) == run:
                pipe.hdel("farm:suites", suite)
            pipe.zrem("farm:runs", run)
            pipe.srem("farm:closed", run)
            pipe.unlink(*keys)
            pipe.execute()

    def state(self, job: JobSpec) -> str | None:
        """Return the job's state, or None when it is not known."""
        return cast("str | None", self.client.hget(key(job.run, "states"), job.id))

    def finish(self, result: Result) -> Taken:
        """Append a result to its run's log, unless the job has one or is not known here."""
        job = result.job
        answer = self._finish(
            keys=[key(job.run, "states"), key(job.run, "results")],
            args=[job.id, result.status.value, result.model_dump_json()],
        )
        return Taken(cast(int, answer))

    def runs(self) -> list[str]:
        """Return all runs, the oldest first."""
        return cast("list[str]", self.client.zrange("farm:runs", 0, -1))

    def open_runs(self) -> list[str]:
        """Return the newest run of each suite but those closed: late hardware may join them."""
        newest = cast("list[str]", self.client.hvals("farm:suites"))
        return [run for run in newest if not self.closed(run)]

    def newest(self, suite: str) -> str | None:
        """Return the suite's newest run."""
        return cast("str | None", self.client.hget("farm:suites", suite))

    def manifest(self, run: str) -> str | None:
        """Return the run's manifest as it was recorded, or None when there is no such run."""
        return cast("str | None", self.client.get(key(run)))

    def columns(self, run: str) -> dict[str, frozenset[str]]:
        """Return the hardware that has jobs in the run, with the tags that it was selected by."""
        found = cast("dict[str, str]", self.client.hgetall(key(run, "columns")))
        return {hardware: frozenset(json.loads(tags)) for hardware, tags in found.items()}

    def job_count(self, run: str) -> int:
        """Return how many jobs the run has."""
        return self.client.hlen(key(run, "jobs"))

    def jobs(self, run: str) -> Iterator[JobSpec]:
        """Yield all the run's jobs, in no order."""
        for _, spec in self.client.hscan_iter(key(run, "jobs"), count=BATCH):
            yield JobSpec.model_validate_json(spec)

    def states(self, run: str) -> dict[str, str]:
        """Return each job's state by its id."""
        return cast("dict[str, str]", self.client.hgetall(key(run, "states")))

    def results_after(self, run: str, cursor: str) -> list[tuple[str, str]]:
        """Return (cursor, Result as JSON) of the next results in the log, at most 500."""
        entries = cast(
            "list[tuple[str, dict[str, Any]]]",
            self.client.xrange(key(run, "results"), min=f"({cursor}", count=BATCH),
        )
        return [(entry, fields["result"]) for entry, fields in entries]

    def wait_for_result(self, run: str, cursor: str, seconds: float) -> None:
        """Return as soon as the log has a result after `cursor`, at the latest after `seconds`."""
        self.client.xread({key(run, "results"): cursor}, count=1, block=int(seconds * 1000))


def key(run: str, part: str = "") -> str:
    """Return the name of a run's key in Redis: its manifest's, or that of a part."""
    return f"farm:run:{run}:{part}" if part else f"farm:run:{run}"


def _batches(jobs: Sequence[T]) -> Iterable[Sequence[T]]:
    return (jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH))
