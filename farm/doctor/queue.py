"""Queue: how many messages wait for each hardware, and how many its workers have in hands."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from workers import keys

if TYPE_CHECKING:
    import redis


def waiting(client: redis.Redis, hardware: Collection[str]) -> dict[str, int]:
    """Return how many messages wait for each hardware."""
    names = sorted(hardware)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(keys.queue(name))
        return dict(zip(names, map(int, pipe.execute()), strict=True))


def held(client: redis.Redis, hardware: Collection[str], since: float) -> dict[str, int]:
    """Return how many messages the workers of each hardware have in hands.

    Those of which no worker has said so `since` (seconds since the epoch, by Redis's clock) are
    left out: their worker is gone.
    """
    names = sorted(hardware)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.zcount(keys.unacked_index(name), f"({since}", "+inf")
        return dict(zip(names, map(int, pipe.execute()), strict=True))
