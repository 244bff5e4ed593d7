"""EnqueueLock: one person at a time puts the jobs of one hardware into its queue, for one run.

Whoever is at it and dies, or falls asleep, loses the lock after a while, and notices it before the
next few messages. The part `enqueued` of the column says that all its jobs are in the queue, or
were.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, cast

from workers import keys

if TYPE_CHECKING:
    import redis

LOCK_SECONDS = 6.0
POLL_SECONDS = 0.1

_KEEP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
_END = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
return 1
"""


class EnqueueLock:
    """The lock at one hardware's queue for one run; nobody's until it is taken."""

    def __init__(
        self, client: redis.Redis, run: str, hardware: str, seconds: float = LOCK_SECONDS
    ) -> None:
        self.client = client
        self.run = run
        self.hardware = hardware
        self.seconds = seconds
        self._key = keys.column(run, hardware, "lock")
        self._enqueued = keys.column(run, hardware, "enqueued")
        self.token = secrets.token_hex(8)
        self._kept_at = 0.0

    @property
    def _milliseconds(self) -> int:
        return int(self.seconds * 1000)

    def acquire(self, patience_seconds: float = 0.0) -> bool:
        """Take the lock when nobody has it, or when it ends in so many seconds."""
        deadline = time.monotonic() + patience_seconds
        while not self.client.set(self._key, self.token, nx=True, px=self._milliseconds):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        self._kept_at = time.monotonic()
        return True

    def take_over(self) -> None:
        """Take the lock from whoever has it: they stop before their next few messages."""
        self.client.set(self._key, self.token, px=self._milliseconds)
        self._kept_at = time.monotonic()

    def held(self) -> bool:
        """Return whether anybody has the lock now."""
        return bool(self.client.exists(self._key))

    def extend(self, *, when_due: bool = False) -> bool:
        """Have it for longer; return False when it was over, or somebody else has it now.

        `when_due` asks Redis only when a fourth of the time has gone since it was asked.
        """
        if when_due and time.monotonic() - self._kept_at < self.seconds / 4:
            return True
        keep = self.client.register_script(_KEEP)
        self._kept_at = time.monotonic()
        return bool(keep(keys=[self._key], args=[self.token, self._milliseconds]))

    def release(self, *, all_enqueued: bool = False) -> bool:
        """Let others have it; say that all the hardware's jobs are in its queue now.

        Returns False, and says nothing, when the lock was over before.
        """
        end = self.client.register_script(_END)
        said = "1" if all_enqueued else ""
        return bool(cast(int, end(keys=[self._key, self._enqueued], args=[self.token, said])))

    def done_before(self) -> bool:
        """Return whether all the hardware's jobs were put into its queue once."""
        return bool(self.client.exists(self._enqueued))
