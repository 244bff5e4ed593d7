"""Registry: which workers, and so which hardware, the farm knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias, cast

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from redis import RedisError

from jobs.capabilities import Capabilities
from jobs.limits import MAX_NAMES, MAX_SECONDS, Key, Moment, Text, cut
from jobs.result import Facts
from jobs.spec import MAX_WORD, Name
from workers import keys
from workers.result_log import is_damage

if TYPE_CHECKING:
    import redis

WorkerState: TypeAlias = Literal[
    "idle",  # here, waiting for a job
    "running",  # here, measuring
    "left",  # was here, and said goodbye
    "lost",  # was here, and has been silent for too long
]
Word: TypeAlias = Annotated[str, Field(max_length=MAX_WORD)]

MAX_TAGS = 100
MAX_BEAT_SECONDS = 86_400.0
MAX_WORKERS = 1_000  # of one hardware; where there are more, none of them is read
MAX_RECORD_BYTES = 65_536
FUTURE_SECONDS = 60.0  # so far Redis's clock may be set back before somebody here is lost

# Names and records, one after the other, of the hash that the first argument names; false where
# there are too many, and of what is too large only the beginning of its name. The key is no KEYS,
# for which Redis demands the right to write it.
_RECORDS = """
if redis.call('HLEN', ARGV[1]) > tonumber(ARGV[2]) then return false end
local found, most = redis.call('HGETALL', ARGV[1]), tonumber(ARGV[3])
for at = 1, #found, 2 do
  if #found[at] + #found[at + 1] > most then
    found[at], found[at + 1] = string.sub(found[at], 1, 64), ''
  end
end
return found
"""


class WorkerRecord(BaseModel):
    """What one worker says of itself at every beat."""

    # Finite numbers: who says that it was seen at infinity would never be lost.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Word  # unique: hardware@host-process
    host: Word
    hardware: Name
    tags: Annotated[tuple[Key, ...], Field(max_length=MAX_TAGS)]
    state: WorkerState
    job: Text | None = None  # the label of the job that it is measuring
    job_id: Word | None = None
    declared: bool  # its hardware's name was given, not detected
    # A result made in the worker's name has these, and more beside them.
    facts: Annotated[Facts, Field(max_length=MAX_NAMES // 2)]
    fingerprint: Word
    capabilities: Capabilities | None = None  # None: it states none
    version: Word  # of benchfarm
    beat_seconds: Annotated[float, Field(gt=0, le=MAX_BEAT_SECONDS)]  # how often it beats
    joined_at: Moment  # by Redis's clock
    seen_at: Moment
    # What the registry notes at a beat; None in the records of those who note none.
    idle_since: Moment | None = None  # by Redis's clock; None while it measures, or is not here
    # Its machine's clock, less Redis's.
    clock_ahead_seconds: Annotated[float, Field(ge=-MAX_SECONDS, le=MAX_SECONDS)] | None = None

    @property
    def present(self) -> bool:
        """Whether it is here now."""
        return self.state in ("idle", "running")

    def silent(self, now: float) -> bool:
        """Whether it has not beaten for too long; `now` by Redis's clock.

        So is who was seen long after now: otherwise whoever says that would be here for good.
        """
        unseen = now - self.seen_at
        return unseen > 3 * self.beat_seconds + 1 or unseen < -FUTURE_SECONDS


class Unreadable(NamedTuple):
    """Something that stands where a worker's record should: what it says is not believed."""

    hardware: str  # whose workers write there
    name: str  # as it was found, or its beginning

    @property
    def label(self) -> str:
        """The name, with the hardware where it is not said in the name."""
        own = self.name.startswith(f"{self.hardware}@")
        return self.name if own else f"{self.name} of {self.hardware}"


