"""Access: the users of the farm's Redis, and what each of them may do.

`coordinator` may do everything: submit, collect, configure, flush. `worker` is for machines that
only measure: it may do what taking a job and handing in its result needs, on the farm's keys, and
is told NOPERM for the rest. `worker.NAME` is for one hardware, which was invited: it writes what
bears that hardware's name, and nothing else. Nobody else gets in: Redis's `default` user is off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from jobs.errors import BrokerError
from workers import keys
from workers.client import WORKER

__all__ = ["COORDINATOR", "WORKER", "rules", "user_of", "users"]

COORDINATOR = "coordinator"
OLDEST = (6, 2)  # Redis has users since 6.0 and channels for them since 6.2, as kombu needs
KEY_RIGHTS = (7, 0)  # since then reading and writing are told apart; Valkey began later
DRIVER_NAMES = (7, 2)  # since then a client may name its library

# All that a worker says; what is not here is refused: KEYS, SCAN, CONFIG, PUBLISH, FLUSHALL and the
# like. A test runs real workers and looks into Redis's own log of refusals.
COMMANDS = (
    "ping time info",  # is Redis there, by whose clock, with its data kept (`farm doctor`)
    "multi exec discard watch unwatch eval evalsha script|load script|exists",
    "get mget set exists del pexpire",  # a run's manifest; who may enqueue just now
    "hget hset hdel hlen hmget hgetall hvals hexists hscan hincrby",  # jobs, states, who is here
    "sadd srem smembers sismember",  # what is closed; which hardware there is
    "zadd zrem zrange zscore zcard zcount",  # deliveries in somebody's hands; the runs
    "lpush rpush rpop lrem lrange llen brpop blmove",  # the queues
    "xadd xlen xrange xread xinfo|stream",  # the logs of results
    "subscribe unsubscribe",  # word of jobs that were cancelled
)
# What `worker` writes to. A run's manifest has no part after its id, so it is not among these.
WRITTEN = ("farm:queue:*", "farm:workers:*", "farm:run:*:*", keys.HARDWARE)
ALL = "farm:*"  # every key and channel of the farm's


def user_of(hardware: str) -> str:
    """Return the user of a hardware that was invited."""
    return f"{WORKER}.{hardware}"


def users(version: tuple[int, ...], passwords: Mapping[str, str]) -> list[str]:
    """Return the lines of a server's configuration that say who may do what.

    The passwords, one for each user, stand there as hashes. Raises BrokerError where the server
    cannot keep somebody to their own.
    """
    return [
        "user default off",
        *(
            f"user {user} {' '.join(rules(version, user, password))}"
            for user, password in passwords.items()
        ),
    ]


def rules(version: tuple[int, ...], user: str, password: str) -> list[str]:
    """Return what Redis is told of one user, as `ACL SETUSER` takes it."""
    hashed = hashlib.sha256(password.encode()).hexdigest()
    return ["on", f"#{hashed}", "resetchannels", *_rights(version, user)]


def _rights(version: tuple[int, ...], user: str) -> list[str]:
    if user == COORDINATOR:
        return ["~*", "&*", "+@all"]
    commands = ["-@all", *(f"+{command}" for group in COMMANDS for command in group.split())]
    if version >= DRIVER_NAMES:
        commands.append("+client|setinfo")  # harmless to refuse, but it would fill Redis's log
    if user == WORKER:
        if version < KEY_RIGHTS:
            return [f"~{ALL}", f"&{ALL}", *commands]
        return [f"%R~{ALL}", *(f"~{pattern}" for pattern in WRITTEN), f"&{ALL}", *commands]
    if version < KEY_RIGHTS:
        raise BrokerError(
            f"{user} cannot be kept to its own results by Redis "
            f"{'.'.join(map(str, version))}, which does not tell reading from writing; accepted: "
            f'Redis 7 or later, or any Valkey (the embedded one: pip install "benchfarm[embedded]")'
        )
    own = keys.written_by(user.removeprefix(f"{WORKER}."))
    channel = f"&{keys.CANCELLED_CHANNEL}"
    return [f"%R~{ALL}", *(f"~{pattern}" for pattern in own), channel, *commands]
