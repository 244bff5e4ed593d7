"""Ledger: what Redis knows of runs: their jobs, each job's state, and the log of results.

Keys, all below `farm:run:{run}`: the manifest (a string), `:jobs` (id → JobSpec), `:states`
(id → state), `:columns` (the hardware that has jobs → its tags), `:attempts` (id → how often a
worker has begun it) and `:results` (`workers/result_log.py`); `workers/lock.py` has two more.
`farm:runs` orders the runs by creation, `farm:suites` names the newest run of each suite,
`farm:closed` is the set of those that no hardware joins any more, and on the channel
`farm:cancelled` the ids of jobs are told that were cancelled while they ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from jobs.result import Result
from jobs.spec import JobSpec
from workers import recorded
from workers.result_log import JOB, RESULT, LogEntry, ResultLog

if TYPE_CHECKING:
    import redis


T = TypeVar("T")
QUEUED, RUNNING = "queued", "running"
OPEN = (QUEUED, RUNNING)  # the states of a job that has not ended
CANCELLED = "cancelled"
SUPERSEDED = "superseded"  # it had ended, and another job was asked for in its place
CANCELLED_CHANNEL = "farm:cancelled"
CLOSED = "farm:closed"
BATCH = 500

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
    cancelled[#cancelled + 1] = state
    if state == 'running' then redis.call('PUBLISH', KEYS[2], job) end
  end
end
return cancelled
"""
_SUPERSEDE = """
if KEYS[3] and redis.call('GET', KEYS[3]) ~= ARGV[4] then return 0 end
local state = redis.call('HGET', KEYS[1], ARGV[1])
if not state or state == 'queued' or state == 'running' or state == 'superseded' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'superseded', ARGV[2], 'queued')
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
"""
_FINISH = f"""
local state = redis.call('HGET', KEYS[1], ARGV[1])
if not state then return -1 end
if state ~= 'queued' and state ~= 'running' then return 0 end
redis.call('XADD', KEYS[2], '*', '{JOB}', ARGV[1], '{RESULT}', ARGV[3])
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
        self,
        run: str,
        hardware: str,
        tags: Collection[str],
        jobs: Sequence[JobSpec],
        *,
        open_only: bool = False,
    ) -> bool:
        """Record a hardware's jobs as queued; return False when they were recorded before.

        `open_only`: also when the run was closed, or is recorded here no more.
        """
        from redis import WatchError

        columns = key(run, "columns")
        with self.client.pipeline() as pipe:
            pipe.watch(columns, CLOSED, key(run))  # type: ignore[no-untyped-call]
            if pipe.hexists(columns, hardware):
                return False
            if open_only and (pipe.sismember(CLOSED, run) or not pipe.exists(key(run))):
                return False
            pipe.multi()
            pipe.hset(columns, hardware, json.dumps(sorted(tags)))
            for batch in _batches(jobs):
                pipe.hset(key(run, "jobs"), mapping={j.id: j.model_dump_json() for j in batch})
                pipe.hset(key(run, "states"), mapping=dict.fromkeys([j.id for j in batch], QUEUED))
            try:
                pipe.execute()
            except WatchError:
                return self.add_column(run, hardware, tags, jobs, open_only=open_only)
        return True

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

    def cancel(self, run: str, jobs: Sequence[str]) -> dict[str, str]:
        """End those of the jobs that have not ended as cancelled; return the state each was in.

        Workers hear of those that run. A result that arrives later is not taken.
        """
        cancelled: dict[str, str] = {}
        for batch in _batches(jobs):
            keys = [key(run, "states"), CANCELLED_CHANNEL]
            said = cast("list[str]", self._cancel(keys=keys, args=list(batch)))
            cancelled |= dict(zip(said[::2], said[1::2], strict=True))
        return cancelled

    def supersede(self, job: str, successor: JobSpec, held: tuple[str, str] | None = None) -> bool:
        """Put another job in the place of one that has ended; return False when it has not.

        The successor is recorded as queued, and not enqueued. Nothing is done unless the key that
        `held` names first still holds its second: the lock of whoever asks.
        """
        run = successor.run
        name, token = held or (None, "")
        return bool(
            self._supersede(
                keys=[key(run, "states"), key(run, "jobs"), *([name] if name else [])],
                args=[job, successor.id, successor.model_dump_json(), token],
            )
        )

    def close(self, run: str) -> bool:
        """Let no further hardware join the run; return False when it was closed already."""
        return bool(self.client.sadd(CLOSED, run))

    def closed(self, run: str) -> bool:
        """Return whether the run was closed."""
        return bool(self.client.sismember(CLOSED, run))

    def forget(self, run: str, suite: str, check: Callable[[], None] = lambda: None) -> None:
        """Remove everything of the run, unless `check` raises.

        Raises redis.WatchError, and removes nothing, when any of it changes while `check` looks.
        """
        with self.client.pipeline() as pipe:
            watched = [key(run), *(key(run, part) for part in ("jobs", "states", "results"))]
            pipe.watch(*watched, key(run, "columns"))  # type: ignore[no-untyped-call]
            check()
            keys = list(self.client.scan_iter(f"{key(run)}:*", count=BATCH))
            newest = self.newest(suite) == run
            pipe.multi()
            if newest:
                pipe.hdel("farm:suites", suite)
            pipe.zrem("farm:runs", run)
            pipe.srem(CLOSED, run)
            pipe.unlink(key(run), *keys)
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
        known = {hardware: recorded.tags(run, hardware, text) for hardware, text in found.items()}
        return {hardware: tags for hardware, tags in known.items() if tags is not None}

    def job_count(self, run: str) -> int:
        """Return how many jobs the run has."""
        return self.client.hlen(key(run, "jobs"))

    def jobs(self, run: str) -> Iterator[JobSpec]:
        """Yield all the run's jobs, in no order; what is no job is left out."""
        for id_, text in self.client.hscan_iter(key(run, "jobs"), count=BATCH):
            if (spec := recorded.spec(run, id_, text)) is not None:
                yield spec

    def specs(self, run: str, jobs: Sequence[str]) -> dict[str, JobSpec]:
        """Return those of the jobs that the run has, by id."""
        found: dict[str, JobSpec] = {}
        for batch in _batches(jobs):
            texts = cast("list[str | None]", self.client.hmget(key(run, "jobs"), list(batch)))
            for id_, text in zip(batch, texts, strict=True):
                if text is not None and (spec := recorded.spec(run, id_, text)) is not None:
                    found[id_] = spec
        return found

    def states(self, run: str) -> dict[str, str]:
        """Return each job's state by its id."""
        return cast("dict[str, str]", self.client.hgetall(key(run, "states")))

    def results_after(self, run: str, cursor: str) -> list[LogEntry]:
        """Return the next results in the run's log, at most 500."""
        return ResultLog(self.client, key(run, "results")).after(cursor)

    def last_result(self, run: str) -> str | None:
        """Return the cursor of the newest result in the run's log, or None when it has none."""
        return ResultLog(self.client, key(run, "results")).last()

    def wait_for_result(self, run: str, cursor: str, seconds: float) -> None:
        """Return as soon as the log has a result after `cursor`, at the latest after `seconds`."""
        ResultLog(self.client, key(run, "results")).wait(cursor, seconds)


def key(run: str, part: str = "") -> str:
    """Return the name of a run's key in Redis: its manifest's, or that of a part."""
    return f"farm:run:{run}:{part}" if part else f"farm:run:{run}"


def _batches(jobs: Sequence[T]) -> Iterable[Sequence[T]]:
    return (jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH))
