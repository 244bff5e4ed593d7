"""Messages: what Redis holds of a hardware's queue: the messages that wait, and those in hands.

A message waits in the list of its queue; a worker's taking it moves it, in one step, among the
deliveries that are not acknowledged (`workers/transport.py`). So it is always in one of the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from workers import keys
from workers.message_check import MAX_BYTES

if TYPE_CHECKING:
    import redis

BATCH = 500


class Messages:
    """The messages of one hardware's queue."""

    def __init__(self, client: redis.Redis, hardware: str) -> None:
        self.client = client
        self.queue = keys.queue(hardware)
        self.unacked = keys.unacked(hardware)

    def jobs(self) -> set[str]:
        """Return the ids of the jobs that have a message, waiting or in a worker's hands.

        Both places are read in one step.
        """
        with self.client.pipeline() as pipe:
            pipe.lrange(self.queue, 0, -1)
            pipe.hvals(self.unacked)
            waiting, delivered = cast("tuple[list[str], list[str]]", pipe.execute())
        found = {_job_of(_decoded(text)) for text in waiting}
        for text in delivered:
            entry = _decoded(text)
            found.add(_job_of(entry[0] if isinstance(entry, list) and entry else None))
        return found - {None}  # type: ignore[return-value]

    def remove(self, jobs: Collection[str]) -> int:
        """Take the messages of these jobs out of the queue; return how many there were.

        One that a worker has in hands stays there: the worker knows what to do with it.
        """
        waiting = cast("list[str]", self.client.lrange(self.queue, 0, -1))
        wanted = [text for text in waiting if _job_of(_decoded(text)) in jobs]
        removed = 0
        for start in range(0, len(wanted), BATCH):
            with self.client.pipeline(transaction=False) as pipe:
                for text in wanted[start : start + BATCH]:
                    pipe.lrem(self.queue, 1, text)
                removed += sum(cast("list[int]", pipe.execute()))
        return removed


def _decoded(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return None


def _job_of(message: Any) -> str | None:
    """Return the id of the job that a message is of; None when it is no message of ours."""
    try:
        found = message["headers"]["id"]
    except (TypeError, KeyError, IndexError):
        return None
    return found if isinstance(found, str) else None
