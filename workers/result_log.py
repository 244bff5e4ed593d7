"""ResultLog: a column's results in Redis, a stream with an entry each, in the order they came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from redis import RedisError, ResponseError

from jobs.limits import MAX_RESULT_BYTES

if TYPE_CHECKING:
    import redis

JOB, RESULT = "job", "result"  # the fields of an entry: the job's id, its Result as JSON
COUNT = 500
# What Redis says of keys that somebody has damaged: other hardware is none the worse for it.
_DAMAGED = (
    *("WRONGTYPE", "exhausted", "Invalid stream ID", "invalid start ID", "not an integer"),
    *("would overflow", "not a valid float"),
)
CARRIED_BYTES = 2 * MAX_RESULT_BYTES  # of results in one answer, about
KEPT_BYTES = 65_536  # of a result that is too large

# One entry at a time, so that Redis never copies more than one result for it.
_AFTER = """
local found, start, room = {}, ARGV[1], tonumber(ARGV[3])
for _ = 1, ARGV[2] do
  local entry = redis.call('XRANGE', KEYS[1], '(' .. start, '+', 'COUNT', 1)[1]
  if not entry then break end
  start = entry[1]
  local job, text = '', ''
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'job' then job = entry[2][at + 1] end
    if entry[2][at] == 'result' then text = entry[2][at + 1] end
  end
  local size = #text
  if size > tonumber(ARGV[4]) then text = string.sub(text, 1, ARGV[5]) end
  found[#found + 1] = {start, text, string.sub(job, 1, 64), size}
  room = room - #text
  if room <= 0 then break end
end
return found
"""

# Not by xinfo_stream(), which reads the first and the last entry as text.
_LAST = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for at = 1, #info, 2 do
  if info[at] == 'last-generated-id' then return info[at + 1] end
end
"""


def is_damage(error: RedisError) -> bool:
    """Return whether the error is of what some key holds, and not of Redis as a whole."""
    return isinstance(error, ResponseError) and any(said in str(error) for said in _DAMAGED)


class LogEntry(NamedTuple):
    """One result as it came."""

    cursor: str
    text: str  # Result as JSON; of one that is too large its beginning
    job: str  # the id; empty where the entry does not say it
    size: int  # of the result, in bytes

    @property
    def too_large(self) -> bool:
        """Whether the text is cut."""
        return self.size > MAX_RESULT_BYTES


class ResultLog:
    """The results of one hardware in one run."""

    def __init__(self, client: redis.Redis, key: str) -> None:
        self.client = client
        self.key = key

    def after(self, cursor: str) -> list[LogEntry]:
        """Return the next entries: 500, or fewer when they are large; see CARRIED_BYTES.

        What is not UTF-8 is replaced, so that nobody can keep others from reading on.
        """
        sizes = (COUNT, CARRIED_BYTES, MAX_RESULT_BYTES, KEPT_BYTES)
        found = cast(
            "list[list[Any]]",
            self.client.execute_command(  # type: ignore[no-untyped-call]
                "EVAL", _AFTER, 1, self.key, cursor, *sizes, NEVER_DECODE=True
            ),
        )
        return [
            LogEntry(_text(entry), _text(text), _text(job), size)
            for entry, text, job, size in found
        ]

    def ask_last(self, client: redis.Redis) -> object:
        """Ask for the cursor of the newest entry: Redis, or a pipeline, which answers later.

        None, when there is none.
        """
        return client.eval(_LAST, 1, self.key)

    def last(self) -> str | None:
        """Return the cursor of the newest entry, or None when there is none."""
        return cast("str | None", self.ask_last(self.client))


def wait(client: redis.Redis, cursors: Mapping[str, str], seconds: float) -> None:
    """Return as soon as a log has an entry after its cursor, at the latest after `seconds`.

    `cursors` has one for each log's key, at least one.
    """
    block = ("COUNT", 1, "BLOCK", int(seconds * 1000))
    client.execute_command(  # type: ignore[no-untyped-call]
        "XREAD", *block, "STREAMS", *cursors, *cursors.values(), NEVER_DECODE=True
    )


def _text(said: bytes) -> str:
    return said.decode(errors="replace")
