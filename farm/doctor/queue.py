"""Queue: how many messages wait for each hardware, and how many its workers have in hands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from workers.app import UNACKED_INDEX, queue_of
from workers.messages import BATCH, UNACKED, Messages

if TYPE_CHECKING:
    import redis


def waiting(client: redis.Redis, hardware: Collection[str]) -> dict[str, int]:
    """Return how many messages wait for each hardware."""
    names = sorted(hardware)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(Messages(client, name).queue)
        return dict(zip(names, map(int, pipe.execute()), strict=True))


def held(client: redis.Redis, hardware: Collection[str], since: float) -> dict[str, int]:
    """Return how many messages the workers of each hardware have in hands.

    Those of which no worker has said so `since` (seconds since the epoch, by Redis's clock) are
    left out: their worker is gone.
    """
    said = cast("list[tuple[str, float]]", client.zrange(UNACKED_INDEX, 0, -1, withscores=True))
    lately = {tag for tag, at in said if at > since}
    counted: Counter[str] = Counter()
    for tag, text in client.hscan_iter(UNACKED, count=BATCH):
        content = _read(text)  # [message, exchange, routing key]
        if tag in lately and isinstance(content, list) and len(content) == 3:
            counted[str(content[2])] += 1
    return {name: counted[str(queue_of(name).name)] for name in hardware}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
