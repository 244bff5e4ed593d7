"""Keys: what the farm's things are called in Redis; whose a key is stands in its name.

What only the workers of one hardware write bears that hardware's name in a place of its own, so
that Redis can keep each to its own (`farm/redis/access.py`):

- `farm:run:{run}:{hardware}:{part}`, a column of a run. Its parts are `tags` (those that the
  hardware was selected by), `jobs` (id → JobSpec), `states` (id → state), `attempts` (id → how
  often a worker has begun it), `results` (`workers/result_log.py`), `lock` and `enqueued`
  (`workers/enqueue_lock.py`);
- `farm:workers:{hardware}`, what its workers say of themselves, by name;
- `farm:queue:hardware.{hardware}`, the messages that wait, and `…:unacked` and `…:unacked_index`,
  those in somebody's hands.

What the coordinator writes: `farm:run:{run}`, a run's manifest; `farm:runs`, the runs by creation;
`farm:suites`, the newest run of each suite; `farm:closed`, the runs that no hardware joins any
more; and on the channel `farm:cancelled` the ids of jobs that were cancelled while they ran.
`farm:hardware` is the set of all hardware that was ever here, or was invited, and `farm:invited`
has the tags that each invited hardware may be selected by: its own word does not count.

A name holds no colon, and none of the signs that mean something in a pattern (`jobs.spec.Name`).
"""

from __future__ import annotations

RUNS = "farm:runs"
SUITES = "farm:suites"
CLOSED = "farm:closed"
HARDWARE = "farm:hardware"
INVITED = "farm:invited"
CANCELLED_CHANNEL = "farm:cancelled"
QUEUES = "farm:queue:"  # before the name of every queue, which is Celery's


def manifest(run: str) -> str:
    """Return the key of a run's manifest."""
    return f"farm:run:{run}"


def column(run: str, hardware: str, part: str) -> str:
    """Return the key of a part of what a run has of one hardware."""
    return f"farm:run:{run}:{hardware}:{part}"


def workers(hardware: str) -> str:
    """Return the key of what the hardware's workers say of themselves."""
    return f"farm:workers:{hardware}"


def queue_name(hardware: str) -> str:
    """Return the name of the hardware's queue, as Celery knows it."""
    return f"hardware.{hardware}"


def queue(hardware: str) -> str:
    """Return the key of the messages that wait for the hardware."""
    return f"{QUEUES}{queue_name(hardware)}"


def unacked(hardware: str) -> str:
    """Return the key of the hardware's deliveries that are not acknowledged, by delivery tag."""
    return f"{queue(hardware)}:unacked"


def unacked_index(hardware: str) -> str:
    """Return the key that orders these deliveries by when somebody last said that they have it."""
    return f"{queue(hardware)}:unacked_index"


def written_by(hardware: str) -> tuple[str, ...]:
    """Return the patterns of all keys that the hardware's workers write."""
    queued = queue(hardware)
    return column("*", hardware, "*"), workers(hardware), queued, f"{queued}:*"
