"""Column: one hardware's jobs in one run: each job's state, and the log of results."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from jobs.result import Result, Status
from jobs.spec import JobSpec
from workers import keys, recorded
from workers.job_states import QUEUED
from workers.result_log import JOB, RESULT, ResultLog

if TYPE_CHECKING:
    import redis

    from workers.refusal import Refusal


T = TypeVar("T")
BATCH = 500
ADD_TRIES = 10  # at a column that changes meanwhile

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
# A job that was recorded and has no state any more has lost it.
_CANCEL = """
local cancelled = {}
for _, job in ipairs(ARGV) do
  local state = redis.call('HGET', KEYS[1], job) or 'queued'
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


class Column:
    """What one Redis holds of a run for one hardware; every method is atomic, or safe to repeat."""

    def __init__(self, client: redis.Redis, run: str, hardware: str) -> None:
        self.client = client
        self.run = run
        self.hardware = hardware
        self.log = ResultLog(client, self.key("results"))

    def key(self, part: str) -> str:
        """Return the name in Redis of a part of it."""
        return keys.column(self.run, self.hardware, part)

    def add(
        self, tags: Collection[str], jobs: Sequence[JobSpec], *, open_only: bool = False
    ) -> bool:
        """Record the hardware's jobs as queued; return False when they were recorded before.

        `open_only`: also when the run was closed, or is recorded here no more.
        """
        from redis import WatchError

        for _ in range(ADD_TRIES):
            try:
                return self._add(tags, jobs, open_only=open_only)
            except WatchError:  # somebody else is at it, or will not let anybody
                continue
        return False

    def _add(self, tags: Collection[str], jobs: Sequence[JobSpec], *, open_only: bool) -> bool:
        with self.client.pipeline() as pipe:
            watched = (self.key("tags"), keys.CLOSED, keys.manifest(self.run))
            pipe.watch(*watched)  # type: ignore[no-untyped-call]
            if pipe.exists(self.key("tags")):
                return False
            closed = open_only and pipe.sismember(keys.CLOSED, self.run)
            if closed or (open_only and not pipe.exists(keys.manifest(self.run))):
                return False
            known = pipe.sismember(keys.HARDWARE, self.hardware)
            pipe.multi()
            if not known:  # else whoever was invited may not say it
                pipe.sadd(keys.HARDWARE, self.hardware)
            pipe.set(self.key("tags"), json.dumps(sorted(tags)))
            for batch in _batches(jobs):
                pipe.hset(self.key("jobs"), mapping={j.id: j.model_dump_json() for j in batch})
                pipe.hset(self.key("states"), mapping=dict.fromkeys([j.id for j in batch], QUEUED))
            pipe.execute()
        return True

    def exists(self) -> bool:
        """Return whether the hardware has jobs in the run."""
        return bool(self.client.exists(self.key("tags")))

    def begin(self, job: JobSpec) -> int:
        """Mark a job as running and return how often it was begun now, this time included.

        0: it has ended already, or is not known, and is not to be run.
        """
        return cast(int, self._run(_BEGIN, ("states", "attempts"), job.id))

    def release(self, job: JobSpec) -> bool:
        """Mark a running job as queued again: its worker hands it back, and it is no attempt."""
        return bool(self._run(_RELEASE, ("states", "attempts"), job.id))

    def finish(self, result: Result) -> Taken:
        """Append a result to the log, unless its job has one or is not known here."""
        said = (result.job.id, result.status.value, result.model_dump_json())
        return Taken(cast(int, self._run(_FINISH, ("states", "results"), *said)))

    def refuse(self, job: str, refusal: Refusal) -> Taken:
        """Put a refusal into the log in place of the job's result, as `finish` does."""
        said = (job, Status.FAILED.value, refusal.model_dump_json())
        return Taken(cast(int, self._run(_FINISH, ("states", "results"), *said)))

    def cancel(self, jobs: Sequence[str]) -> dict[str, str]:
        """End those of the jobs that have not ended as cancelled; return the state each was in.

        All of them belong to this column; one whose state is not known counts as queued.
        Workers hear of those that run. A result that arrives later is not taken.
        """
        cancelled: dict[str, str] = {}
        for batch in _batches(jobs):
            script = self.client.register_script(_CANCEL)
            names = [self.key("states"), keys.CANCELLED_CHANNEL]
            said = cast("list[str]", script(keys=names, args=list(batch)))
            cancelled |= dict(zip(said[::2], said[1::2], strict=True))
        return cancelled

    def supersede(self, job: str, successor: JobSpec, lock_token: str | None = None) -> bool:
        """Put another job in the place of one that has ended; return False when it has not.

        The successor is recorded as queued, and not enqueued. With a token nothing is done unless
        whoever asks still holds the column's lock (`workers/enqueue_lock.py`) by it.
        """
        parts = ("states", "jobs") if lock_token is None else ("states", "jobs", "lock")
        said = (job, successor.id, successor.model_dump_json(), lock_token or "")
        return bool(self._run(_SUPERSEDE, parts, *said))

    def state(self, job: str) -> str | None:
        """Return the state of the job of that id, or None when it is not known."""
        return cast("str | None", self.client.hget(self.key("states"), job))

    def states(self) -> dict[str, str]:
        """Return each job's state by its id."""
        return cast("dict[str, str]", self.client.hgetall(self.key("states")))

    def job_count(self) -> int:
        """Return how many jobs there are."""
        return self.client.hlen(self.key("jobs"))

    def jobs(self) -> Iterator[JobSpec]:
        """Yield all the jobs, in no order; what is no job of this column is left out."""
        for id_, text in self.client.hscan_iter(self.key("jobs"), count=BATCH):
            if (spec := recorded.spec(self.run, self.hardware, id_, text)) is not None:
                yield spec

    def recorded(self, job: str) -> object:
        """Return what was recorded under the id, as JSON has it; None where that is nothing."""
        text = cast("str | None", self.client.hget(self.key("jobs"), job))
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError):
            return None

    def specs(self, jobs: Sequence[str]) -> dict[str, JobSpec]:
        """Return those of the jobs that are here, by id."""
        found: dict[str, JobSpec] = {}
        for batch in _batches(jobs):
            texts = cast("list[str | None]", self.client.hmget(self.key("jobs"), list(batch)))
            for id_, text in zip(batch, texts, strict=True):
                if text is None:
                    continue
                if (spec := recorded.spec(self.run, self.hardware, id_, text)) is not None:
                    found[id_] = spec
        return found

    def _run(self, script: str, parts: Sequence[str], *arguments: str) -> object:
        names = [self.key(part) for part in parts]
        return self.client.register_script(script)(keys=names, args=list(arguments))


def _batches(jobs: Sequence[T]) -> Iterable[Sequence[T]]:
    return (jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH))
