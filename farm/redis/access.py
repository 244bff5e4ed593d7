"""Access: the two users of the farm's Redis, and what each of them may do.

`coordinator` may do everything: submit, collect, configure, flush. `worker` is for machines that
only measure: it may do what taking a job and handing in its result needs, on the farm's keys, and
is told NOPERM for the rest. Nobody else gets in: Redis's `default` user is off.
"""

from __future__ import annotations

import hashlib

from workers import keys

COORDINATOR, WORKER = "coordinator", "worker"
OLDEST = (6, 2)  # Redis has users since 6.0 and channels for them since 6.2, as kombu needs
KEY_RIGHTS = (7, 0)  # since then reading and writing are told apart; Valkey began later
DRIVER_NAMES = (7, 2)  # since then a client may name its library

# All that a worker says; what is not here is refused: KEYS, SCAN, CONFIG, PUBLISH, FLUSHALL and the
# like. A test runs real workers and looks into Redis's own log of refusals.
COMMANDS = (
    "ping time info",  # is Redis there, by whose clock, with its data kept (`farm doctor`)
    "multi exec discard watch unwatch eval evalsha script|load script|exists",
    "get mget set exists del pexpire",  # a run's manifest; whose turn it is to enqueue
    "hget hset hdel hlen hmget hgetall hvals hexists hscan hincrby",  # jobs, states, who is here
    "sadd srem smembers sismember",  # what is enqueued, and closed
    "zadd zrem zrange zscore zcard zcount",  # deliveries in somebody's hands; the runs
    "lpush rpush rpop lrem lrange llen brpop blmove",  # the queues
    "xadd xlen xrange xread xinfo|stream",  # the logs of results
    "subscribe unsubscribe",  # word of jobs that were cancelled
)
# What a worker writes to. A run's manifest has no part after its id, so it is not among these.
WRITTEN = ("farm:queue:*", "farm:workers:*", "farm:run:*:*", keys.HARDWARE)
ALL = "farm:*"  # every key and channel of the farm's


def users(version: tuple[int, ...], passwords: dict[str, str]) -> list[str]:
    """Return the lines of a server's configuration that say who may do what.

    Passwords are given as hashes. `passwords` names both users.
    """
    rights = [f"+{command}" for group in COMMANDS for command in group.split()]
    if version >= DRIVER_NAMES:
        rights.append("+client|setinfo")  # harmless to refuse, but it would fill Redis's log
    keys = [f"~{ALL}"]
    if version >= KEY_RIGHTS:
        keys = [f"%R~{ALL}", *(f"~{pattern}" for pattern in WRITTEN)]
    allowed = {
        COORDINATOR: ["~*", "&*", "+@all"],
        WORKER: [*keys, f"&{ALL}", "-@all", *rights],
    }
    lines = ["user default off"]
    for user, rules in allowed.items():
        hashed = hashlib.sha256(passwords[user].encode()).hexdigest()
        lines.append(f"user {user} on #{hashed} resetchannels {' '.join(rules)}")
    return lines
