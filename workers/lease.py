"""Pulse: says that a worker lives, and keeps its running job from being handed to another.

Kombu keeps every delivery that is not acknowledged in a sorted set, scored by the time of delivery,
and any worker of the hardware puts back into its queue what is older than the visibility timeout.
Setting the score of one's own delivery to now, again and again, is a lease: the job may run for
hours under a timeout of a minute, and when the worker dies the lease runs out by itself. Now is
Redis's own time: the clocks of the machines do not matter.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redis import RedisError

from workers import keys

if TYPE_CHECKING:
    import redis

logger = logging.getLogger(__name__)

BEATS_PER_TIMEOUT = 4

# A delivery that was put back or acknowledged meanwhile stays so.
_RENEW = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], now[1] + now[2] / 1000000, ARGV[1])
return 1
"""


class Pulse:
    """A thread that beats some times per visibility timeout; a context manager."""

    def __init__(
        self, client: redis.Redis, hardware: str, seconds: float, beat: Callable[[], None]
    ) -> None:
        self.client = client
        self._index = keys.unacked_index(hardware)
        self.seconds = seconds
        self._renew = client.register_script(_RENEW)
        self._beat = beat
        self._chores: list[Callable[[], None]] = []
        self._delivery_tag: str | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def also(self, chore: Callable[[], None]) -> None:
        """Have something else done after every beat that Redis heard."""
        self._chores.append(chore)

    @contextmanager
    def lease(self, delivery_tag: str) -> Iterator[None]:
        """Hold the delivery for as long as the body runs."""
        self._delivery_tag = delivery_tag
        try:
            yield
        finally:
            self._delivery_tag = None

    def _run(self) -> None:
        heard = True
        while not self._stopped.wait(self.seconds):
            try:
                tag = self._delivery_tag
                if tag is not None:
                    self._renew(keys=[self._index], args=[tag])
                self._beat()
                for chore in self._chores:
                    chore()
                if not heard:
                    logger.warning("Redis hears this worker again")
                heard = True
            except RedisError as error:
                if heard:  # once, and not all night
                    logger.warning("Redis does not hear this worker's beat: %s", error)
                heard = False
            except Exception:
                logger.exception("a beat failed; the next one is tried all the same")
