"""Transport: kombu's Redis transport, made so that no message can fall between two hands.

Kombu takes a message with BRPOP and notes it among the unacknowledged ones afterwards. Whatever
goes wrong in between (the worker is killed, the reply is lost, Redis is full) loses the message.
Here a worker waits by BLMOVE, which leaves the message where it is, and one script moves it into
the worker's hands. Three more things are otherwise:

- Scores are Redis's own time, so that the clocks of the machines do not matter.
- A delivery whose acknowledgement Redis does not take stops nobody: kombu would count it as in the
  worker's hands for ever, and, with one message at a time, never ask for another.
- After a silence (Redis was away or took no writes, or this machine was asleep) nobody's lease is
  judged for half a timeout, so that whoever is still measuring can renew it first.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from queue import Empty
from typing import Any

from kombu import connection as kombu_connection
from kombu.transport import redis as kombu_redis
from kombu.transport import virtual
from redis import ConnectionPool, RedisError, ResponseError

from workers.message_check import NoJobError, UnreadableJobError, admitted, restorable

logger = logging.getLogger(__name__)

REFUSED_SECONDS = 1.0  # between two tries at a Redis that answers with errors
RECONNECT_SECONDS = 5  # the longest pause between two tries at a Redis that is not there
AT_ONCE = 100  # overdue deliveries that are put back in one go
NOBODY = "nobody"  # the tag of no delivery

# Move a message from its queue into the hands of this worker, unless somebody was faster.
_CLAIM = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
local now = redis.call('TIME')
redis.call('ZADD', KEYS[2], now[1] + now[2] / 1000000, ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
return 1
"""


class Listener:
    """What a channel tells of its doings; times are of `time.monotonic`."""

    def __init__(self) -> None:
        self.received_at = time.monotonic()  # when the last message was taken
        self.refused_at = float("-inf")  # when Redis last refused to hand one out
        self.unreadable: Callable[[UnreadableJobError], None] | None = None  # is told of those
        self.leaving = False  # what it puts back is for whoever comes next


class QoS(kombu_redis.QoS):
    """The deliveries in this worker's hands."""

    # The one that a job runs for keeps its lease, whatever becomes of the connection.
    restore_at_shutdown = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard_at = float("-inf")
        self._judge_at = float("-inf")
        self._refusal = ""  # Redis's last, so that it is logged once

    def append(self, message: Any, delivery_tag: str) -> None:
        """Count a message as in this worker's hands; in Redis it is already."""
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge; when Redis does not take it, the message comes back and is skipped."""
        try:
            super().ack(delivery_tag)
        except RedisError as error:
            logger.warning("a job's message will come back: Redis takes no receipt: %s", error)
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Put a message back; when Redis does not take it, its lease runs out by itself."""
        listener = self.channel.listener
        try:
            if requeue and listener is not None and listener.leaving:
                self.restore_by_tag(delivery_tag)  # at the end that is taken from
                virtual.QoS.ack(self, delivery_tag)
            else:
                super().reject(delivery_tag, requeue=requeue)
        except RedisError as error:
            logger.warning("a job's message goes back when its lease ends: %s", error)
            virtual.QoS.ack(self, delivery_tag)

    def restore_visible(self, start: int = 0, num: int = 10, interval: int = 10) -> None:
        """Put back into their queues the messages whose leases have run out."""
        now = time.monotonic()
        grace = self.visibility_timeout / 2
        if now - self._heard_at > max(grace, 3 * self.channel.unacked_restore_interval):
            self._judge_at = now + grace
        try:
            with self.channel.conn_or_acquire() as client:
                # A write that changes nothing: where writes are refused, no lease is renewed.
                client.zadd(self.unacked_index_key, {NOBODY: 0}, xx=True)
                if now >= self._judge_at:
                    self._restore_overdue(client)
        except ResponseError as error:
            if not self._refusal:
                logger.warning("Redis refuses to be written to: %s", error)
            self._refusal = str(error)
            return
        self._refusal = ""
        # When it was asked, not when it answered: a call that hung is a silence too.
        self._heard_at = now

    def _restore_overdue(self, client: Any) -> None:
        seconds, microseconds = client.time()
        before = seconds + microseconds / 1e6 - self.visibility_timeout
        overdue = client.zrange(
            self.unacked_index_key, before, 0, desc=True, byscore=True, offset=0, num=AT_ONCE
        )
        for tag in overdue:
            self._restore(tag, client)

    def _restore(self, tag: bytes, client: Any) -> None:
        entry = client.hget(self.unacked_key, tag)
        if entry is None or restorable(entry, self.channel.own_queue):
            self.restore_by_tag(tag, client)
        else:
            logger.error("dropped a delivery that holds none of the farm's messages: %r", tag)
            self._remove_from_indices(tag).execute()


