"""Registry: which workers, and so which hardware, the farm knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.capabilities import Capabilities
from jobs.spec import Name, Scalar
from workers import keys

if TYPE_CHECKING:
    import redis

WorkerState: TypeAlias = Literal[
    "idle",  # here, waiting for a job
    "running",  # here, measuring
    "left",  # was here, and said goodbye
    "lost",  # was here, and has been silent for too long
]


class WorkerRecord(BaseModel):
    """What one worker says of itself at every beat."""

    # Finite numbers: who says that it was seen at infinity would never be lost.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str  # unique: hardware@host-process
    host: str
    hardware: Name
    tags: tuple[str, ...]
    state: WorkerState
    job: str | None = None  # the label of the job that it is measuring
    job_id: str | None = None
    declared: bool  # its hardware's name was given, not detected
    facts: dict[str, Scalar | None]
    fingerprint: str
    capabilities: Capabilities | None = None  # None: it states none
    version: str  # of benchfarm
    beat_seconds: float  # how often it beats
    joined_at: float  # seconds since the epoch, by Redis's clock
    seen_at: float
    # What the registry notes at a beat; None in the records of those who note none.
    idle_since: float | None = None  # by Redis's clock; None while it measures, or is not here
    clock_ahead_seconds: float | None = None  # its machine's clock, less Redis's

    @property
    def present(self) -> bool:
        """Whether it is here now."""
        return self.state in ("idle", "running")


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
        known = [record for _, record in self._records(hardware) if record is not None]
        return [
            record.model_copy(update={"state": "lost", "job": None, "job_id": None})
            if record.present and now - record.seen_at > 3 * record.beat_seconds + 1
            else record
            for record in known
        ]

    def unreadable(self) -> list[str]:
        """Return the names whose records cannot be read: they are of another version of farm."""
        return [name for name, record in self._records() if record is None]

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

    def _records(self, hardware: str | None = None) -> Iterator[tuple[str, WorkerRecord | None]]:
        """Yield each name with its record, None where that cannot be read."""
        if hardware is None:
            known = sorted(cast("set[str]", self.client.smembers(keys.HARDWARE)))
        else:
            known = [hardware]
        with self.client.pipeline(transaction=False) as pipe:
            for each in known:
                pipe.hgetall(keys.workers(each))
            found = cast("list[dict[str, str]]", pipe.execute())
        for each, records in zip(known, found, strict=True):
            for name, text in sorted(records.items()):
                yield name, _read(text, name, each)


def _read(text: str, name: str, hardware: str) -> WorkerRecord | None:
    """Return the record, unless it is none, or of another worker than it should be."""
    try:
        record = WorkerRecord.model_validate_json(text)
    except ValidationError:
        return None
    return record if (record.name, record.hardware) == (name, hardware) else None
