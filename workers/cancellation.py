"""CancellationListener: hears within a moment that the job in hand was cancelled."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from redis import RedisError

from workers.keys import CANCELLED_CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

logger = logging.getLogger(__name__)

LISTEN_SECONDS = 60.0  # one wait for a message; then Redis is asked whether it is still there
RETRY_SECONDS = 5.0  # after Redis has gone away


class CancellationListener:
    """A thread that calls `look` whenever a job was cancelled while it ran; a context manager.

    It sleeps in the kernel until Redis says something. What is published is a hint, for what is
    said of other hardware may be a lie: `look` is to see for itself. What is published while the
    connection is down it never hears: the worker looks at every beat as well.
    """

    def __init__(
        self,
        client: redis.Redis,
        look: Callable[[], None],
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._client = client
        self._look = look
        self._retry_seconds = retry_seconds
        self._stopped = threading.Event()
        self._deaf = False  # Redis is away, or does not let us listen; said once
        self._thread = threading.Thread(target=self._run, name="cancellations", daemon=True)

    def __enter__(self) -> CancellationListener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Not joined: it may be asleep for a minute, and ends with the process.
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except (RedisError, OSError) as error:
                if not (self._deaf or self._stopped.is_set()):
                    logger.warning("cancelled jobs are noticed late: Redis says: %s", error)
                self._deaf = True
            except Exception:
                if not self._stopped.is_set():  # else the client was closed under it
                    logger.exception("listening for cancelled jobs failed; it is tried again")
            self._stopped.wait(self._retry_seconds)

    def _listen(self) -> None:
        """Pass on what is published, until the connection breaks or stays silent."""
        with self._client.pubsub() as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(CANCELLED_CHANNEL)
            asked = False
            while not self._stopped.is_set():
                message = channel.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    if asked:
                        return  # a dead connection: there was not even an answer
                    channel.ping()
                elif message["type"] == "subscribe":
                    self._deaf = False
                elif message["type"] == "message":
                    self._look()
                asked = message is None
