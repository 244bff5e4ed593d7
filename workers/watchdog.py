"""Watchdog: notices that a worker has stopped taking jobs, and starts its process anew.

After a broken connection a consumer can look alive and never ask for a message again; Celery and
kombu have had several faults of the kind. What shows it from outside: jobs wait in this worker's
own queue, Redis hears it, and it has neither worked nor taken a message for a long while. The
process is then replaced by itself (`execv`): same number, same terminal, same arguments, and no
thread, socket or lock of the old one is left.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from workers import keys
from workers.app import visibility_seconds

if TYPE_CHECKING:
    import redis

    from workers.transport import Listener

logger = logging.getLogger(__name__)

TIMEOUTS = 2  # so many visibility timeouts of idleness beside waiting jobs are a fault,
LEAST_SECONDS = 30.0  # and no fewer seconds than these


class Watchdog:
    """Looks at a worker's queue now and then, and restarts a worker that should be at it."""

    def __init__(
        self,
        client: redis.Redis,
        hardware: str,
        listener: Listener,
        busy: Callable[[], bool],
        restart: Callable[[], None],
        seconds: float | None = None,
    ) -> None:
        self.client = client
        self.key = keys.queue(hardware)
        self.listener = listener
        self.busy = busy
        self.restart = restart
        self.seconds = seconds or max(TIMEOUTS * visibility_seconds(), LEAST_SECONDS)
        self.stopped = False
        self._fine_at = self._looked_at = time.monotonic()

    def look(self) -> None:
        """Restart the worker if it has left jobs waiting for too long.

        Raises RedisError when Redis does not answer; that time does not count.
        """
        now = time.monotonic()
        # Whoever did not look for long, did not see what happened: Redis was away, or this machine.
        silent, self._looked_at = now - self._looked_at > self.seconds / 2, now
        refused = now - self.listener.refused_at < self.seconds / 2
        if self.stopped or silent or refused or self.busy() or not self.client.llen(self.key):
            self._fine_at = now
        idle_seconds = now - max(self._fine_at, self.listener.received_at)
        if idle_seconds < self.seconds:
            return
        logger.error(
            "jobs have waited in this worker's queue for %.0f s and it took none: it starts anew",
            idle_seconds,
        )
        self._fine_at = now
        self.restart()


def start_anew(cpus: Collection[int] = ()) -> None:
    """Replace this process by a new one with the same arguments; does not return.

    `cpus` are CPUs that it may use beside those that it confined itself to.
    """
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {*os.sched_getaffinity(0), *cpus})
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Descriptors that Python opened are closed by the kernel here, and with them locks and sockets.
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
