"""EnqueueLock: one person at a time puts the jobs of one hardware into its queue, for one run.

Whoever is at it and dies, or falls asleep, loses the lock after a while, and notices it before the
next few messages. `farm:run:{run}:enqueued` is the set of the hardware whose jobs are all in its
queue, or were.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, cast

from workers.ledger import key

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
if ARGV[2] ~= '' then redis.call('SADD', KEYS[2], ARGV[2]) end
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
        self._key = key(run, f"enqueuing:{hardware}")
        self._token = secrets.token_hex(8)
        self._kept_at = 0.0

    @property
    def held(self) -> tuple[str, str]:
        """The key in Redis, and what it holds as long as the lock is this one's."""
        return self._key, self._token

    @property
    def _milliseconds(self) -> int:
        return int(self.seconds * 1000)

    def acquire(self, patience_seconds: float = 0.0) -> bool:
        """Take the lock when nobody has it, or when it ends in so many seconds."""
        deadline = time.monotonic() + patience_seconds
        while not self.client.set(self._key, self._token, nx=True, px=self._milliseconds):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        self._kept_at = time.monotonic()
        return True

    def take_over(self) -> None:
        """Take the lock from whoever has it: they stop before their next few messages."""
        self.client.set(self._key, self._token, px=self._milliseconds)
        self._kept_at = time.monotonic()

    def extend(self, *, when_due: bool = False) -> bool:
        """Have it for longer; return False when it was over, or somebody else has it now.

        `when_due` asks Redis only when a fourth of the time has gone since it was asked.
        """
        if when_due and time.monotonic() - self._kept_at < self.seconds / 4:
            return True
        keep = self.client.register_script(_KEEP)
        self._kept_at = time.monotonic()
        return bool(keep(keys=[self._key], args=[self._token, self._milliseconds]))

    def release(self, *, all_enqueued: bool = False) -> bool:
        """Let others have it; say that all the hardware's jobs are in its queue now.

        Returns False, and says nothing, when the lock was over before.
        """
        keys = [self._key, key(self.run, "enqueued")]
        end = self.client.register_script(_END)
        said = self.hardware if all_enqueued else ""
        return bool(cast(int, end(keys=keys, args=[self._token, said])))

    def done_before(self) -> bool:
        """Return whether all the hardware's jobs were put into its queue once."""
        return bool(self.client.sismember(key(self.run, "enqueued"), self.hardware))
