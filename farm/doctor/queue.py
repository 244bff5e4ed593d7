"""Queue: what waits for each hardware, and what its workers have in hands.

Whoever works for a hardware can put something else in its queue's place. Then that hardware is left
out, with a word in the log, and nobody else is the worse for it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from workers import keys
from workers.ledger import unless_damaged
from workers.messages import Messages

if TYPE_CHECKING:
    import redis
    from redis.client import Pipeline


def jobs(client: redis.Redis, hardware: Collection[str]) -> dict[str, set[str]]:
    """Return the ids of the jobs that have a message, waiting or in hands, by hardware."""
    found = {}
    for name in sorted(hardware):
        with unless_damaged(None, name):
            found[name] = Messages(client, name).jobs()
    return found


def waiting(client: redis.Redis, hardware: Collection[str]) -> dict[str, int]:
    """Return how many messages wait for each hardware."""
    names = sorted(hardware)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(keys.queue(name))
        return _counted(names, pipe)


def held(client: redis.Redis, hardware: Collection[str], since: float) -> dict[str, int]:
    """Return how many messages the workers of each hardware have in hands.

    Those of which no worker has said so `since` (seconds since the epoch, by Redis's clock) are
    left out: their worker is gone.
    """
    names = sorted(hardware)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.zcount(keys.unacked_index(name), f"({since}", "+inf")
        return _counted(names, pipe)


def _counted(names: Collection[str], pipe: Pipeline) -> dict[str, int]:
    """Return what Redis answers to the questions asked, one for each of the names."""
    found = {}
    for name, said in zip(names, pipe.execute(raise_on_error=False), strict=True):
        with unless_damaged(None, name):
            if isinstance(said, Exception):
                raise said
            found[name] = int(said)
    return found
