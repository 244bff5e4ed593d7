"""Registry: which workers, and so which hardware, the farm knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.capabilities import Capabilities
from jobs.spec import Name, Scalar

if TYPE_CHECKING:
    import redis

KEY = "farm:workers"

WorkerState: TypeAlias = Literal[
    "idle",  # here, waiting for a job
    "running",  # here, measuring
    "left",  # was here, and said goodbye
    "lost",  # was here, and has been silent for too long
]


class WorkerRecord(BaseModel):
    """What one worker says of itself at every beat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str  # unique: hardware@host-process
    host: str
    hardware: Name
    tags: tuple[str, ...]
    state: WorkerState
    job: str | None = None  # the label of the job that it is measuring
    declared: bool  # its hardware's name was given, not detected
    facts: dict[str, Scalar | None]
    fingerprint: str
    capabilities: Capabilities | None = None  # None: it states none
    version: str  # of benchfarm
    beat_seconds: float  # how often it beats
    joined_at: float  # seconds since the epoch, by Redis's clock
    seen_at: float

    @property
    def present(self) -> bool:
        """Whether it is here now."""
        return self.state in ("idle", "running")


class Registry:
    """The workers in one Redis. Redis's clock is the only one that all machines share."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def now(self) -> float:
        """Return the time in seconds since the epoch, by Redis's clock."""
        seconds, microseconds = self.client.time()
        return seconds + microseconds / 1e6

    def beat(self, record: WorkerRecord) -> None:
        """Say that the worker is here, or that it leaves."""
        seen = record.model_copy(update={"seen_at": self.now()})
        self.client.hset(KEY, record.name, seen.model_dump_json())

    def workers(self) -> list[WorkerRecord]:
        """Return everyone who is or was here, by name; the silent are marked as lost."""
        now = self.now()
        records = []
        for _, text in sorted(cast("dict[str, str]", self.client.hgetall(KEY)).items()):
            try:
                record = WorkerRecord.model_validate_json(text)
            except ValidationError:
                continue  # of another version of the farm
            if record.present and now - record.seen_at > 3 * record.beat_seconds + 1:
                record = record.model_copy(update={"state": "lost", "job": None})
            records.append(record)
        return records

    def present(self) -> list[WorkerRecord]:
        """Return who is here now."""
        return [record for record in self.workers() if record.present]

    def join(self, record: WorkerRecord) -> None:
        """Say that a worker is here; those that it takes the place of are forgotten."""
        for other in self.workers():
            if not other.present and (other.hardware, other.host) == (record.hardware, record.host):
                self.client.hdel(KEY, other.name)
        self.beat(record)
