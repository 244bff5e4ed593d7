"""Ledger: the runs that Redis knows, and of each the hardware that has jobs in it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

from redis import RedisError

from workers import keys, recorded
from workers.column import BATCH, Column
from workers.result_log import is_damage, wait

if TYPE_CHECKING:
    import redis

    from jobs.spec import JobSpec

logger = logging.getLogger(__name__)


class Extent(NamedTuple):
    """How much there is of a column."""

    jobs: int
    last_result: str | None  # the cursor of the newest result in its log; None: there is none


class Ledger:
    """The runs in one Redis; every method is atomic, or safe to repeat."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def create(self, run: str, suite: str, created_at: float, manifest: str) -> None:
        """Record a new run, and that it is its suite's newest."""
        with self.client.pipeline() as pipe:
            pipe.set(keys.manifest(run), manifest)
            pipe.zadd(keys.RUNS, {run: created_at})
            pipe.hset(keys.SUITES, suite, run)
            pipe.execute()

    def close(self, run: str) -> bool:
        """Let no further hardware join the run; return False when it was closed already."""
        return bool(self.client.sadd(keys.CLOSED, run))

    def reopen(self, run: str) -> None:
        """Let hardware join the run again."""
        self.client.srem(keys.CLOSED, run)

    def closed(self, run: str) -> bool:
        """Return whether the run was closed."""
        return bool(self.client.sismember(keys.CLOSED, run))

    def forget(self, run: str, suite: str, check: Callable[[], None] = lambda: None) -> None:
        """Remove everything of the run, unless `check` raises.

        Raises redis.WatchError, and removes nothing, when any of it changes while `check` looks.
        """
        columns = [self.column(run, hardware) for hardware in self.columns(run)]
        parts = ("tags", "jobs", "states", "results")
        watched = [column.key(part) for column in columns for part in parts]
        with self.client.pipeline() as pipe:
            pipe.watch(keys.manifest(run), *watched)  # type: ignore[no-untyped-call]
            check()
            found = list(self.client.scan_iter(f"{keys.manifest(run)}:*", count=BATCH))
            newest = self.newest(suite) == run
            pipe.multi()
            if newest:
                pipe.hdel(keys.SUITES, suite)
            pipe.zrem(keys.RUNS, run)
            pipe.srem(keys.CLOSED, run)
            pipe.unlink(keys.manifest(run))
            for start in range(0, len(found), BATCH):
                pipe.unlink(*found[start : start + BATCH])
            pipe.execute()

    def runs(self) -> list[str]:
        """Return all runs, the oldest first."""
        return cast("list[str]", self.client.zrange(keys.RUNS, 0, -1))

    def open_runs(self) -> list[str]:
        """Return the newest run of each suite but those closed: late hardware may join them."""
        newest = cast("list[str]", self.client.hvals(keys.SUITES))
        return [run for run in newest if not self.closed(run)]

    def newest(self, suite: str) -> str | None:
        """Return the suite's newest run."""
        return cast("str | None", self.client.hget(keys.SUITES, suite))

    def manifest(self, run: str) -> str | None:
        """Return the run's manifest as it was recorded, or None when there is no such run."""
        return cast("str | None", self.client.get(keys.manifest(run)))

    def column(self, run: str, hardware: str) -> Column:
        """Return what the run has of a hardware."""
        return Column(self.client, run, hardware)

    def column_of(self, job: JobSpec) -> Column:
        """Return the column that a job stands in."""
        return Column(self.client, job.run, job.hardware)

    def columns(self, run: str) -> dict[str, frozenset[str]]:
        """Return the hardware that has jobs in the run, with the tags that it was selected by."""
        with self.client.pipeline(transaction=False) as pipe:
            pipe.smembers(keys.HARDWARE)
            pipe.hgetall(keys.INVITED)
            known, invited = cast("tuple[set[str], dict[str, str]]", pipe.execute())
        names = sorted(known)
        if not names:
            return {}
        wanted = [keys.column(run, name, "tags") for name in names]
        texts = cast("list[str | None]", self.client.mget(wanted))
        found = {
            name: recorded.tags(run, name, invited.get(name, text))
            for name, text in zip(names, texts, strict=True)
            if text is not None
        }
        return {name: tags for name, tags in found.items() if tags is not None}

    def tags(self, hardware: str, said: Collection[str]) -> frozenset[str]:
        """Return what a hardware may be selected by: the tags it says, unless it was invited."""
        text = cast("str | None", self.client.hget(keys.INVITED, hardware))
        invited = None if text is None else recorded.tags("any", hardware, text)
        return frozenset(said) if invited is None else invited

    def extents(self, run: str, hardware: Iterable[str] | None = None) -> dict[str, Extent]:
        """Return how much each hardware, or these, has in the run; what is damaged is left out."""
        names = self.columns(run) if hardware is None else hardware
        columns = [self.column(run, name) for name in names]
        with self.client.pipeline(transaction=False) as pipe:
            for column in columns:
                pipe.hlen(column.key("jobs"))
                column.log.ask_last(pipe)
            said = pipe.execute(raise_on_error=False)
        found = {}
        for column, answers in zip(columns, zip(said[::2], said[1::2], strict=True), strict=True):
            with unless_damaged(run, column.hardware):
                for answer in answers:
                    if isinstance(answer, RedisError):
                        raise answer
                found[column.hardware] = Extent(*answers)
        return found

    def job_count(self, run: str) -> int:
        """Return how many jobs the run has, on all hardware."""
        return sum(extent.jobs for extent in self.extents(run).values())

    def wait_for_result(self, run: str, cursors: Mapping[str, str], seconds: float) -> None:
        """Return as soon as any hardware has a result after its cursor, or after `seconds`.

        Where it has no cursor, any result will do.
        """
        after = {
            self.column(run, hardware).log.key: cursors.get(hardware, "0")
            for hardware in self.columns(run)
        }
        try:
            if after:
                wait(self.client, after, seconds)
                return
        except RedisError as error:
            if not is_damage(error):
                raise
        time.sleep(seconds)


@contextmanager
def unless_damaged(run: str | None, hardware: str) -> Iterator[None]:
    """Tell of what somebody has damaged of a hardware's in Redis, and go on with others'.

    `run` is None for what is of no run, as its queue.

    Whatever its workers have written there, whoever does the same for all hardware goes on: also
    where it can be read and is nothing that the farm would have written.
    """
    try:
        yield
    except (RedisError, ValueError, RecursionError) as error:
        if isinstance(error, RedisError) and not is_damage(error):
            raise
        whose = hardware if run is None else f"run {run} for {hardware}"
        logger.error("what Redis has of %s is damaged and is left out: %s", whose, error)