class Channel(kombu_redis.Channel):
    """Consumes from one queue, one message at a time."""

    QoS = QoS
    from_transport_options: tuple[str, ...] = (  # type: ignore[assignment]
        *kombu_redis.Channel.from_transport_options,
        "listener",
        "own_queue",
    )
    listener: Listener | None = None
    own_queue = ""  # the one that its deliveries come from; empty where it only sends

    _brpop_sent_at: float | None = None  # type: ignore[assignment]
    _asked = ""  # the queue that is waited for
    _refusal = ""  # Redis's last, so that it is logged once
    _closed_pool: tuple[Any, dict[str, Any]] | None = None  # what its connections are made of

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(1)
        if not queues:
            return
        [self._asked] = queues
        key = self.global_keyprefix + self._asked
        self._in_poll = self.client.connection
        self._brpop_sent_at = time.monotonic()
        # From the end of the list to the end of the same: it waits, and changes nothing.
        self.client.connection.send_command(
            "BLMOVE", key, key, "RIGHT", "RIGHT", timeout or self.brpop_timeout
        )

    def _brpop_read(self, **options: Any) -> bool:
        try:
            message = self._take(**options)
        except ResponseError as error:
            # Full, read-only, loading, or its disk is full: nothing was taken.
            if str(error) != self._refusal:
                self._refusal = str(error)
                logger.warning("Redis hands out no jobs: %s", error)
            if self.listener is not None:
                self.listener.refused_at = time.monotonic()
            time.sleep(REFUSED_SECONDS)
            raise Empty from error
        self._refusal = ""
        if message is None:
            raise Empty
        if self.listener is not None:
            self.listener.received_at = time.monotonic()
        self._queue_cycle.rotate(self._asked)
        self.connection._deliver(message, self._asked)
        return True

    def _take(self, **options: Any) -> dict[str, Any] | None:
        connection = self.client.connection
        try:
            text = self.client.parse_response(connection, "BLMOVE", **options)
        except self.connection_errors:
            connection.disconnect()  # the next turn of the loop connects again
            raise
        finally:
            self._in_poll = False
        if text is None or self._closing or self._asked not in self.active_queues:
            return None
        try:
            message = admitted(text, self._asked)
        except NoJobError as error:
            told = None if self.listener is None else self.listener.unreadable
            if told is not None and isinstance(error, UnreadableJobError):
                told(error)
            else:
                logger.error("dropped a message from the queue %s: %s", self._asked, error)
            with self.conn_or_acquire() as client:
                client.lrem(self.global_keyprefix + self._asked, -1, text)
            return None
        return message if self._claim(text, message) else None

    def _claim(self, text: bytes, message: dict[str, Any]) -> bool:
        prefix = self.global_keyprefix
        properties = message["properties"]
        delivery = properties["delivery_info"]
        with self.conn_or_acquire() as client:
            return bool(
                client.eval(
                    _CLAIM,
                    3,
                    prefix + self._asked,
                    prefix + self.unacked_index_key,
                    prefix + self.unacked_key,
                    text,
                    properties["delivery_tag"],
                    json.dumps([message, delivery["exchange"], delivery["routing_key"]]),
                )
            )

    def _get_pool(self, asynchronous: bool = False) -> Any:
        """Return new connections; for receipts also when the channel has been closed meanwhile."""
        if self.connection is None and self._closed_pool is not None:
            kind, settings = self._closed_pool
            return ConnectionPool(kind, **settings)
        pool = super()._get_pool(asynchronous)
        if not asynchronous:
            self._closed_pool = (pool.connection_class, pool.connection_kwargs)
        return pool

    def _queue_bind(self, *_: Any) -> None:
        """Do nothing: a queue has the name of its routing key."""

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        return [routing_key]

    def maybe_refresh_binding_expiry(self) -> None:
        """Do nothing: there are no bindings."""


class Transport(kombu_redis.Transport):
    """The transport of `redis://` and `rediss://` (see `workers.app`)."""

    Channel = Channel


class Connection(kombu_connection.Connection):
    """A connection that is tried again every few seconds, however long it has been away."""

    def ensure_connection(self, *arguments: Any, **named: Any) -> Any:
        """Return this connection when it is there; kombu's own pauses grow to half a minute."""
        pauses = {"interval_start": 1, "interval_step": 1, "interval_max": RECONNECT_SECONDS}
        return super().ensure_connection(*arguments, **{**pauses, **named})