class Registry:
    """The workers in one Redis. Redis's clock is the only one that all machines share."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._idle_since: dict[str, float] = {}  # of those that beat here, by name

    def now(self) -> float:
        """Return the time in seconds since the epoch, by Redis's clock."""
        seconds, microseconds = self.client.time()
        return seconds + microseconds / 1e6

    def clocks(self) -> tuple[float, float]:
        """Return the time as `now` does, and by how many seconds this machine's clock is ahead.

        Redis reads its clock between the question and the answer: taken as half way.
        """
        asked_at = time.time()
        now = self.now()
        return now, (asked_at + time.time()) / 2 - now

    def beat(self, record: WorkerRecord) -> None:
        """Say that the worker is here, or that it leaves."""
        now, ahead = self.clocks()
        idle_since = None
        if record.state == "idle":
            idle_since = self._idle_since.setdefault(record.name, now)
        else:
            self._idle_since.pop(record.name, None)
        noted = {"seen_at": now, "idle_since": idle_since, "clock_ahead_seconds": ahead}
        seen = record.model_copy(update=noted)
        # Hardware that was invited is known, and its workers may not say who else there is.
        if not self.client.sismember(keys.HARDWARE, record.hardware):
            self.client.sadd(keys.HARDWARE, record.hardware)
        self.client.hset(keys.workers(record.hardware), record.name, seen.model_dump_json())

    def workers(self, hardware: str | None = None) -> list[WorkerRecord]:
        """Return everyone who is or was here, by name; the silent are marked as lost.

        With hardware only its workers.
        """
        now = self.now()
        known = [found for found in self._records(hardware) if isinstance(found, WorkerRecord)]
        return [
            record.model_copy(update={"state": "lost", "job": None, "job_id": None})
            if record.present and record.silent(now)
            else record
            for record in known
        ]

    def unreadable(self) -> list[Unreadable]:
        """Return whose records cannot be read: they are of another version of farm, or damaged."""
        return [found for found in self._records() if isinstance(found, Unreadable)]

    def present(self, hardware: str | None = None) -> list[WorkerRecord]:
        """Return who is here now; with hardware only its workers."""
        return [record for record in self.workers(hardware) if record.present]

    def join(self, record: WorkerRecord) -> None:
        """Say that a worker is here; those that it takes the place of are forgotten.

        They are those of its hardware and host that have left, are lost, or whose process is gone.
        """
        for other in self.workers(record.hardware):
            if other.host != record.host:
                continue
            process = other.name.rpartition("-")[2]
            dead = process.isdigit() and not psutil.pid_exists(int(process))
            if dead or not other.present:
                self.forget(other)
        self.beat(record)

    def forget(self, record: WorkerRecord) -> None:
        """Remove what is known of a worker."""
        self.client.hdel(keys.workers(record.hardware), record.name)

    def _records(self, hardware: str | None = None) -> Iterator[WorkerRecord | Unreadable]:
        """Yield the record of each worker, or whose cannot be read, by hardware and name."""
        if hardware is None:
            known = sorted(cast("set[str]", self.client.smembers(keys.HARDWARE)))
        else:
            known = [hardware]
        with self.client.pipeline(transaction=False) as pipe:
            for each in known:
                pipe.eval(_RECORDS, 0, keys.workers(each), MAX_WORKERS, MAX_RECORD_BYTES)
            said = cast("list[list[str] | Exception | None]", pipe.execute(raise_on_error=False))
        for each, found in zip(known, said, strict=True):
            if found is None or (isinstance(found, RedisError) and is_damage(found)):
                yield Unreadable(each, f"{each}@unknown")  # too many, or something else altogether
                continue
            if isinstance(found, Exception):
                raise found
            for name, text in sorted(zip(found[::2], found[1::2], strict=True)):
                yield _read(text, name, each)


def _read(text: str, name: str, hardware: str) -> WorkerRecord | Unreadable:
    """Return the record, unless it is none, or of another worker than it should be."""
    try:
        record = WorkerRecord.model_validate_json(text)
    except ValidationError:
        record = None
    if record is None or (record.name, record.hardware) != (name, hardware):
        return Unreadable(hardware, cut(name, MAX_WORD))
    return record
